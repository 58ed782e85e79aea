"""Formats whose file is about one video, and taking one video out of several."""

from __future__ import annotations

from collections.abc import Iterator
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
    place: int

    def __iter__(self) -> Iterator[TrackEntry]:
        for track in self.content.tracks:
            kept = [
                seen.model_copy(update={"video": 0})
                for seen in track.observations
                if seen.video == self.place
            ]
            best = track.best
            if best is not None:  # the view may be in another file
                best = best.model_copy(update={"video": 0}) if best.video == self.place else None
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
    (place,) = fits
    header = content.header.model_copy(update={"videos": [content.header.videos[place]]})
    return replace(content, header=header, tracks=_Of(content, place))
