"""seasift's own documents: tracks of videos, predictions of images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seasift import __version__
from seasift.core.errors import InputError
from seasift.core.files import read_regular
from seasift.core.masks import from_coco
from seasift.formats import document, tracks, validation
from seasift.formats.document import FailedFile, FoundObject, Image, ModelEntry, Rle, Settings
from seasift.formats.exchange.builder import Builder
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    is_image,
    outlines,
    reading,
    rle,
)
from seasift.formats.tracks import Header, Observation, TrackEntry, TracksDocument, Video

_UNKNOWN_MODEL = ModelEntry(name="unknown", sha256="0" * 64)


@dataclass(frozen=True)
class _TracksOfFile:
    """Tracks of a document in seasift's layout, one line per track, with one at a time in memory."""

    path: Path

    def __iter__(self) -> Iterator[TrackEntry]:
        with self.path.open("rb") as file:
            for index, line in enumerate(file):
                if line.startswith(b"]}"):
                    return
                if index < 2:  # the header and the beginning of the tracks
                    continue
                with reading(self.path, f"track {index - 1}"):
                    yield TrackEntry.model_validate_json(line.strip().rstrip(b","))
        raise InputError(f"{self.path}: breaks off; expected a line ]}} at its end. Write the file again.")


def read_tracks(path: Path, _options: ReadOptions) -> Content:
    """Read a tracks document, as a stream if it has seasift's layout."""
    with path.open(encoding="utf-8") as file:
        head, second = file.readline(), file.readline()
    with reading(path, "the tracks document"):
        if second.strip() == '"tracks": [' and head.rstrip().endswith(","):
            header = Header.model_validate_json(head.rstrip()[:-1] + "}")
            return Content(header, _TracksOfFile(path))
        whole = TracksDocument.model_validate_json(read_regular(path))
    shared = {key: value for key, value in whole if key not in ("tracks", "schema_version")}
    return Content(Header(**shared), whole.tracks)


def write_tracks(path: Path, content: Content, _options: WriteOptions) -> list[str]:
    """Write a tracks document; masks are unchanged."""
    tracks.write(path, content.header, content.tracks)
    return []


def read_predictions(path: Path, options: ReadOptions) -> Content:
    """Read a predictions document: each object becomes a track of one observation."""
    whole = validation.read(path)
    built = Builder(path, options)
    for category in whole.categories:
        built.category(category.name, category.id)
    for image in whole.images:
        file = image.file if image.frame is None else image.file.rsplit("#frame=", 1)[0]
        frames = 1 if image.frame is None else None
        video = built.video(file, width=image.width, height=image.height, frames=frames)
        for found in image.objects:
            built.add(
                None,
                found.name,
                video,
                found.box_xywh,
                score=found.score,
                frame=image.frame or 0,
                time_s=image.time_s or 0.0,
                polygons=found.polygons,
                mask=found.mask.model_dump() if found.mask else None,
                track={"rollup": found.rollup} if found.rollup else None,
            )
    content = built.content(model=whole.model, threshold=whole.threshold, names=whole.names)
    settings = Settings(
        **{key: getattr(whole, key) for key in Settings.model_fields if key != "schema_version"}
    )
    failures = tuple((failure.file, failure.error) for failure in whole.failures)
    return Content(content.header, content.tracks, content.notes, settings, failures)


def write_predictions(path: Path, content: Content, options: WriteOptions) -> list[str]:
    """Write a predictions document: tracks are regrouped by image in memory."""
    header = content.header
    images: dict[tuple[int, int], tuple[float, list[FoundObject]]] = {
        (index, 0): (0.0, []) for index, video in enumerate(header.videos) if is_image(video)
    }
    for track in content.tracks:
        for seen in track.observations:
            _, found = images.setdefault((seen.video, seen.frame), (seen.time_s, []))
            found.append(_found(track, seen, header.videos[seen.video], options))
    settings = content.settings or _settings(header, [one for _, found in images.values() for one in found])
    entries = [
        _image(header.videos[index], frame, time_s, found)
        for (index, frame), (time_s, found) in sorted(images.items(), key=lambda item: item[0])
    ]
    failures = [FailedFile(file=file, error=reason) for file, reason in content.failures]
    document.write(path, document.complete(settings, entries, failures))
    return []


def _settings(header: Header, found: list[FoundObject]) -> Settings:
    """Settings of the prediction, as far as a tracks document states them."""
    return Settings(
        seasift=__version__,
        model=header.model or _UNKNOWN_MODEL,
        engine="unknown",
        precision="unknown",
        threshold=min([header.threshold or 0.0, *(one.score for one in found)]),
        max_objects=max(1, len(found)),
        names=header.names,
        categories=header.categories,
    )


def _found(track: TrackEntry, seen: Observation, video: Video, options: WriteOptions) -> FoundObject:
    exact = rle(seen, video) if options.masks == "rle" else None
    shapes: dict[str, Any] = {"polygons": outlines(seen, video) or None}
    if exact:
        shapes = {"mask": Rle(**exact)}
    area = from_coco(exact, (video.height, video.width)).area if exact else None
    return FoundObject(
        category_id=track.category_id,
        name=track.name,
        score=seen.score,
        rollup=track.rollup,
        box_xywh=_inside(seen.box_xywh, video),
        area_px=area,
        **shapes,
    )


def _inside(box: list[float], video: Video) -> list[float]:
    """The box clipped to the image: a tracker's box may exceed it."""
    x, y, width, height = box
    left, top = min(max(x, 0.0), video.width), min(max(y, 0.0), video.height)
    right, bottom = min(max(x + width, left), video.width), min(max(y + height, top), video.height)
    return (
        box
        if [left, top] == box[:2] and [right, bottom] == [x + width, y + height]
        else [left, top, right - left, bottom - top]
    )


def _image(video: Video, frame: int, time_s: float, found: list[FoundObject]) -> Image:
    image = is_image(video)
    return Image(
        file=video.file if image else f"{video.file}#frame={frame}",
        width=video.width,
        height=video.height,
        frame=None if image else frame,
        time_s=None if image else time_s,
        objects=sorted(found, key=lambda one: -one.score),
    )


def json_head(path: Path, size: int = 65536) -> str:
    """The first characters of a file."""
    with path.open("rb") as file:
        return file.read(size).decode("utf-8", errors="replace")


def load_json(path: Path) -> Any:
    """A JSON file.

    Raises:
        InputError: not JSON.
    """
    try:
        return json.loads(read_regular(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}).") from None
