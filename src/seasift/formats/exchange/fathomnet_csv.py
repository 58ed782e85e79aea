"""FathomNet's CSV for submissions: one row per box and image.

Source: https://www.fathomnet.org/post/how-to-submit-localized-image-annotations-to-the-fathomnet-database
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from seasift.formats.exchange import table
from seasift.formats.exchange.builder import Builder
from seasift.formats.exchange.content import Content, ReadOptions, WriteOptions, is_image, iso, reading, utc
from seasift.formats.tracks import Observation, Position, Video

COLUMNS = (
    *("concept", "image", "x", "y", "width", "height", "timestamp", "latitude", "longitude", "depth"),
    *("observer",),
)
_SYNONYMS = {
    **{"class": "concept", "name": "concept", "url": "image"},
    **{"depthmeters": "depth", "depth_meters": "depth"},
}


def write(path: Path, content: Content, options: WriteOptions) -> list[str]:
    """Write boxes in whole px, with time and position if known."""
    table.write(path, _rows(content, options))
    return [
        "FathomNet requires public URLs in the column image: put the images on a web server and add its address"
    ]


def _rows(content: Content, options: WriteOptions) -> Iterator[tuple[Any, ...]]:
    yield COLUMNS
    observer = f"seasift {content.header.model.name}" if content.header.model else "seasift"
    for track in content.tracks:
        for seen in track.observations:
            video = content.header.videos[seen.video]
            concept = options.scientific_names.get(track.name, track.name)
            yield (concept, *_row(seen, video), observer)


def _row(seen: Observation, video: Video) -> tuple[Any, ...]:
    x, y, width, height = seen.box_xywh
    left, top = round(x), round(y)
    when, at = utc(video, seen.time_s), seen.position
    image = video.file if is_image(video) else f"{PurePosixPath(video.file).stem}/frame_{seen.frame:06d}.png"
    return (
        image,
        *(left, top, max(1, round(x + width) - left), max(1, round(y + height) - top)),
        iso(when) if when else "",
        *((at.latitude, at.longitude, at.depth_m) if at else ("", "", "")),
    )


def read(path: Path, options: ReadOptions) -> Content:
    """Read such a table: images with boxes. Order and case of the columns do not matter."""
    built = Builder(path, options)
    needed = ("x", "y", "width", "height")
    for line, given in table.records(path, needed):
        with reading(path, f"line {line}"):
            row = {_SYNONYMS.get(name, name): value.strip() for name, value in given.items()}
            start = row.get("timestamp") or None
            index = built.video(row["image"], frames=1, start_utc=start)
            box = [float(row[name]) for name in needed]
            built.add(None, row["concept"], index, box, position=_position(row))
    return built.content()


def _position(row: dict[str, str]) -> Position | None:
    if not row.get("latitude") or not row.get("longitude"):
        return None
    depth = row.get("depth")
    return Position(
        latitude=float(row["latitude"]),
        longitude=float(row["longitude"]),
        depth_m=float(depth) if depth else None,
    )
