"""Defects of one object: its box, its mask, and whether they go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seasift.core.masks import MaskCrop, areas_and_boxes, from_coco
from seasift.core.types import Bool, Float64, SizeHW
from seasift.data.defects import FATAL, WARNING, Defect
from seasift.data.plain import columns_of, has_size
from seasift.data.segmentation import defect_of_segmentation, is_number, kind_of

# Tools differ on whether the last pixel counts and where a pixel's corner is; less is no defect.
_SLACK_PX = 1.5
_LEAST_IOU = 0.5
_FEWEST = 32  # annotations that are looked at together


def check_object(item: Mapping[str, Any], size_hw: SizeHW | None, file: str, place: str) -> Iterator[Defect]:
    """Check box, area, crowd flag and mask of an annotation.

    Args:
        item: the annotation.
        size_hw: of its picture, if that is known.
        file: annotation file, for the defects.
        place: of the annotation in it.
    """
    crowd = item.get("iscrowd", 0)
    if not isinstance(crowd, int) or crowd not in (0, 1):
        what = f"iscrowd is {kind_of(crowd)}; expected 0 or 1"
        yield Defect(FATAL, "wrong type", file, place, what, "Write 0, or 1 for a crowd")
    area = item.get("area")
    if area is not None and (not is_number(area) or area < 0):
        what = f"area is {kind_of(area)}; expected a number of pixels"
        yield Defect(FATAL, "wrong type", file, place, what, "Write the mask's area")
    box = item.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        what = f"bbox is {kind_of(box)}; expected four numbers x, y, width, height"
        yield Defect(FATAL, "wrong type", file, place, what, "Write the box of the mask")
        box = None
    else:
        yield from _check_box([float(value) for value in box], size_hw, file, place)
    yield from _check_mask(item.get("segmentation"), box, size_hw, file, place)


def without_fault(items: Sequence[Any], sizes: Mapping[int, SizeHW | None]) -> Sequence[bool]:
    """Which annotations `check_object` would find no defect in, many at once; of the others some may have none either.

    Args:
        items: annotations.
        sizes: id of an image to its size, if that is known.
    """
    columns = columns_of(items)
    if columns is None:
        half = len(items) // 2
        if half < _FEWEST:
            return [False] * len(items)
        return [*without_fault(items[:half], sizes), *without_fault(items[half:], sizes)]
    size_of = [sizes.get(number) for number in columns.image_ids]
    right = np.zeros(len(items), bool)
    for size_hw in set(size_of) - {None}:
        assert size_hw is not None
        here = [
            place
            for place, (own, segmentation) in enumerate(zip(size_of, columns.segmentations, strict=True))
            if own == size_hw and segmentation and has_size(segmentation, size_hw)
        ]
        try:
            areas, tight = areas_and_boxes([columns.segmentations[place] for place in here], size_hw)
        except (ValueError, TypeError, OverflowError, MemoryError):
            continue
        boxes = columns.boxes_xywh[here]
        right[here] = (areas > 0) & _inside(boxes, size_hw) & (_iou_of_boxes(tight, boxes) >= _LEAST_IOU)
    return [bool(each) for each in right]


def _inside(boxes: Float64, size_hw: SizeHW) -> Bool:
    ends = boxes[:, :2] + boxes[:, 2:]
    over = np.maximum(-boxes[:, :2], ends - [size_hw[1], size_hw[0]]).max(axis=1)
    touching = (boxes[:, :2] < [size_hw[1], size_hw[0]]).all(axis=1) & (ends > 0).all(axis=1)
    return np.asarray((boxes[:, 2:] > 0).all(axis=1) & touching & (over <= _SLACK_PX))


def _iou_of_boxes(tight: Float64, boxes: Float64) -> Float64:
    """See `_iou`."""
    near = np.maximum(tight[:, :2], boxes[:, :2])
    far = np.minimum(tight[:, :2] + tight[:, 2:], boxes[:, :2] + boxes[:, 2:])
    shared = np.maximum(far - near + 1, 0).prod(axis=1)
    both = (tight[:, 2:] + 1).prod(axis=1) + (boxes[:, 2:] + 1).prod(axis=1)
    return np.asarray(shared / (both - shared))


def _check_box(box: list[float], size_hw: SizeHW | None, file: str, place: str) -> Iterator[Defect]:
    x, y, width, height = box
    if width <= 0 or height <= 0:
        what = f"bbox {_shown(box)} has a width or height of 0 or less; expected more"
        yield Defect(FATAL, "empty box", file, place, what, "Write the box of the mask or remove the object")
        return
    if size_hw is None:
        return
    right, bottom = size_hw[1], size_hw[0]
    where = f"the picture of {right}x{bottom} px"
    if x >= right or y >= bottom or x + width <= 0 or y + height <= 0:
        what = f"bbox {_shown(box)} lies outside {where}; expected it inside"
        yield Defect(FATAL, "box outside", file, place, what, "Check that the object belongs to this picture")
    elif min(x, y, right - x - width, bottom - y - height) < -_SLACK_PX:
        what = f"bbox {_shown(box)} reaches out of {where}; expected it inside"
        yield Defect(WARNING, "box reaches out", file, place, what, "Cut it at the border")


def _check_mask(
    segmentation: Any, box: list[float] | None, size_hw: SizeHW | None, file: str, place: str
) -> Iterator[Defect]:
    if segmentation is None or segmentation == []:
        return  # an object with a box only
    defect = defect_of_segmentation(segmentation, size_hw)
    if defect:
        yield Defect(FATAL, "broken mask", file, place, defect, "Draw the object again or remove it")
        return
    if size_hw is None:
        return
    try:
        mask = from_coco(segmentation, size_hw)
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        what = f"a mask that cannot be decoded ({error}); expected polygons or RLE of the picture's size"
        yield Defect(FATAL, "broken mask", file, place, what, "Draw the object again or remove it")
        return
    if mask.area == 0:
        what = "the mask has no pixel inside the picture; expected some"
        yield Defect(FATAL, "empty mask", file, place, what, "Draw the object again or remove it")
    elif box is not None and box[2] > 0 and box[3] > 0 and _iou(mask, box) < _LEAST_IOU:
        x1, y1, x2, y2 = mask.box_xyxy
        what = f"bbox {_shown(box)} is not where the mask is, {_shown([x1, y1, x2 - x1, y2 - y1])}"
        yield Defect(WARNING, "box off mask", file, place, what, "Write the box of the mask")


def _iou(mask: MaskCrop, box: list[float]) -> float:
    # Both grown by a pixel, so that for the smallest objects the slack above does not decide.
    x1, y1, x2, y2 = mask.box_xyxy
    x, y, width, height = box
    across = min(x2, x + width) - max(x1, x) + 1
    down = min(y2, y + height) - max(y1, y) + 1
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / ((x2 - x1 + 1) * (y2 - y1 + 1) + (width + 1) * (height + 1) - shared)


def _shown(box: list[float] | list[int]) -> str:
    return "[" + ", ".join(f"{value:g}" for value in box) + "]"
