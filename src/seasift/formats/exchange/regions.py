"""Convert shapes of other tools to outlines and masks: ellipses, rotated boxes, run lengths."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seasift.core.image_format import format_of, size_of
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, UInt8

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
