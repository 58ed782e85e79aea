"""VIAME CSV, which VIAME and DIVE read and write: one row per track and frame.

Source: https://viame.readthedocs.io/en/latest/sections/detection_file_conversions.html and
https://kitware.github.io/dive/DataFormats/#viame-csv (several `(poly)` per row, the `# metadata` line).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seasift.formats.exchange import table
from seasift.formats.exchange.builder import Builder
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    frame_rate,
    is_image,
    number,
    outlines,
    reading,
)
from seasift.formats.exchange.naming import class_scores
from seasift.formats.exchange.table import one_video
from seasift.formats.tracks import Observation, TrackEntry, Video

HEAD = (
    *("# 1: Detection or Track-id", "2: Video or Image Identifier", "3: Unique Frame Identifier"),
    *("4-7: Img-bbox(TL_x", "TL_y", "BR_x", "BR_y)", "8: Detection or Length Confidence"),
    *("9: Target Length (0 or -1 if invalid)", "10-11+: Repeated Species", "Confidence Pairs or Attributes"),
)
_TIME = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)$")


def write(path: Path, content: Content, _options: WriteOptions) -> list[str]:
    """Write one row per observation. A file holds one video, or images in order.

    Raises:
        InputError: the document has several videos.
    """
    one_video(path, content, "VIAME CSV")
    table.write(path, _rows(content))
    return []


def _rows(content: Content) -> Iterator[tuple[Any, ...]]:
    videos = content.header.videos
    yield HEAD
    moving = [video for video in videos if not is_image(video)]
    metadata = [f"fps: {json.dumps(moving[0].fps)}"] if moving and moving[0].fps else []
    metadata.append('exported_by: "seasift"')
    if moving:  # readers skip unknown entries
        shown = moving[0].model_dump(mode="json", exclude_none=True)
        metadata.append(f"video: {json.dumps(shown, ensure_ascii=False)}")
    yield ("# metadata", *metadata)
    for track in content.tracks:
        for seen in track.observations:
            yield _row(track, seen, videos[seen.video])


def _row(track: TrackEntry, seen: Observation, video: Video) -> tuple[Any, ...]:
    x, y, width, height = seen.box_xywh
    image = is_image(video)
    score = number(seen.score)
    pairs = [track.name, score]
    if track.rollup:  # the classes that it might be follow, each with less than the name's own score
        pairs = [track.name, number(track.rollup.score)]
        others = [(name, value) for name, value in class_scores(track) if value < track.rollup.score]
        pairs += [text for name, value in others for text in (name, number(value))]
    polygons = [f"(poly) {' '.join(map(number, ring))}" for ring in outlines(seen, video)]
    return (
        track.id,
        video.file if image else _clock(seen.time_s),
        seen.video if image else seen.frame,
        *map(number, (x, y, x + width, y + height)),
        score,
        -1,
        *pairs,
        *polygons,
    )


def _clock(time_s: float) -> str:
    whole = round(time_s * 1_000_000)
    seconds, micro = divmod(whole, 1_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{micro:06d}"


def read(path: Path, options: ReadOptions) -> Content:
    """Read VIAME CSV. A frame's identifier that is a time or nothing means a video.

    If the rows of a track name several classes, the last row counts, as in DIVE.
    """
    built = Builder(path, options)
    video: dict[str, Any] = {"file": path.with_suffix(".mp4").name}
    labels: dict[str, str] = {}
    for line, row in table.rows(path):
        with reading(path, f"line {line}"):
            if not row[0].startswith("#"):
                labels[row[0]] = _best(row)[0]
    for line, row in table.rows(path):
        with reading(path, f"line {line}"):
            if row[0].startswith("#"):
                video.update(_metadata(row) if row[0].strip() == "# metadata" else {})
            else:
                _read_row(built, row, video, labels[row[0]])
    return built.content()


def _metadata(row: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in row[1:]:
        key, _, text = entry.partition(":")
        if key.strip().lower() == "fps":
            found["fps"] = frame_rate(text)  # DIVE writes -1 or null while it is unknown
        elif key.strip() == "video":
            found.update(Video.model_validate_json(text).model_dump(exclude_none=True))
    return found


def _best(row: list[str]) -> tuple[str, float]:
    """The class of a row with the highest confidence, and this confidence."""
    if len(row) < 9:
        raise ValueError(f"{len(row)} fields; expected at least 9: id, name, frame, box, confidence, length")
    pairs = []
    for at in range(9, len(row) - 1, 2):
        if row[at].startswith("(") or not row[at]:
            break
        if row[at + 1].strip():
            pairs.append((row[at], float(row[at + 1])))
    return max(pairs, key=lambda pair: pair[1], default=("unknown", float(row[7] or 1)))


_FIELDS = {
    **{"(kp)": "keypoint", "(hole)": "hole of an outline", "(atr)": "attribute of a frame"},
    **{"(trk-atr)": "attribute of a track", "(note)": "note", "(mask)": "mask in a file of its own"},
}


def _count(built: Builder, row: list[str]) -> None:
    """Count the content of a row besides box, best class and outlines."""
    for field in row[9:]:
        if field.startswith("(") and not field.startswith("(poly) "):
            built.leave_out(_FIELDS.get(field.split(maxsplit=1)[0], f"field {field.split(maxsplit=1)[0]}"))
    pairs = [at for at in range(9, len(row) - 1, 2) if row[at]]
    first = next((at for at in range(9, len(row)) if row[at].startswith("(")), len(row))
    built.leave_out("class with a lower confidence", max(0, sum(at < first for at in pairs) - 1))
    if float(row[8].strip() or -1) > 0:
        built.leave_out("length of an object")


def _read_row(built: Builder, row: list[str], video: dict[str, Any], label: str) -> None:
    name, frame = row[1].strip(), int(row[2])
    left, top, right, bottom = (float(value) for value in row[3:7])
    _, score = _best(row)
    _count(built, row)
    rings = [field.split(maxsplit=1)[1] for field in row[9:] if field.startswith("(poly) ")]
    clock = _TIME.match(name)
    if name and not clock:
        index, time_s = built.video(name, frames=1), 0.0
        frame = 0
    else:
        index = built.video(**video)
        time_s = built.time_of(video["file"], frame) if clock is None else _seconds(clock)
    built.add(
        int(row[0]),
        label,
        index,
        [left, top, right - left, bottom - top],
        score=min(max(score, 0.0), 1.0),
        frame=frame,
        time_s=time_s,
        polygons=[[float(value) for value in ring.split()] for ring in rings],
    )


def _seconds(clock: re.Match[str]) -> float:
    return round(int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3]), 6)
