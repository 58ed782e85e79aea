"""Defects of one object: its box, its mask, and whether they go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seasift.core.masks import MaskCrop, from_coco
from seasift.core.types import SizeHW
from seasift.data.defects import FATAL, WARNING, Defect
from seasift.data.segmentation import defect_of_segmentation, is_number, kind_of

# Tools differ on whether the last pixel counts and where a pixel's corner is; less is no defect.
_SLACK_PX = 1.5
_LEAST_IOU = 0.5


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
    area = item.get("area", 0)
    if not is_number(area) or area < 0:
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
