"""BIIGLE's CSV annotation reports: of videos (one row per annotation, with all its key frames) and of images.

Source: https://biigle.de/manual/tutorials/reports/reports-schema. `frames` are seconds; a gap is `null` with
an empty list of points; rectangles are four corners, polygons end with their first point.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seasift.core.errors import InputError
from seasift.formats.exchange import table
from seasift.formats.exchange.builder import ASSUMED_FPS, Builder, largest, lost_outlines, runs
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    box_of,
    corners,
    is_image,
    left_out,
    outlines,
    reading,
)
from seasift.formats.exchange.regions import ellipse
from seasift.formats.tracks import Observation, TrackEntry, Video

_LABEL = ("label_id", "label_name", "label_hierarchy", "user_id", "firstname", "lastname")
VIDEO_COLUMNS = (
    *("video_annotation_label_id", *_LABEL, "video_id", "video_filename", "shape_id", "shape_name"),
    *("points", "frames", "annotation_id", "created_at", "attributes"),
)
IMAGE_COLUMNS = (
    *("annotation_label_id", *_LABEL, "image_id", "filename", "image_longitude", "image_latitude"),
    *("shape_id", "shape_name", "points", "attributes", "annotation_id", "created_at"),
)
_NO_DATE = ""
_SHAPE_IDS = {"Point": 1, "LineString": 2, "Polygon": 3, "Circle": 4, "Rectangle": 5, "Ellipse": 6}


def write(path: Path, content: Content, _options: WriteOptions) -> list[str]:
    """Write a report of videos, or of images if there are only images.

    Raises:
        InputError: the document has both images and videos.
    """
    kinds = {is_image(video) for video in content.header.videos}
    if len(kinds) == 2:
        raise InputError(f"{path}: BIIGLE's reports are of videos or of images; choose with --video NAME.")
    lost: Counter[str] = Counter()
    table.write(path, _image_rows(content, lost) if kinds == {True} else _video_rows(content, lost))
    return left_out(lost)


def _video_rows(content: Content, lost: Counter[str]) -> Iterator[tuple[Any, ...]]:
    yield VIDEO_COLUMNS
    count = 0
    for track in content.tracks:
        for index in sorted({seen.video for seen in track.observations}):
            count += 1
            video = content.header.videos[index]
            seen = [one for one in track.observations if one.video == index]
            shape, points, frames = _key_frames(seen, video)
            lost_outlines(lost, [outlines(one, video) for one in seen], together=True)
            known = {"width": video.width, "height": video.height, "fps": video.fps}
            attributes = json.dumps({key: value for key, value in known.items() if value is not None})
            where = (index + 1, video.file, _SHAPE_IDS[shape], shape, json.dumps(points), json.dumps(frames))
            yield (count, *_label(track), *where, track.id, _NO_DATE, attributes)


def _label(track: TrackEntry) -> tuple[Any, ...]:
    return track.category_id, track.name, track.name, "", "seasift", ""


def _key_frames(seen: list[Observation], video: Video) -> tuple[str, list[list[float]], list[float | None]]:
    rings = [outlines(one, video) for one in seen]
    polygon = all(rings)
    points: list[list[float]] = []
    frames: list[float | None] = []
    for run in runs(seen):
        if points:
            points.append([])
            frames.append(None)
        for one in run:
            ring = largest(outlines(one, video)) if polygon else []
            points.append([*ring, *ring[:2]] if ring else corners(one.box_xywh))
            frames.append(one.time_s)
    return ("Polygon" if polygon else "Rectangle"), points, frames


def _image_rows(content: Content, lost: Counter[str]) -> Iterator[tuple[Any, ...]]:
    yield IMAGE_COLUMNS
    count = 0
    for track in content.tracks:
        for one in track.observations:
            count += 1
            video, position = content.header.videos[one.video], one.position
            rings = outlines(one, video)
            lost_outlines(lost, [rings])
            ring = largest(rings)
            shape = "Polygon" if ring else "Rectangle"
            points = [*ring, *ring[:2]] if ring else corners(one.box_xywh)
            at = (position.longitude, position.latitude) if position else ("", "")
            size = json.dumps({"width": video.width, "height": video.height})
            where = (one.video + 1, video.file, *at, _SHAPE_IDS[shape], shape, json.dumps(points), size)
            yield (count, *_label(track), *where, count, _NO_DATE)


def read(path: Path, options: ReadOptions) -> Content:
    """Read either report; points, lines and whole frames are skipped."""
    built = Builder(path, options)
    _, head = next(table.rows(path), (0, []))
    of_videos = "video_filename" in head
    needed = ("video_filename", "frames") if of_videos else ("filename",)
    for line, row in table.records(path, ("label_name", "shape_name", "points", *needed)):
        with reading(path, f"line {line}"):
            if row["shape_name"] not in ("Rectangle", "Polygon", "Circle", "Ellipse"):
                built.leave_out(f"{row['shape_name']} (no area)")
                continue
            (_read_video_row if of_videos else _read_image_row)(built, row)
    return built.content()


def _attributes(row: dict[str, str]) -> dict[str, Any]:
    found = json.loads(row.get("attributes") or "{}") or {}
    return {key: found[key] for key in ("width", "height", "fps") if found.get(key)}


def _shape(name: str, points: list[float]) -> tuple[list[float], list[list[float]] | None]:
    """Box and outline."""
    if name == "Circle":
        x, y, radius = points
        return [x - radius, y - radius, 2 * radius, 2 * radius], [
            list(ellipse(x, y, radius, radius).rings[0])
        ]
    box = box_of(points)
    if name == "Ellipse":  # the ends of both axes
        return _ellipse(points)
    if name == "Rectangle" and sorted(points) == sorted(corners(box)):
        return box, None
    return box, [points[:-2] if points[:2] == points[-2:] else points]  # a rotated rectangle is a polygon


def _ellipse(points: list[float]) -> tuple[list[float], list[list[float]] | None]:
    a, *others = zip(points[0:8:2], points[1:8:2], strict=True)
    # The end opposite the first one: both axes then share a centre.
    pairs = [(b, [one for one in others if one is not b]) for b in others]
    b, (c, d) = min(pairs, key=lambda pair: math.dist(_middle(a, pair[0]), _middle(*pair[1])))
    degrees = math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
    found = ellipse(*_middle(a, b), math.dist(a, b) / 2, math.dist(c, d) / 2, degrees)
    return found.box_xywh, [list(found.rings[0])]


def _middle(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def _read_video_row(built: Builder, row: dict[str, str]) -> None:
    index = built.video(row["video_filename"], **_attributes(row))
    points, frames = json.loads(row["points"]), json.loads(row["frames"])
    if len(points) != len(frames):
        raise ValueError(f"{len(points)} points for {len(frames)} frames; expected as many")
    fps = _attributes(row).get("fps") or built.options.fps
    if fps is None:
        fps = ASSUMED_FPS
        built.note(f"no frame numbers in the file: {fps:g} frames/s are assumed; give --fps")
    key = row.get("annotation_id")
    for one, time_s in zip(points, frames, strict=True):
        if time_s is None:
            continue
        box, polygons = _shape(row["shape_name"], [float(value) for value in one])
        frame = round(time_s * fps)
        built.add(
            int(key) if key else None,
            row["label_name"],
            index,
            box,
            frame=frame,
            time_s=float(time_s),
            polygons=polygons,
        )


def _read_image_row(built: Builder, row: dict[str, str]) -> None:
    index = built.video(row["filename"], frames=1, **_attributes(row))
    box, polygons = _shape(row["shape_name"], [float(value) for value in json.loads(row["points"])])
    built.add(None, row["label_name"], index, box, polygons=polygons)
