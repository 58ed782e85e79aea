"""Choose the best view of a track, and draw its crop with the outline."""

from __future__ import annotations

import math

import cv2
import numpy as np

from seasift.core.image import encode_image
from seasift.core.instances import Instances
from seasift.core.types import Float64, SizeHW, UInt8
from seasift.viz.drawing import colour_of

_MARGIN = 0.35  # of the object's longer side, on each side
_LEAST, _LONGEST, _SMALL = 48, 640, 320  # px: smallest crop; largest image; smaller crops are enlarged
_LARGE_PX = 128  # above this size, a larger object is not a better view
_CUT = 0.5  # weight of a view that ends at the image's edge


def quality_of(score: float, box_xywh: tuple[float, float, float, float], size_hw: SizeHW) -> float:
    """How well a view shows an object: its score, reduced if it is small or cut off by the image's edge."""
    x, y, width, height = box_xywh
    side = math.sqrt(max(width * height, 0.0))
    cut = x <= 1 or y <= 1 or x + width >= size_hw[1] - 1 or y + height >= size_hw[0] - 1
    return score * min(1.0, side / _LARGE_PX) * (_CUT if cut else 1.0)


def crop_of(image_rgb_u8: UInt8, instances: Instances, index: int) -> bytes:
    """Crop one object with a margin and draw its outline, as JPEG.

    Args:
        image_rgb_u8: (H, W, 3) uint8 RGB.
        instances: its objects; `place` is the index of one.
    """
    x1, y1, x2, y2 = _window(instances, index, image_rgb_u8.shape[:2])
    crop = image_rgb_u8[y1:y2, x1:x2]
    longer = max(crop.shape[:2])
    factor = _LONGEST / longer if longer > _LONGEST else max(1.0, min(4.0, _SMALL / longer))
    size = (max(1, round((x2 - x1) * factor)), max(1, round((y2 - y1) * factor)))
    canvas = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    line = max(2, round(max(size) / 200))
    rings = _rings(instances, index, (x1, y1), factor)
    colour = colour_of(int(instances.class_ids[index]))
    for ink, width in (((0, 0, 0), line + 2), (colour, line)):
        for ring in rings:
            points = np.rint(ring * 16).astype(np.int32)  # in sixteenths of a pixel
            cv2.polylines(canvas, [points], True, ink, width, cv2.LINE_AA, shift=4)
    return encode_image(np.asarray(canvas, np.uint8), ".jpg")


def _window(instances: Instances, index: int, size_hw: SizeHW) -> tuple[int, int, int, int]:
    left, top, right, bottom = (float(value) for value in instances.boxes_xyxy[index])
    margin = _MARGIN * max(right - left, bottom - top)
    window = []
    for low, high, most in ((left, right, size_hw[1]), (top, bottom, size_hw[0])):
        half = max((high - low) / 2 + margin, _LEAST / 2)
        middle = (low + high) / 2
        first = min(max(math.floor(middle - half), 0), most - 1)
        window.append((first, max(first + 1, min(math.ceil(middle + half), most))))
    (x1, x2), (y1, y2) = window
    return x1, y1, x2, y2


def _rings(instances: Instances, index: int, corner_xy: tuple[int, int], factor: float) -> list[Float64]:
    """Outlines (K, 2) in px of the crop: smooth outlines of the mask, or the box without a mask."""
    if instances.masks is None or not instances.masks[index].area:
        x1, y1, x2, y2 = (float(value) for value in instances.boxes_xyxy[index])
        ring = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
        return [(ring - corner_xy) * factor]
    mask = instances.masks[index]
    share = np.pad(mask.crop, 1).astype(np.float32)
    size = (round(share.shape[1] * factor), round(share.shape[0] * factor))
    smooth = cv2.resize(share, (max(1, size[0]), max(1, size[1])), interpolation=cv2.INTER_CUBIC)
    contours, _ = cv2.findContours((smooth > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    offset = (np.array([mask.x0 - 1, mask.y0 - 1]) - corner_xy) * factor
    return [contour[:, 0, :].astype(np.float64) + offset for contour in contours]
