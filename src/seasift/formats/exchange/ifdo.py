"""iFDO 2.2.1, FAIR image metadata: files with time, position and annotations.

Source: https://marine-imaging.com/fair/ifdos/iFDO-overview/; tests validate it with MBARI's package `ifdo`.
A rectangle is four corners; a video's annotation has points for each of its `frames`, which are seconds.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from seasift.core.errors import InputError
from seasift.core.files import read_regular, write_json, write_text
from seasift.core.yaml_text import load_yaml
from seasift.formats.exchange.builder import ASSUMED_FPS, Builder, largest, lost_outlines
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
    utc,
)
from seasift.formats.exchange.naming import class_scores
from seasift.formats.exchange.regions import ellipse
from seasift.formats.tracks import Observation, Position, TrackEntry, Video

SCHEMA = "http://hdl.handle.net/20.500.12085/22aba7d7-c432-49ab-bebe-ee8ed4f70150"
# libyaml if PyYAML has it: ten times as fast.
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_TIME = "%Y-%m-%d %H:%M:%S.%f"
_SPACE = uuid.UUID("6f2f2a4e-6a35-5d0a-9d3c-1f0b8f9e7c11")


def write(path: Path, content: Content, _options: WriteOptions) -> list[str]:
    """Write an iFDO as YAML, or as JSON if the name ends in .json."""
    header = content.header
    lost: Counter[str] = Counter()
    made = datetime.now(UTC).strftime(_TIME)
    ids = {category.name: category.id for category in header.categories}
    notes: dict[int, list[dict[str, Any]]] = {index: [] for index in range(len(header.videos))}
    where: dict[int, dict[float, Position]] = {index: {} for index in notes}
    for track in content.tracks:
        for index in sorted({seen.video for seen in track.observations}):
            seen = [one for one in track.observations if one.video == index]
            lost_outlines(lost, [outlines(one, header.videos[index]) for one in seen], together=True)
            notes[index].append(_annotation(track, seen, header.videos[index], made, ids))
            where[index].update({one.time_s: one.position for one in seen if one.position})
    files = " ".join(video.file for video in header.videos)
    model = header.model.name if header.model else "unknown model"
    value = {
        "$schema": SCHEMA,
        "image-set-header": {
            "image-set-name": path.name.split(".")[0],
            "image-set-uuid": str(uuid.uuid5(_SPACE, files)),
            "image-set-handle": "",
            "image-set-ifdo-version": "v2.2.1",
            "image-annotation-creators": [{"id": "seasift", "name": f"seasift {header.seasift}, {model}"}],
            "image-annotation-labels": [
                {"id": str(category.id), "name": category.name} for category in header.categories
            ],
        },
        "image-set-items": {
            video.file: _items(video, notes[index], where[index]) for index, video in enumerate(header.videos)
        },
    }
    if path.suffix.lower() == ".json":
        write_json(path, value, indent=1)
    else:
        write_text(path, yaml.dump(value, Dumper=_DUMPER, sort_keys=False, allow_unicode=True))
    return [
        *left_out(lost),
        "before publication, add image-set-handle, image-license, image-pi and all that your archive requires",
    ]


def _annotation(
    track: TrackEntry, seen: list[Observation], video: Video, made: str, ids: Mapping[str, int]
) -> dict[str, Any]:
    rings = [largest(outlines(one, video)) for one in seen]
    polygon = all(rings)
    points = rings if polygon else [corners(one.box_xywh) for one in seen]
    confidence = seen[0].score if is_image(video) else track.score
    said = [(track.category_id, confidence)]
    if track.rollup and track.rollup.level != "class":  # the class is a second, less certain label
        said += [(ids[name], score) for name, score in class_scores(track)[:1]]
    labels = [
        {"label": str(label), "annotator": "seasift", "created-at": made, "confidence": score}
        for label, score in said
    ]
    entry = {"shape": "polygon" if polygon else "rectangle", "labels": labels}
    if is_image(video):
        return entry | {"coordinates": points[0]}
    return entry | {"coordinates": points, "frames": [one.time_s for one in seen]}


def _items(
    video: Video, notes: list[dict[str, Any]], where: dict[float, Position]
) -> dict[str, Any] | list[dict[str, Any]]:
    first: dict[str, Any] = {}
    start = utc(video, 0.0)
    if start:
        first["image-datetime"] = start.strftime(_TIME)
    if where:
        first |= _place(where[min(where)])
    first["image-acquisition-settings"] = {"width": video.width, "height": video.height} | (
        {"fps": video.fps} if video.fps else {}
    )
    first["image-annotations"] = notes
    if is_image(video):
        return first
    later = [
        {"image-datetime": when.strftime(_TIME)} | _place(where[time_s])
        for time_s in sorted(where)
        if (when := utc(video, time_s)) and time_s > 0
    ]
    return [first, *later]


def _place(position: Position) -> dict[str, Any]:
    found = {"image-latitude": position.latitude, "image-longitude": position.longitude}
    return found | ({} if position.depth_m is None else {"image-altitude-meters": -position.depth_m})


def read(path: Path, options: ReadOptions) -> Content:
    """Read an iFDO: rectangles, polygons and circles; other shapes are skipped."""
    built = Builder(path, options)
    try:
        text = read_regular(path).decode("utf-8")
        value = json.loads(text) if path.suffix.lower() == ".json" else load_yaml(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: neither YAML nor JSON ({' '.join(str(error).split())[:120]}).") from None
    with reading(path, "the document"):
        header = value["image-set-header"]
        labels = {str(one["id"]): one["name"] for one in header.get("image-annotation-labels") or []}
        items = value["image-set-items"].items()
    for key, name in labels.items():
        built.category(name, int(key) if key.isdigit() else None)
    for file, entry in items:
        with reading(path, f"image-set-items {file}"):
            _read_item(built, file, entry, labels)
    return built.content()


def _read_item(built: Builder, file: str, entry: Any, labels: dict[str, str]) -> None:
    moving = isinstance(entry, list)
    listed = entry if moving else [entry]
    first = listed[0]
    known = first.get("image-acquisition-settings") or {}
    known = {key: known[key] for key in ("width", "height", "fps") if known.get(key)}
    started = first.get("image-datetime")
    index = built.video(
        file, frames=None if moving else 1, start_utc=_utc_text(started) if started else None, **known
    )
    fps = known.get("fps") or built.options.fps or ASSUMED_FPS
    if moving and not known.get("fps") and not built.options.fps:
        built.note(f"no frame numbers in the file: {fps:g} frames/s are assumed; give --fps")
    where = {} if moving else {0.0: _position(first)}
    for number, note in enumerate(first.get("image-annotations") or []):
        shape = note.get("shape")
        if not note.get("labels"):
            built.leave_out(f"{shape} (without a label)")
            continue
        label = note["labels"][0]
        if shape not in ("rectangle", "polygon", "circle"):
            built.leave_out(f"{shape} (no area)")
            continue
        built.leave_out(
            "label (of an annotation that has several; the first one is used)", len(note["labels"]) - 1
        )
        times = note.get("frames") or [0.0]
        points = note["coordinates"] if isinstance(note["coordinates"][0], list) else [note["coordinates"]]
        for time_s, one in zip(times, points, strict=True):
            box, polygons = _shape(shape, [float(value) for value in one])
            built.add(
                (file, number),
                labels.get(str(label["label"]), str(label["label"])),
                index,
                box,
                score=1.0 if label.get("confidence") is None else label["confidence"],
                frame=round(time_s * fps) if moving else 0,
                time_s=time_s,
                polygons=polygons,
                position=where.get(time_s),
            )


def _shape(shape: str, points: list[float]) -> tuple[list[float], list[list[float]] | None]:
    if shape == "circle":
        x, y, radius = points
        return [x - radius, y - radius, 2 * radius, 2 * radius], [
            list(ellipse(x, y, radius, radius).rings[0])
        ]
    box = box_of(points)
    return box, [points] if shape == "polygon" or sorted(points) != sorted(corners(box)) else None


def _utc_text(value: Any) -> str:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _position(entry: dict[str, Any]) -> Position | None:
    if entry.get("image-latitude") is None or entry.get("image-longitude") is None:
        return None
    altitude = entry.get("image-altitude-meters")
    return Position(
        latitude=float(entry["image-latitude"]),
        longitude=float(entry["image-longitude"]),
        depth_m=None if altitude is None else -float(altitude),
    )
