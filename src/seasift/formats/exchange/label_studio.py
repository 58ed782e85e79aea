"""Label Studio's tasks: `videorectangle` regions of videos, rectangles and polygons of images.

Sources: https://labelstud.io/tags/videorectangle, https://labelstud.io/tags/polygonlabels,
https://labelstud.io/guide/predictions. Coordinates are percent of the picture's sides; frames count from 1; after
a key frame with `enabled: false` a region is gone until its next one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seasift.core.files import write_json
from seasift.formats.exchange.builder import Builder, runs
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    box_of,
    is_image,
    outlines,
    reading,
)
from seasift.formats.exchange.native import load_json
from seasift.formats.tracks import Observation, TrackEntry, Video


def write(path: Path, content: Content, _options: WriteOptions) -> list[str]:
    """Write a task a file, with what was found as predictions, which a person then accepts."""
    header = content.header
    found: dict[int, list[dict[str, Any]]] = {index: [] for index in range(len(header.videos))}
    for track in content.tracks:
        for index in sorted({seen.video for seen in track.observations}):
            seen = [one for one in track.observations if one.video == index]
            video = header.videos[index]
            found[index] += (
                _image(track, seen[0], video) if is_image(video) else [_moving(track, seen, video)]
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
    return []


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
    return names | {"origin": "prediction", "score": track.score, "value": value}


def _image(track: TrackEntry, seen: Observation, video: Video) -> list[dict[str, Any]]:
    shared = {
        "to_name": "image",
        "origin": "prediction",
        "score": seen.score,
        "original_width": video.width,
        "original_height": video.height,
        "image_rotation": 0,
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
    """Read tasks: what people drew, or where nobody did the predictions. Turned boxes are boxed upright."""
    value = load_json(path)
    built = Builder(path, options)
    with reading(path, "the document"):
        tasks = [value] if isinstance(value, dict) else list(value)
    for index, task in enumerate(tasks):
        with reading(path, f"task {index + 1}"):
            _read_task(built, task)
    return built.content()


def _read_task(built: Builder, task: dict[str, Any]) -> None:
    drawn = [one for one in task.get("annotations") or [] if not one.get("was_cancelled")]
    results = [region for one in (drawn or task.get("predictions") or [])[-1:] for region in one["result"]]
    data = task["data"]
    if not results and "video" not in data and "image" not in data:
        raise KeyError("image or video in data")
    polygons: dict[str, dict[str, Any]] = {}
    if "video" in data:
        known = {key: data[key] for key in ("width", "height", "frames") if data.get(key)}
        built.video(data["video"], fps=float(data["fps"]) if data.get("fps") else None, **known)
    elif data.get("width"):
        built.video(data["image"], frames=1, width=data["width"], height=data.get("height"))
    for region in results:
        if region["type"] == "videorectangle":
            _read_moving(built, region, data)
        elif region["type"] in ("rectanglelabels", "polygonlabels"):
            _read_still(built, region, data["image"], polygons)
    for found in polygons.values():
        points = [value for ring in found["polygons"] for value in ring]
        built.add(None, found.pop("name"), found.pop("video"), box_of(points), **found)


def _size(built: Builder, data: dict[str, Any]) -> tuple[int, int]:
    if data.get("width") and data.get("height"):
        return int(data["width"]), int(data["height"])
    if built.options.size is None:
        built.note("no size of the video in the file: taken as 1000 x 1000 px; give --size")
    return built.options.size or (1000, 1000)


def _pixels(percent: list[float], size: tuple[int, int]) -> list[float]:
    return [round(float(value) * size[index % 2] / 100, 3) for index, value in enumerate(percent)]


def _read_moving(built: Builder, region: dict[str, Any], data: dict[str, Any]) -> None:
    size, value = _size(built, data), region["value"]
    video = built.video(data["video"], width=size[0], height=size[1], frames=value.get("framesCount"))
    name = str(region["id"])
    key: Any = int(name[6:]) if name.startswith("track-") and name[6:].isdigit() else name
    score = region.get("score")
    track = {"score": score} if score is not None else {}
    count, duration = value.get("framesCount"), value.get("duration")
    if count and duration and not data.get("fps"):
        built.video(data["video"], fps=count / duration)
    for one in value["sequence"]:
        frame = int(one["frame"]) - 1
        time_s = one.get("time")
        built.add(
            key,
            value["labels"][0],
            video,
            _pixels([one["x"], one["y"], one["width"], one["height"]], size),
            score=one.get("score", 1.0 if score is None else score),
            frame=frame,
            time_s=built.time_of(data["video"], frame) if time_s is None else time_s,
            track=track,
        )


def _read_still(
    built: Builder, region: dict[str, Any], file: str, polygons: dict[str, dict[str, Any]]
) -> None:
    size, value = (int(region["original_width"]), int(region["original_height"])), region["value"]
    video = built.video(file, frames=1, width=size[0], height=size[1])
    score, name = region.get("score"), value[region["type"]][0]
    score = 1.0 if score is None else score
    if region["type"] == "rectanglelabels":
        box = _pixels([value[key] for key in ("x", "y", "width", "height")], size)
        if value.get("rotation"):
            built.note("turned boxes are taken as if they were upright")
        built.add(None, name, video, box, score=score)
        return
    ring = _pixels([number for point in value["points"] for number in point], size)
    base = str(region["id"]).partition(".")[0]
    found = polygons.setdefault(base, {"name": name, "video": video, "score": score, "polygons": []})
    found["polygons"].append(ring)
