"""MegaDetector's results, format 1.6: boxes in images and in frames of videos.

Source: https://lila.science/megadetector-output-format
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from seasift.core.files import write_json
from seasift.formats.exchange.builder import ASSUMED_FPS, Builder
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    frame_rate,
    is_image,
    reading,
)
from seasift.formats.exchange.naming import class_scores
from seasift.formats.exchange.native import load_json

_VERSION = "1.6"
_NAMES = "seasift_names"


def write(path: Path, content: Content, _options: WriteOptions) -> list[str]:
    """Write boxes relative to the image's sides; a video is one entry with all its frames."""
    header = content.header
    found: dict[int, list[dict[str, Any]]] = {index: [] for index in range(len(header.videos))}
    rates: dict[int, float] = {}
    ids = {category.name: category.id for category in header.categories}
    for track in content.tracks:
        for seen in track.observations:
            video = header.videos[seen.video]
            x, y, width, height = seen.box_xywh
            relative = [x / video.width, y / video.height, width / video.width, height / video.height]
            entry = {
                "category": str(track.category_id),
                "conf": seen.score,
                "bbox": [round(value, 6) for value in relative],
            }
            if track.rollup and track.rollup.level != "class":
                entry["classifications"] = [
                    [str(ids[name]), score] for name, score in class_scores(track) if name in ids
                ]
            if not is_image(video):
                entry["frame_number"] = seen.frame
                if seen.time_s > 0 and seen.frame > 0:
                    rates.setdefault(seen.video, round(seen.frame / seen.time_s, 6))
            found[seen.video].append(entry)
    info: dict[str, Any] = {
        "format_version": _VERSION,
        "detector": header.model.name if header.model else "unknown",
    }
    images: list[dict[str, Any]] = []
    for index, video in enumerate(header.videos):
        shared: dict[str, Any] = {"file": video.file, "width": video.width, "height": video.height}
        detections = sorted(found[index], key=lambda one: one.get("frame_number", 0))
        if not is_image(video):
            shared["frame_rate"] = video.fps or rates.get(index, ASSUMED_FPS)
            shared["frames_processed"] = sorted({one["frame_number"] for one in detections})
        images.append(shared | {"detections": detections})
    for file, reason in content.failures:
        images.append({"file": file, "failure": reason, "detections": None})
    categories = {str(category.id): category.name for category in header.categories}
    value = {"info": info, "detection_categories": categories}
    if header.names:
        info["detector_metadata"] = {_NAMES: header.names}
        value["classification_categories"] = categories
    write_json(path, value | {"images": images}, indent=1)
    return []


def read(path: Path, options: ReadOptions) -> Content:
    """Read results; a classified box gets its best class and the detector's score."""
    value = load_json(path)
    built = Builder(path, options)
    with reading(path, "the document"):
        names = {str(key): str(name) for key, name in value["detection_categories"].items()}
        classes = {
            str(key): str(name) for key, name in (value.get("classification_categories") or {}).items()
        }
        listed = value["images"]
        rolled = bool(((value.get("info") or {}).get("detector_metadata") or {}).get(_NAMES))
    for key, name in names.items():
        with reading(path, "detection_categories"):
            built.category(name, int(key))
    failures = []
    for index, entry in enumerate(listed):
        with reading(path, f"images[{index}]"):
            if entry.get("failure"):
                failures.append((str(entry["file"]), str(entry["failure"])))
                continue
            _read_image(built, entry, names, {} if rolled else classes)
    content = built.content()
    return replace(content, failures=tuple(failures))


def _read_image(
    built: Builder, entry: dict[str, Any], names: dict[str, str], classes: dict[str, str]
) -> None:
    rate = frame_rate(entry.get("frame_rate"))
    width, height = entry.get("width"), entry.get("height")
    if not width or not height:
        width, height = built.options.size or (1000, 1000)
        if not built.options.size:
            built.note("no sizes of images in the file: 1000 x 1000 px are assumed; give --size")
    file = str(entry["file"])
    moving = "frame_rate" in entry or any("frame_number" in found for found in entry["detections"])
    known = {"fps": rate} if moving else {"frames": 1}
    index = built.video(file, width=width, height=height, **known)
    for found in entry["detections"]:
        x, y, box_width, box_height = found["bbox"]
        box = [round(value, 3) for value in (x * width, y * height, box_width * width, box_height * height)]
        frame = int(found.get("frame_number", 0))
        best = found.get("classifications") or []
        built.leave_out("class with a lower confidence", max(0, len(best) - bool(classes)))
        best = best if classes else []  # a file with rolled-up names is not sure of the class
        label = classes[str(best[0][0])] if best else names[str(found["category"])]
        time_s = built.time_of(file, frame) if moving else 0.0
        built.add(None, label, index, box, score=found["conf"], frame=frame, time_s=time_s)
