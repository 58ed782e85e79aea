"""Formats whose file is about one video, and taking one video out of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from seasift.core.errors import BadInput
from seasift.core.spelling import hint
from seasift.formats.exchange.content import Content, is_picture
from seasift.formats.tracks import TrackEntry


def one_video(path: Path, content: Content, title: str) -> None:
    """Hold a document to one video, or to pictures.

    Raises:
        BadInput: several videos, or videos and pictures.
    """
    moving = [video.file for video in content.header.videos if not is_picture(video)]
    if len(moving) > 1 or (moving and len(moving) < len(content.header.videos)):
        raise BadInput(
            f"{path}: a file of {title} is about one video or about pictures; this document has "
            f"{len(content.header.videos)} files ({', '.join(moving[:3])}{', …' * (len(moving) > 3)}). Choose with --video NAME."
        )


@dataclass(frozen=True)
class _Of:
    content: Content
    places: Mapping[int, int]  # of a video in the document to that in the new one

    def __iter__(self) -> Iterator[TrackEntry]:
        for track in self.content.tracks:
            kept = [
                seen.model_copy(update={"video": self.places[seen.video]})
                for seen in track.observations
                if seen.video in self.places
            ]
            best = track.best
            if best is not None:  # the view may be in another file
                at = self.places.get(best.video)
                best = None if at is None else best.model_copy(update={"video": at})
            if kept:
                yield track.model_copy(update={"observations": kept, "best": best})


def of_video(content: Content, name: str) -> Content:
    """Only what is in one video or picture, named by its path or the end of it.

    Raises:
        BadInput: none or several of this name.
    """
    files = [video.file for video in content.header.videos]
    fits = [place for place, file in enumerate(files) if file == name] or [
        place for place, file in enumerate(files) if PurePosixPath(file).name == name
    ]
    if len(fits) != 1:
        listed = ", ".join(files[:5])
        raise BadInput(
            f"--video {name!r}{hint(name, files)}: {len(fits)} files of this name; it has {listed}."
        )
    return of_videos(content, fits)


def of_videos(content: Content, places: Sequence[int]) -> Content:
    """Only what is in some of the videos and images."""
    header = content.header.model_copy(update={"videos": [content.header.videos[place] for place in places]})
    new = {place: number for number, place in enumerate(places)}
    return replace(content, header=header, tracks=_Of(content, new))
