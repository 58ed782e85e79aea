"""COCO and KWCOCO: images, and videos by `videos`, `frame_index` and `track_id`.

Sources: https://cocodataset.org/#format-data, https://kwcoco.readthedocs.io (schema), and DIVE's rules:
https://kitware.github.io/dive/DataFormats/ (no RLE, one outline per object, a `file_name` for each frame).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from seasift.core.files import replacing
from seasift.core.masks import from_coco
from seasift.formats.document import CategoryEntry
from seasift.formats.exchange.builder import Builder, area
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    box_of,
    frame_rate,
    is_image,
    iso,
    outlines,
    reading,
    rle,
    utc,
)
from seasift.formats.exchange.naming import parent_of
from seasift.formats.exchange.native import load_json
from seasift.formats.tracks import Observation, TrackEntry, Video


def write_coco(path: Path, content: Content, options: WriteOptions) -> list[str]:
    """Write COCO; annotations one by one."""
    _write(path, content, options, tracks_table=False)
    return []


def write_kwcoco(path: Path, content: Content, options: WriteOptions) -> list[str]:
    """Write KWCOCO: also a table of tracks."""
    _write(path, content, options, tracks_table=True)
    return []


def _write(path: Path, content: Content, options: WriteOptions, *, tracks_table: bool) -> None:
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        for text in _parts(content, options, tracks_table):
            file.write(text)


def _parts(content: Content, options: WriteOptions, tracks_table: bool) -> Iterator[str]:
    header = content.header
    videos = header.videos
    images = {(index, 0): 0.0 for index, video in enumerate(videos) if is_image(video)}
    ids = {key: number for number, key in enumerate(images, start=1)}
    table = []
    yield '{"annotations": ['
    count = 0
    for track in content.tracks:
        table.append({"id": track.id, "name": f"{track.name} {track.id}"})
        for seen in track.observations:
            key = (seen.video, seen.frame)
            images.setdefault(key, seen.time_s)
            image_id = ids.setdefault(key, len(ids) + 1)
            count += 1
            entry = _annotation(track, seen, videos[seen.video], options)
            yield (",\n " if count > 1 else "\n ") + _text({"id": count, "image_id": image_id, **entry})
    yield '\n],\n"info": ' + _text({"description": "made by seasift", "version": header.seasift})
    yield ',\n"categories": ' + _text([_category(category, header.names) for category in header.categories])
    moving = [(index, video) for index, video in enumerate(videos) if not is_image(video)]
    yield ',\n"videos": ' + _text([_video(index, video) for index, video in moving])
    if tracks_table:
        yield ',\n"tracks": ' + _text(table if moving else [])
    yield ',\n"images": [' + ",".join(
        "\n " + _text({"id": ids[key], **_image(videos[key[0]], *key, time_s)})
        for key, time_s in sorted(images.items())
    )
    yield "\n]}\n"


def _annotation(track: TrackEntry, seen: Observation, video: Video, options: WriteOptions) -> dict[str, Any]:
    entry: dict[str, Any] = {"category_id": track.category_id, "bbox": seen.box_xywh, "iscrowd": 0}
    exact = rle(seen, video) if options.masks == "rle" else None
    # DIVE shows the first outline of each object only.
    rings = sorted(outlines(seen, video), key=area, reverse=True) if exact is None else []
    if exact:
        entry["area"] = from_coco(exact, (video.height, video.width)).area
    else:
        entry["area"] = sum(map(area, rings)) if rings else seen.box_xywh[2] * seen.box_xywh[3]
    shape: Any = exact or rings
    if shape:
        entry["segmentation"] = shape
    entry["score"] = seen.score
    if not is_image(video) or len(track.observations) > 1:  # a sequence of images can hold tracks, too
        entry |= {"track_id": track.id, "track_score": track.score, "track_confirmed": track.confirmed}
    if track.rollup:
        entry["name_level"] = track.rollup.level
        entry["class_scores"] = track.class_scores
    return entry


def _category(category: CategoryEntry, names: str | None) -> dict[str, Any]:
    """A category; with rolled-up names, its coarser name is its supercategory, which KWCOCO reads as a tree."""
    parent = parent_of(category.name) if names else None
    return category.model_dump() | ({} if parent is None else {"supercategory": parent})


def _video(index: int, video: Video) -> dict[str, Any]:
    entry = {"id": index + 1, "name": video.file, "width": video.width, "height": video.height}
    known = {
        "fps": video.fps,
        "annotation_fps": video.fps,
        "num_frames": video.frames,
        "start_utc": video.start_utc,
    }
    offset = {"offset_s": video.offset_s} if video.offset_s else {}
    return entry | {key: value for key, value in known.items() if value is not None} | offset


def _image(video: Video, index: int, frame: int, time_s: float) -> dict[str, Any]:
    size = {"width": video.width, "height": video.height}
    if is_image(video):
        return {"file_name": video.file, **size}
    stem = PurePosixPath(video.file.replace("\\", "/")).stem
    when = utc(video, time_s)
    return {
        "file_name": f"{stem}/frame_{frame:06d}.jpg",
        **size,
        "video_id": index + 1,
        "frame_index": frame,
        "time_s": time_s,
        **({"timestamp": iso(when)} if when else {}),
    }


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


_RATES = ("fps", "annotation_fps", "framerate", "frame_rate")  # the second one is DIVE's


def read(path: Path, options: ReadOptions) -> Content:
    """Read COCO or KWCOCO."""
    value = load_json(path)
    built = Builder(path, options)
    with reading(path, "categories"):
        names = {entry["id"]: entry["name"] for entry in value["categories"]}
        for number, name in names.items():
            built.category(name, number)
    videos = {}
    for index, entry in enumerate(value.get("videos") or []):
        with reading(path, f"videos[{index}]"):
            videos[entry["id"]] = name = str(entry.get("name") or entry["file_name"])
            built.video(
                name,
                width=entry.get("width"),
                height=entry.get("height"),
                fps=next(filter(None, (frame_rate(entry.get(key)) for key in _RATES)), None),
                frames=entry.get("num_frames"),
                start_utc=entry.get("start_utc"),
                offset_s=entry.get("offset_s"),
            )
    images = {}
    with reading(path, "the document"):
        listed = value["images"]
        annotations = value["annotations"]
    for index, entry in enumerate(listed):
        with reading(path, f"images[{index}]"):
            images[entry["id"]] = _read_image(built, entry, videos)
    with reading(path, "annotations"):
        again = _numbered_anew(value, images)
    if again:
        built.note(
            f"{len(again)} track numbers occur in several videos and the file has no table of tracks: "
            "they are read as different tracks in each video"
        )
    for index, entry in enumerate(annotations):
        with reading(path, f"annotations[{index}]"):
            _read_annotation(built, entry, names, images, again)
    return built.content()


def _numbered_anew(value: dict[str, Any], images: dict[Any, tuple[int, int, float]]) -> set[Any]:
    """Track numbers that mean another object in each video; KWCOCO's table and files of seasift join them."""
    if value.get("tracks") or "seasift" in str(value.get("info") or {}):
        return set()
    videos: dict[Any, set[int]] = {}
    for entry in value["annotations"]:
        if entry.get("track_id") is not None and entry.get("image_id") in images:
            videos.setdefault(entry["track_id"], set()).add(images[entry["image_id"]][0])
    moving = {images[entry["id"]][0] for entry in value["images"] if entry.get("video_id") is not None}
    return {track for track, found in videos.items() if len(found & moving) > 1}


def _read_image(built: Builder, entry: dict[str, Any], videos: dict[Any, str]) -> tuple[int, int, float]:
    size = {"width": entry.get("width"), "height": entry.get("height")}
    if entry.get("video_id") is None:
        return built.video(str(entry.get("file_name") or entry["name"]), frames=1, **size), 0, 0.0
    name = videos[entry["video_id"]]
    video, frame = built.video(name, **size), int(entry["frame_index"])
    time_s = entry.get("time_s")
    if time_s is None and isinstance(entry.get("timestamp"), (int, float)):
        time_s = float(entry["timestamp"])
    return video, frame, built.time_of(name, frame) if time_s is None else float(time_s)


def _read_annotation(
    built: Builder,
    entry: dict[str, Any],
    names: dict[Any, str],
    images: dict[Any, tuple[int, int, float]],
    again: set[Any],
) -> None:
    video, frame, time_s = images[entry["image_id"]]
    shape = entry.get("segmentation")
    if entry.get("category_id") is None:
        built.leave_out("annotation (without a class)")
        return
    built.leave_out("keypoint", _keypoints(entry.get("keypoints")))
    if entry.get("iscrowd") and "track_id" not in entry:
        built.note("regions of several objects (iscrowd) are read as one object each")
    if isinstance(shape, dict) and "exterior" in shape:
        shape = [shape]
    if isinstance(shape, dict) and isinstance(shape.get("counts"), list):
        size = (shape["size"][0], shape["size"][1])
        shape = from_coco(shape, size).rle(size)
    if isinstance(shape, list) and shape and isinstance(shape[0], dict):  # KWCOCO's own form
        built.leave_out("hole of an outline", sum(len(part.get("interiors") or []) for part in shape))
        shape = [[value for point in part["exterior"] for value in point] for part in shape]
    if isinstance(shape, list) and shape and isinstance(shape[0], (int, float)):
        shape = [shape]
    if not entry.get("bbox") and not shape:
        built.leave_out("annotation (neither box nor outline)")
        return
    track = {"score": entry.get("track_score"), "confirmed": entry.get("track_confirmed")}
    score = entry.get("score")
    key = entry.get("track_id")
    built.add(
        (video, key) if key in again else key,
        names[entry["category_id"]],
        video,
        entry.get("bbox") or _bounds(shape),
        score=1.0 if score is None else score,
        frame=frame,
        time_s=time_s,
        polygons=shape if isinstance(shape, list) else None,
        mask=shape if isinstance(shape, dict) else None,
        track={key: value for key, value in track.items() if value is not None},
    )


def _keypoints(given: Any) -> int:
    """Number of points marked by a person: COCO's list of x, y, visibility, or KWCOCO's list of entries."""
    points = given if isinstance(given, list) else []
    if points and isinstance(points[0], dict):
        return len(points)
    return sum(1 for seen in points[2::3] if seen)


def _bounds(shape: Any) -> list[float]:
    """The box around outlines or run lengths."""
    if isinstance(shape, list):
        return box_of([value for ring in shape for value in ring])
    x1, y1, x2, y2 = from_coco(shape, (shape["size"][0], shape["size"][1])).box_xyxy
    return [x1, y1, x2 - x1, y2 - y1]
