"""Label Studio's tasks: `videorectangle` regions of videos, rectangles and polygons of images.

Sources: https://labelstud.io/tags/videorectangle, https://labelstud.io/tags/polygonlabels,
https://labelstud.io/guide/predictions. Coordinates are percent of the image's sides; frames count from 1. After a key
frame with `enabled: false`, a region is absent until its next key frame.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from seasift.core.files import write_json
from seasift.core.image import SUFFIXES
from seasift.formats.exchange import regions
from seasift.formats.exchange.builder import Builder, runs
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    box_of,
    frame_rate,
    is_image,
    left_out,
    outlines,
    reading,
)
from seasift.formats.exchange.naming import class_scores
from seasift.formats.exchange.native import load_json
from seasift.formats.exchange.regions import Region
from seasift.formats.tracks import Observation, TrackEntry, Video


def write(path: Path, content: Content, _options: WriteOptions) -> list[str]:
    """Write one task per file, with objects as predictions for a person to accept."""
    header = content.header
    lost: Counter[str] = Counter()
    found: dict[int, list[dict[str, Any]]] = {index: [] for index in range(len(header.videos))}
    for track in content.tracks:
        for index in sorted({seen.video for seen in track.observations}):
            seen = [one for one in track.observations if one.video == index]
            video = header.videos[index]
            found[index] += (
                _image(track, seen[0], video) if is_image(video) else [_moving(track, seen, video)]
            )
            if not is_image(video):
                lost["outline (regions of videos are boxes)"] += sum(
                    bool(outlines(one, video)) for one in seen
                )
    version = header.model.name if header.model else "seasift"
    write_json(
        path,
        [
            {
                "id": index + 1,
                "data": _data(video),
                "predictions": [{"model_version": version, "result": found[index]}],
            }
            for index, video in enumerate(header.videos)
        ],
        indent=1,
    )
    return left_out(lost)


def _data(video: Video) -> dict[str, Any]:
    known = {"width": video.width, "height": video.height, "fps": video.fps, "frames": video.frames}
    kept = {key: value for key, value in known.items() if value is not None}
    return {"image" if is_image(video) else "video": video.file} | kept


def _percent(values: list[float], video: Video) -> list[float]:
    sides = (video.width, video.height)
    return [round(100 * value / sides[index % 2], 6) for index, value in enumerate(values)]


def _moving(track: TrackEntry, seen: list[Observation], video: Video) -> dict[str, Any]:
    sequence = []
    for run in runs(seen):
        for one in run:
            box = dict(zip(("x", "y", "width", "height"), _percent(one.box_xywh, video), strict=True))
            key = {"frame": one.frame + 1, "enabled": one is not run[-1], "rotation": 0, "time": one.time_s}
            sequence.append(key | box | {"score": one.score})
    value: dict[str, Any] = {"sequence": sequence, "labels": [track.name]}
    if video.frames:
        value["framesCount"] = video.frames
        if video.fps:
            value["duration"] = round(video.frames / video.fps, 6)
    names = {"id": f"track-{track.id}", "type": "videorectangle", "from_name": "box", "to_name": "video"}
    return names | {"origin": "prediction", "score": track.score, "value": value} | _note(track)


def _note(track: TrackEntry) -> dict[str, Any]:
    """The likeliest class behind a coarser name, as the region's note."""
    classes = class_scores(track) if track.rollup and track.rollup.level != "class" else []
    return (
        {"meta": {"text": [f"likeliest class {classes[0][0]}, score {classes[0][1]:.3f}"]}} if classes else {}
    )


def _image(track: TrackEntry, seen: Observation, video: Video) -> list[dict[str, Any]]:
    shared = {
        "to_name": "image",
        "origin": "prediction",
        "score": seen.score,
        "original_width": video.width,
        "original_height": video.height,
        "image_rotation": 0,
        **_note(track),
    }
    rings = outlines(seen, video)
    if not rings:
        box = dict(zip(("x", "y", "width", "height"), _percent(seen.box_xywh, video), strict=True))
        value: dict[str, Any] = box | {"rotation": 0, "rectanglelabels": [track.name]}
        names = {"id": f"track-{track.id}", "type": "rectanglelabels", "from_name": "box"}
        return [names | shared | {"value": value}]
    regions = []
    for part, ring in enumerate(rings):
        flat = _percent(ring, video)
        points = [list(pair) for pair in zip(flat[0::2], flat[1::2], strict=True)]
        value = {"points": points, "closed": True, "polygonlabels": [track.name]}
        name = f"track-{track.id}" + (f".{part}" if part else "")
        names = {"id": name, "type": "polygonlabels", "from_name": "polygon"}
        regions.append(names | shared | {"value": value})
    return regions


def read(path: Path, options: ReadOptions) -> Content:
    """Read tasks: annotations, or predictions if there are none. A brush is a mask, a rotated box a polygon."""
    value = load_json(path)
    built = Builder(path, options)
    with reading(path, "the document"):
        tasks = [value] if isinstance(value, dict) else list(value)
    predicted = 0
    for index, task in enumerate(tasks):
        with reading(path, f"task {index + 1}"):
            predicted += not _read_task(built, task)
    if 0 < predicted < len(tasks):
        built.note(
            f"tasks without an annotation, of which the last prediction is read: {predicted:,} of {len(tasks):,}"
        )
    return built.content()


def _read_task(built: Builder, task: dict[str, Any]) -> bool:
    """Whether the task has annotations or no predictions."""
    given = task.get("annotations") or []
    drawn = [one for one in given if not one.get("was_cancelled")]
    if len(drawn) > 1:
        built.leave_out("annotation (of a task that has several; the last one is used)", len(drawn) - 1)
    built.leave_out("annotation (cancelled)", len(given) - len(drawn))
    results = [region for one in (drawn or task.get("predictions") or [])[-1:] for region in one["result"]]
    data = task["data"]
    kind, file = _file(data)
    if not results and file is None:
        raise KeyError("image or video in data")
    if file is not None and kind == "video":
        known = {key: data[key] for key in ("width", "height", "frames") if data.get(key)}
        built.video(file, fps=frame_rate(data.get("fps")), **known)
    elif file is not None and data.get("width"):
        built.video(file, frames=1, width=data["width"], height=data.get("height"))
    labels = _labels(results)
    polygons: dict[str, dict[str, Any]] = {}
    for region in results:
        shape = _SHAPES.get(str(region.get("type")))
        if shape is None:
            if not (region.get("type") == "labels" and _is_shape(region)):
                built.leave_out(str(region.get("type") or "result without a type"))
            continue
        if shape == "keypoint" or shape == "vector":
            built.leave_out(f"{shape} (no area)")
            continue
        named = labels.get(str(region.get("id")), [])
        if not named:
            built.leave_out(f"{shape} (without a label)")
            continue
        built.leave_out("label (of a region that has several; the first one is used)", len(named) - 1)
        if file is None:
            raise KeyError("image or video in data")
        if shape == "videorectangle":
            _read_moving(built, region, named[0], data, file)
        else:
            _read_still(built, region, shape, named[0], file, polygons)
    for found in polygons.values():
        points = [value for ring in found["polygons"] for value in ring]
        built.add(None, found.pop("name"), found.pop("video"), box_of(points), **found)
    return bool(drawn) or not task.get("predictions")


# Kind of each result type; regions without labels of their own come as two results with one id.
_SHAPES = {
    **{
        f"{kind}{ending}": kind
        for kind in ("rectangle", "polygon", "ellipse", "brush", "bitmask")
        for ending in ("", "labels")
    },
    **{"keypoint": "keypoint", "keypointlabels": "keypoint"},
    **{"vector": "vector", "vectorlabels": "vector", "videorectangle": "videorectangle"},
}


def _file(data: dict[str, Any]) -> tuple[str, str | None]:
    """Kind of the task, "image" or "video", and its file; people use other names for the key, too."""
    for kind in ("video", "image"):
        if isinstance(data.get(kind), str):
            return kind, data[kind]
    for value in data.values():
        suffix = PurePosixPath(value).suffix.lower() if isinstance(value, str) else ""
        if suffix in SUFFIXES:
            return "image", value
        if suffix in (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"):
            return "video", value
    return "image", None


def _labels(results: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Labels of each region, by its id."""
    found: dict[str, list[str]] = {}
    for region in results:
        value, kind = region.get("value") or {}, str(region.get("type"))
        named = value.get("labels" if kind == "videorectangle" else kind) if _is_shape(region) else None
        if isinstance(named, list):
            found.setdefault(str(region.get("id")), []).extend(str(name) for name in named)
    return {key: list(dict.fromkeys(names)) for key, names in found.items()}


def _is_shape(region: dict[str, Any]) -> bool:
    """Whether a result has a position; choices, ratings and texts have none."""
    value = region.get("value") or {}
    return any(key in value for key in ("x", "points", "rle", "imageDataURL", "sequence", "vertices"))


def _size(built: Builder, data: dict[str, Any]) -> tuple[int, int]:
    if data.get("width") and data.get("height"):
        return int(data["width"]), int(data["height"])
    if built.options.size is None:
        built.note("no size of the video in the file: 1000 x 1000 px are assumed; give --size")
    return built.options.size or (1000, 1000)


def _pixels(percent: list[float], size: tuple[int, int]) -> list[float]:
    return [round(float(value) * size[index % 2] / 100, 3) for index, value in enumerate(percent)]


def _box(value: dict[str, Any], size: tuple[int, int]) -> Region:
    """Percentages refer to different sides, so a box is rotated in px."""
    x, y, width, height = _pixels([value[key] for key in ("x", "y", "width", "height")], size)
    return regions.turned_box(x, y, width, height, float(value.get("rotation") or 0), "corner")


def _read_moving(built: Builder, region: dict[str, Any], label: str, data: dict[str, Any], file: str) -> None:
    size, value = _size(built, data), region["value"]
    video = built.video(file, width=size[0], height=size[1], frames=value.get("framesCount"))
    name = str(region["id"])
    key: Any = int(name[6:]) if name.startswith("track-") and name[6:].isdigit() else name
    score = region.get("score")
    track = {"score": score} if score is not None else {}
    count, duration = value.get("framesCount"), value.get("duration")
    if count and duration and not frame_rate(data.get("fps")):
        built.video(file, fps=count / duration)
    if not value["sequence"]:
        built.leave_out("videorectangle (without a frame)")
    for one in value["sequence"]:
        frame = int(one["frame"]) - 1
        time_s = one.get("time")
        built.add_region(
            key,
            label,
            video,
            _box(one, size),
            score=one.get("score", 1.0 if score is None else score),
            frame=frame,
            time_s=built.time_of(file, frame) if time_s is None else time_s,
            track=track,
        )


def _read_still(
    built: Builder,
    region: dict[str, Any],
    shape: str,
    name: str,
    file: str,
    polygons: dict[str, dict[str, Any]],
) -> None:
    size, value = (int(region["original_width"]), int(region["original_height"])), region["value"]
    video = built.video(file, frames=1, width=size[0], height=size[1])
    score = region.get("score")
    score = 1.0 if score is None else score
    if region.get("image_rotation"):
        built.note(
            "the image of a region was rotated in Label Studio; positions are assumed to refer to the stored image"
        )
    if shape == "polygon":
        ring = _pixels([number for point in value["points"] for number in point], size)
        base = str(region["id"]).partition(".")[0]
        found = polygons.setdefault(base, {"name": name, "video": video, "score": score, "polygons": []})
        found["polygons"].append(ring)
        return
    if shape == "rectangle":
        drawn: Region | None = _box(value, size)
    elif shape == "ellipse":
        x, y, rx, ry = _pixels([value[key] for key in ("x", "y", "radiusX", "radiusY")], size)
        drawn = regions.ellipse(x, y, rx, ry, float(value.get("rotation") or 0))
    else:
        try:
            drawn = regions.of_mask(
                regions.from_brush(value["rle"], *size)
                if shape == "brush"
                else regions.from_png(value["imageDataURL"], *size)
            )
        except (ValueError, KeyError, OverflowError) as error:
            built.leave_out(f"{shape} (its mask does not fit its image)")
            built.note(f"region {region.get('id')}: {error}")
            return
    built.add_region(None, name, video, drawn, score=score)
