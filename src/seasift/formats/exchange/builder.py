"""Build a document from rows and entries in any order.

Shapes of other tools (ellipses, rotated boxes, run lengths) become outlines and masks. Tracks are split into the runs that
key-frame formats need.
"""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from seasift.core.errors import InputError
from seasift.core.image_format import format_of, size_of
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, UInt8
from seasift.formats.document import ModelEntry, Rle
from seasift.formats.exchange.content import Content, ReadOptions, is_image, left_out
from seasift.formats.tracks import Best, Observation, Position, TrackEntry, Video, make_header

_ELLIPSE_POINTS = 72  # loses 0.13% of the area


@dataclass(frozen=True)
class Region:
    """One drawn shape, px.

    Attributes:
        box_xywh: upright box around the shape.
        rings: outlines [x1, y1, x2, y2, ...]; empty if the shape is its box.
        mask: exact pixels, if the tool stores them.
    """

    box_xywh: list[float]
    rings: tuple[list[float], ...] = ()
    mask: MaskCrop | None = None


def box(x: float, y: float, width: float, height: float) -> Region:
    """An upright box; corners in any order."""
    return Region([min(x, x + width), min(y, y + height), abs(width), abs(height)])


def turned_box(x: float, y: float, width: float, height: float, degrees: float, around: str) -> Region:
    """A box rotated clockwise, as seen in the image.

    Args:
        around: centre of rotation: "middle" (CVAT) or "corner", the upper left one (Label Studio).
    """
    if degrees % 360 == 0:
        return box(x, y, width, height)
    cx, cy = (x + width / 2, y + height / 2) if around == "middle" else (x, y)
    points = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return outline([round(value, 3) for point in points for value in _turned(*point, cx, cy, degrees)])


def ellipse(cx: float, cy: float, rx: float, ry: float, degrees: float = 0.0) -> Region:
    """An ellipse rotated clockwise around its centre."""
    turns = (2 * math.pi * k / _ELLIPSE_POINTS for k in range(_ELLIPSE_POINTS))
    points = ((cx + rx * math.cos(turn), cy + ry * math.sin(turn)) for turn in turns)
    ring = [round(value, 3) for point in points for value in _turned(*point, cx, cy, degrees)]
    angle = math.radians(degrees)
    half_width = math.hypot(rx * math.cos(angle), ry * math.sin(angle))
    half_height = math.hypot(rx * math.sin(angle), ry * math.cos(angle))
    bounds = [cx - half_width, cy - half_height, 2 * half_width, 2 * half_height]
    return Region([round(value, 3) for value in bounds], (ring,))


def outline(ring: list[float]) -> Region:
    """A polygon.

    Raises:
        ValueError: an odd number of coordinates, or none.
    """
    xs, ys = ring[0::2], ring[1::2]
    if not xs or len(xs) != len(ys):
        raise ValueError(f"{len(ring)} coordinates; expected pairs of x and y")
    bounds = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    return Region(bounds, (ring,))


def of_mask(mask: MaskCrop) -> Region | None:
    """Exact pixels; None if there are none."""
    if not mask.area:
        return None
    x1, y1, x2, y2 = (float(side) for side in mask.box_xyxy)
    return Region([x1, y1, x2 - x1, y2 - y1], mask=mask)


def from_rows(runs: Sequence[int], left: int, top: int, width: int, height: int) -> MaskCrop:
    """CVAT's mask: run lengths of its own box, row by row, background first. Missing pixels at the end are background.

    Raises:
        ValueError: the runs do not fit the box.
    """
    total = sum(runs)
    if min(runs, default=0) < 0 or width < 1 or height < 1 or total > width * height:
        raise ValueError(f"run lengths of {total} pixels; expected those of {width} x {height}")
    flat = np.zeros(width * height, dtype=bool)
    flat[:total] = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return MaskCrop.from_bitmap(flat.reshape(height, width), left, top)


def from_png(url: str, width: int, height: int) -> MaskCrop:
    """Label Studio's bitmask: a PNG as a data URL, whose pixels that are not transparent form the mask.

    Raises:
        ValueError: other data, or another size.
    """
    import cv2

    data = base64.b64decode(url.partition(",")[2], validate=True)
    size = size_of(data, "PNG") if format_of(data) == "PNG" else None
    if size != (height, width):
        shown = "no PNG" if size is None else f"a PNG of {size[1]} x {size[0]} px"
        raise ValueError(f"a bitmask that is {shown}; expected a PNG of {width} x {height} px")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.shape[2] != 4:
        raise ValueError("a bitmask without transparent pixels; expected a PNG with alpha")
    return MaskCrop.from_bitmap(image[:, :, 3] > 0)


def from_brush(values: Sequence[int], width: int, height: int) -> MaskCrop:
    """Label Studio's brush: run lengths of the bytes of an RGBA image, whose opaque pixels form the mask.

    Source: https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack, which Label Studio uses: 32 bits of
    length, 5 of word size, 4 x 4 of sizes of run lengths; then blocks of a flag (a run, or single words), 2 bits of
    size index, the length, the words. Sizes and lengths are stored minus one.

    Raises:
        ValueError: other data, or another size.
    """
    bits = np.unpackbits(np.array(values, np.uint8))
    at = 0

    def take(count: int) -> int:
        nonlocal at
        if at + count > len(bits):
            raise ValueError("the brush's run lengths break off")
        value = int("".join(map(str, bits[at : at + count])), 2)
        at += count
        return value

    length = take(32)
    if length != 4 * width * height:
        raise ValueError(
            f"a brush of {length} values; expected {4 * width * height} ({width} x {height}, RGBA)"
        )
    word = take(5) + 1
    if word != 8:
        raise ValueError(f"a brush of words of {word} bits; expected 8")
    sizes = [take(4) + 1 for _ in range(4)]
    out: UInt8 = np.zeros(length, np.uint8)
    done = 0
    while done < length:
        run = take(1)
        end = min(done + take(sizes[take(2)]) + 1, length)
        if run:
            out[done:end] = take(8)
        else:
            count = 8 * (end - done)
            if at + count > len(bits):
                raise ValueError("the brush's run lengths break off")
            out[done:end] = np.packbits(bits[at : at + count])
            at += count
        done = end
    opaque: Bool = out.reshape(height, width, 4)[:, :, 3] > 0
    return MaskCrop.from_bitmap(opaque)


def _turned(x: float, y: float, cx: float, cy: float, degrees: float) -> tuple[float, float]:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return cx + cos * (x - cx) - sin * (y - cy), cy + sin * (x - cx) + cos * (y - cy)


def largest(rings: Sequence[list[float]]) -> list[float]:
    """The outline with the largest area; empty if there is none."""
    return max(rings, key=area, default=[])


def area(ring: list[float]) -> float:
    """px² inside an outline."""
    xs, ys = ring[0::2], ring[1::2]
    ends = zip(xs, ys, [*xs[1:], xs[0]], [*ys[1:], ys[0]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for x1, y1, x2, y2 in ends)) / 2


def lost_outlines(
    lost: Counter[str], rings: Sequence[Sequence[list[float]]], *, together: bool = False
) -> None:
    """Count the outlines lost in a format that holds one outline per object.

    Args:
        rings: outlines of each observation of an object.
        together: whether objects in the format have outlines in all frames or in none.
    """
    if together and not all(rings):
        lost["outline (of an object that has none in some frames; boxes are kept)"] += sum(map(bool, rings))
    else:
        lost["second outline of an object (the largest is kept)"] += sum(
            max(0, len(one) - 1) for one in rings
        )


def stride(seen: Sequence[Observation]) -> int:
    """Frames between evaluated frames: the smallest step between observations."""
    steps = [later.frame - one.frame for one, later in pairwise(seen)]
    return min((step for step in steps if step > 0), default=1)


def runs(seen: Sequence[Observation]) -> list[list[Observation]]:
    """Runs of observations, split where an evaluated frame has none; tools must not interpolate there."""
    step = stride(seen)
    pieces: list[list[Observation]] = []
    for one in seen:
        if pieces and one.frame - pieces[-1][-1].frame <= step:
            pieces[-1].append(one)
        else:
            pieces.append([one])
    return pieces


ASSUMED_FPS = 30.0


class Builder:
    """Collect videos, classes and observations; `content` returns the document."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path, self.options = path, options
        self.notes: list[str] = []
        self.left_out: Counter[str] = Counter()
        self._videos: dict[str, dict[str, Any]] = {}
        self._extent: dict[int, tuple[float, float]] = {}
        self._categories: dict[str, int] = {}
        self._tracks: dict[Hashable, dict[str, Any]] = {}

    def video(self, file: str, **known: Any) -> int:
        """The index of a file among the videos; `known` fills fields of `Video` that were unknown before."""
        entry = self._videos.setdefault(file, {"file": file, "place": len(self._videos)})
        for key, value in known.items():
            if value is not None:
                entry.setdefault(key, value)
        return int(entry["place"])

    def category(self, name: str, category_id: int | None = None) -> None:
        """A class, with the id it has in the file."""
        if name not in self._categories:
            taken = self._categories.values()
            self._categories[name] = category_id if category_id is not None else max(taken, default=0) + 1

    def time_of(self, file: str, frame: int) -> float:
        """A frame's time if the format has none: by the frame rate, which is then an assumption."""
        if self._videos[file].get("frames") == 1:
            return 0.0
        fps = self._videos[file].get("fps") or self.options.fps
        if fps is None:
            fps = ASSUMED_FPS
            self.note(f"no times and no frame rate in the file: {fps:g} frames/s are assumed; give --fps")
        return round(frame / fps, 6)

    def note(self, line: str) -> None:
        """Note an assumption, once."""
        if line not in self.notes:
            self.notes.append(line)

    def leave_out(self, kind: str, count: int = 1) -> None:
        """Count things in the file that a seasift document cannot hold; the conversion reports each kind."""
        if count:
            self.left_out[kind] += count

    def add_region(
        self, key: Hashable | None, name: str, video: int, region: Region | None, **known: Any
    ) -> None:
        """An observation of a drawn shape; `known` as in `add`. A shape without an area in its image is skipped."""
        if region is None:
            self.leave_out("mask (without a pixel)")
            return
        shape: dict[str, Any] = {"polygons": list(region.rings)}
        box_xywh = region.box_xywh
        if min(box_xywh[2:]) <= 0:
            self.leave_out("shape (a point or a line, no area)")
            return
        if region.mask is not None:
            size = self._size(video)
            mask = region.mask if size is None else MaskCrop.from_bitmap(region.mask.bitmap(size))
            inside = of_mask(mask)
            if inside is None:
                self.leave_out("mask (without a pixel in its image)")
                return
            box_xywh = inside.box_xywh
            shape = {"polygons": mask.polygons()} if size is None else {"mask": mask.rle(size)}
            if size is None:
                self.note("no sizes of images in the file: masks are read as outlines; give --size")
        self.add(key, name, video, box_xywh, **shape, **known)

    def _size(self, video: int) -> tuple[int, int] | None:
        """Height and width of a video, if known so far."""
        entry = list(self._videos.values())[video]
        if entry.get("width") and entry.get("height"):
            return int(entry["height"]), int(entry["width"])
        return None if self.options.size is None else (self.options.size[1], self.options.size[0])

    def add(
        self,
        key: Hashable | None,
        name: str,
        video: int,
        box_xywh: list[float],
        *,
        score: float = 1.0,
        frame: int = 0,
        time_s: float = 0.0,
        polygons: list[list[float]] | None = None,
        mask: dict[str, Any] | None = None,
        position: Position | None = None,
        track: dict[str, Any] | None = None,
    ) -> None:
        """Add an observation.

        Args:
            key: key of its track; None for an object without a track.
            track: `score`, `confirmed`, `rollup`, `class_scores` and `picture` (of its best view) of the track, if the
                format has them.
        """
        self.category(name)
        seen = Observation(
            video=video,
            frame=frame,
            time_s=float(time_s),
            box_xywh=[float(value) for value in box_xywh],
            score=float(score),
            polygons=[[float(value) for value in ring] for ring in polygons] if polygons else None,
            mask=Rle(**mask) if mask else None,
            position=position,
        )
        key = key if key is not None else ("alone", len(self._tracks))
        entry = self._tracks.setdefault(key, {"name": name, "seen": [], **(track or {})})
        entry["seen"].append(seen)
        right, bottom = self._extent.get(video, (1.0, 1.0))
        x, y, width, height = box_xywh
        self._extent[video] = max(right, x + width), max(bottom, y + height)

    def content(self, **header: Any) -> Content:
        """Return the document.

        Raises:
            InputError: the file has no class.
        """
        if not self._categories:
            lost = "".join(f" ({line})" for line in left_out(self.left_out))
            raise InputError(f"{self.path}: names no class and no object{lost}; nothing to convert.")
        videos = [self._finished(index, entry) for index, entry in enumerate(self._videos.values())]
        tracks = [self._track(number, entry) for number, entry in self._numbered()]
        model = header.pop("model", None)
        return Content(
            make_header(
                [(id_, name) for name, id_ in self._categories.items()],
                videos,
                model=model if isinstance(model, ModelEntry) else None,
                **header,
            ),
            tracks,
            tuple(self.notes),
            left_out=dict(self.left_out),
        )

    def _finished(self, index: int, entry: dict[str, Any]) -> Video:
        known = {key: value for key, value in entry.items() if key != "place"}
        if "width" not in known or "height" not in known:
            if self.options.size:
                known["width"], known["height"] = self.options.size
            else:
                extent = self._extent.get(index, (1.0, 1.0))
                known["width"], known["height"] = (max(1, math.ceil(side)) for side in extent)
                self.note("no sizes of images in the file: the extent of the boxes is assumed; give --size")
        video = Video(**known)
        return video if video.fps or is_image(video) else video.model_copy(update={"fps": self.options.fps})

    def _numbered(self) -> list[tuple[int, dict[str, Any]]]:
        """Tracks keep their ids if these are whole numbers from 1; otherwise all are renumbered."""
        given = {key for key in self._tracks if isinstance(key, int)}
        keep = given and min(given) >= 1
        free, numbered = max(given, default=0) if keep else 0, []
        for key, entry in self._tracks.items():
            if keep and isinstance(key, int):
                numbered.append((key, entry))
            else:
                free += 1
                numbered.append((free, entry))
        return sorted(numbered, key=lambda item: item[0])

    def _track(self, number: int, entry: dict[str, Any]) -> TrackEntry:
        seen = sorted(entry["seen"], key=lambda one: (one.video, one.frame, one.time_s))
        return TrackEntry(
            id=number,
            category_id=self._categories[entry["name"]],
            name=entry["name"],
            score=entry.get("score", max(one.score for one in seen)),
            rollup=entry.get("rollup"),
            class_scores=entry.get("class_scores"),
            confirmed=entry.get("confirmed", True),
            best=_best(seen[0], entry["picture"]) if entry.get("picture") else None,
            observations=seen,
        )


def _best(seen: Observation, image: str) -> Best:
    return Best(video=seen.video, frame=seen.frame, time_s=seen.time_s, box_xywh=seen.box_xywh, picture=image)
