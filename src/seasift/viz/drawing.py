"""Draw objects into an image: outlines, a light fill, class names and scores, readable at any image size.

`Plot` is a drawn image as a value: saved, shown in a notebook, or used as an array.
"""

from __future__ import annotations

import colorsys
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from seasift.core.image import encode_image, write_image
from seasift.core.instances import Category, Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import UInt8

Colour = tuple[int, int, int]
_Area = tuple[int, int, int, int]  # x1, y1, x2, y2

_FILL = 0.3
_LABELS_SHARE = 6
_SMALLEST_SIDE = 480
_FONT = cv2.FONT_HERSHEY_DUPLEX
# Light and saturated, since the sea floor is dark and dull; neighbours in the list differ most.
_PALETTE = (
    *("#ff4d4d", "#3ddc58", "#ffe119", "#6f8dff", "#ff9130", "#c35cff", "#42d4f4", "#ff5ce1", "#bfef45"),
    *("#fabed4", "#2fb5a8", "#dcbeff", "#c98a4b", "#fffac8", "#c94f6d", "#aaffc3", "#a8a83a", "#ffd8b1"),
    *("#4f6fc9", "#c9c9c9", "#ff7a9c", "#7fe0ff"),
)


def colour_of(class_id: int) -> Colour:
    """The colour (red, green, blue) of a class, the same in every image of a model."""
    if class_id < len(_PALETTE):
        value = int(_PALETTE[class_id][1:], 16)
        return value >> 16, (value >> 8) & 255, value & 255
    red, green, blue = colorsys.hsv_to_rgb(class_id * 0.618034 % 1, 0.6 + 0.4 * (class_id % 2), 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def draw(
    image_rgb_u8: UInt8,
    instances: Instances,
    categories: Sequence[Category],
    *,
    labels: Sequence[str] | None = None,
) -> UInt8:
    """Draw objects on a copy of an image.

    Args:
        image_rgb_u8: (H, W, 3) uint8 RGB.
        instances: its objects, best first.
        categories: the classes; the index is the class_id.
        labels: label of each object; None for its class and score.
    Returns:
        (H', W', 3) uint8 RGB: as large as the image, or an integer factor larger if both of its sides are below 480 px,
        since a label would not fit. A label that would cover another is dropped. So is one that would let labels cover
        more than a sixth of the image, unless it is the first of its class. Better objects come first.
    """
    factor = max(1, -(-_SMALLEST_SIDE // max(image_rgb_u8.shape[:2])))
    if max(image_rgb_u8.shape[:2]) >= _SMALLEST_SIDE // 2:
        factor = min(factor, 2)
    canvas = _enlarged(image_rgb_u8, factor)
    style = _Style.of(canvas)
    shapes = [_scaled(instances, i, factor) for i in range(len(instances))]
    colours = [colour_of(int(class_id)) for class_id in instances.class_ids]
    for shape, colour in zip(reversed(shapes), reversed(colours), strict=True):
        _fill(canvas, shape, colour)
    for shape, colour in zip(reversed(shapes), reversed(colours), strict=True):
        _outline(canvas, shape, colour, style.line)
    taken: list[_Area] = []
    named: set[int] = set()
    labels = labels or [
        f"{categories[class_id].name} {score:.2f}"
        for class_id, score in zip(instances.class_ids.tolist(), instances.scores, strict=True)
    ]
    for shape, colour, class_id, label in zip(
        shapes, colours, instances.class_ids.tolist(), labels, strict=True
    ):
        if class_id in named and sum(map(_size, taken)) * _LABELS_SHARE > canvas.shape[0] * canvas.shape[1]:
            continue
        if _label(canvas, _ascii(label), shape.box, colour, style, taken):
            named.add(class_id)
    return canvas


def _enlarged(pixels: UInt8, factor: int) -> UInt8:
    """A copy, each pixel repeated so many times along both sides."""
    size = (pixels.shape[1] * factor, pixels.shape[0] * factor)
    larger = cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST) if factor > 1 else pixels.copy()
    return np.asarray(larger, dtype=np.uint8)


@dataclass(frozen=True)
class _Style:
    """Sizes in px for the size of the image."""

    line: int
    text_scale: float
    text_weight: int
    margin: int

    @classmethod
    def of(cls, canvas: UInt8) -> _Style:
        text_px = max(10.0, 5 + 0.018 * min(canvas.shape[0], canvas.shape[1] * 0.75))
        return cls(max(1, round(text_px / 7)), text_px / 22, max(1, round(text_px / 18)), round(text_px / 3))


@dataclass(frozen=True)
class _DrawnShape:
    mask: MaskCrop | None
    box: _Area


def _scaled(instances: Instances, i: int, factor: int) -> _DrawnShape:
    x1, y1, x2, y2 = (round(float(value) * factor) for value in instances.boxes_xyxy[i])
    mask = instances.masks[i] if instances.masks is not None else None
    if mask is None or not mask.area:
        return _DrawnShape(None, (x1, y1, x2, y2))
    crop = _enlarged(mask.crop.astype(np.uint8), factor).astype(bool)
    scaled = MaskCrop(crop, mask.x0 * factor, mask.y0 * factor)
    return _DrawnShape(scaled, scaled.box_xyxy)


def _fill(canvas: UInt8, shape: _DrawnShape, colour: Colour) -> None:
    if shape.mask is None:
        return
    x1, y1, x2, y2 = shape.mask.box_xyxy
    left, top = max(x1, 0), max(y1, 0)
    part = canvas[top : max(y2, 0), left : max(x2, 0)]
    crop = shape.mask.crop[top - y1 :, left - x1 :][: part.shape[0], : part.shape[1]]
    # Through a table of 256: no float copy of a large image.
    for channel in range(3):
        table = np.rint(np.arange(256) * (1 - _FILL) + colour[channel] * _FILL).astype(np.uint8)
        plane = part[..., channel]
        plane[crop] = table[plane[crop]]


def _outline(canvas: UInt8, shape: _DrawnShape, colour: Colour, line: int) -> None:
    """A coloured line with a dark rim, visible on any background. Without a mask, the box."""
    if shape.mask is None:
        x1, y1, x2, y2 = shape.box
        for ink, width in (((0, 0, 0), line + 2), (colour, line)):
            cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), ink, width)
        return
    padded = np.pad(shape.mask.crop, 1).astype(np.uint8)
    contours, _ = cv2.findContours(padded, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    offset = (shape.mask.x0 - 1, shape.mask.y0 - 1)
    for ink, width in (((0, 0, 0), line + 2), (colour, line)):
        cv2.drawContours(canvas, contours, -1, ink, width, cv2.LINE_AA, offset=offset)


def _label(canvas: UInt8, text: str, box: _Area, colour: Colour, style: _Style, taken: list[_Area]) -> bool:
    (width, height), below = cv2.getTextSize(text, _FONT, style.text_scale, style.text_weight)
    size = (width + 2 * style.margin, height + below + style.margin)
    area = _free_slot(size, box, (canvas.shape[1], canvas.shape[0]), taken)
    if area is None:
        return False
    taken.append(area)
    x1, y1, x2, y2 = area
    cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), colour, cv2.FILLED)
    luminance = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    ink = (0, 0, 0) if luminance > 110 else (255, 255, 255)
    origin = (x1 + style.margin, y2 - below - style.margin // 2)
    cv2.putText(canvas, text, origin, _FONT, style.text_scale, ink, style.text_weight, cv2.LINE_AA)
    return True


def _free_slot(
    size: tuple[int, int], box: _Area, canvas_wh: tuple[int, int], taken: Sequence[_Area]
) -> _Area | None:
    """Above the object, below it, at its sides, inside; the first position that covers no other label."""
    width, height = size
    x1, y1, x2, y2 = box
    corners = [
        *((x1, y1 - height), (x2 - width, y1 - height), (x1, y2), (x2 - width, y2)),
        *((x2, y1), (x1 - width, y1), (x2, y2 - height), (x1 - width, y2 - height)),
        *((x1, y1), (x1, y2 - height), ((x1 + x2 - width) // 2, (y1 + y2 - height) // 2)),
    ]
    for x, y in corners:
        left = min(max(x, 0), max(canvas_wh[0] - width, 0))
        top = min(max(y, 0), max(canvas_wh[1] - height, 0))
        area = (left, top, left + width, top + height)
        if not any(_overlap(area, other) for other in taken):
            return area
    return None


def _size(area: _Area) -> int:
    return (area[2] - area[0]) * (area[3] - area[1])


def _overlap(a: _Area, b: _Area) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _ascii(name: str) -> str:
    """OpenCV's letters are ASCII: accents are dropped, other letters become '?'."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return plain.encode("ascii", "replace").decode("ascii")


_NOTEBOOK_PX = 1280


@dataclass(frozen=True, eq=False, repr=False)
class Plot:
    """An image with outlines, class names and scores.

    Attributes:
        image_rgb_u8: (H, W, 3) uint8 RGB. An image with sides below 480 px is drawn larger by an integer factor.

    >>> found.plot().save("out.jpg")
    >>> found.plot().image_rgb_u8.shape
    """

    image_rgb_u8: UInt8

    @classmethod
    def of(cls, image_rgb_u8: UInt8, instances: Instances) -> Plot:
        """Draw objects on a copy of their image, (H, W, 3) uint8 RGB."""
        labels = [f"{obj.name} {obj.score:.2f}" for obj in instances]
        return cls(draw(image_rgb_u8, instances, instances.categories, labels=labels))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the image in the format of the suffix: .jpg, .png, .tif, .webp or .bmp; whole or not at all.

        Raises:
            InputError: another suffix.
        """
        write_image(Path(path), self.image_rgb_u8)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """The image, for `numpy.asarray` and packages that use it."""
        return np.array(self.image_rgb_u8, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        height, width = self.image_rgb_u8.shape[:2]
        return f"Plot({width}x{height} px)"

    def _repr_png_(self) -> bytes:
        """For notebooks: at most 1280 px wide and high."""
        height, width = self.image_rgb_u8.shape[:2]
        factor = min(1.0, _NOTEBOOK_PX / max(height, width))
        size = max(1, round(width * factor)), max(1, round(height * factor))
        smaller = cv2.resize(self.image_rgb_u8, size, interpolation=cv2.INTER_AREA)
        return encode_image(np.asarray(smaller, np.uint8), ".png")
