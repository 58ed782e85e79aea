"""Whether a COCO segmentation has the form of one, before a decoder sees it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, TypeGuard

from seasift.core.types import SizeHW


def is_number(value: Any) -> TypeGuard[int | float]:
    """A finite number that fits a float; bool is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_integer(value: Any) -> TypeGuard[int]:
    """A whole number of 64 bits; bool is none."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def kind_of(value: Any) -> str:
    """A value in words, short, for an error."""
    if value is None:
        return "missing"
    try:
        text = str(value)
    except ValueError:  # a whole number of thousands of digits
        text = "a very large number"
    return f"a {type(value).__name__} ({text[:40]!r})"


def defect_of_segmentation(segmentation: Any, size_hw: SizeHW | None) -> str | None:
    """What is wrong with its form, in words; None if nothing is.

    Args:
        segmentation: as in the file.
        size_hw: of its image, if known: an RLE must be of that size.
    """
    if isinstance(segmentation, list):
        if not segmentation:
            return "segmentation is an empty list; expected polygons or RLE"
        return next(filter(None, map(_defect_of_ring, segmentation)), None)
    if isinstance(segmentation, dict):
        return _defect_of_rle(segmentation, size_hw)
    return f"segmentation is {kind_of(segmentation)}; expected polygons or RLE"


def _defect_of_ring(ring: Any) -> str | None:
    if not isinstance(ring, list):
        return f"polygon is {kind_of(ring)}; expected a list x1, y1, x2, y2 ..."
    wrong = next((value for value in ring if not is_number(value)), 0)
    if wrong != 0:
        return f"polygon holds {kind_of(wrong)}; expected numbers"
    if len(ring) % 2:
        return f"polygon of {len(ring)} numbers; expected an even count, x and y of each point"
    if len(ring) < 6:
        return f"polygon of {len(ring) // 2} points; expected at least 3"
    return None


def _defect_of_rle(rle: dict[str, Any], size_hw: SizeHW | None) -> str | None:
    size, counts = rle.get("size"), rle.get("counts")
    if (
        not isinstance(size, list)
        or len(size) != 2
        or not all(is_integer(side) and side > 0 for side in size)
    ):
        return f"RLE size is {kind_of(size)}; expected [height, width]"
    if size_hw is not None and tuple(size) != size_hw:
        return (
            f"RLE is of {size[1]}x{size[0]} px but its image is {size_hw[1]}x{size_hw[0]}; expected the same"
        )
    if isinstance(counts, str):
        return (
            None if counts.isascii() and counts else f"RLE counts are {kind_of(counts)}; expected COCO's code"
        )
    if not isinstance(counts, list):
        return f"RLE counts are {kind_of(counts)}; expected COCO's code or a list of run lengths"
    wrong = next((run for run in counts if not is_integer(run) or run < 0), 0)
    if wrong != 0:
        return f"RLE counts hold {kind_of(wrong)}; expected run lengths, 0 or more"
    if sum(counts) != size[0] * size[1]:
        return (
            f"RLE runs sum to {sum(counts)}; expected {size[0] * size[1]}, the pixels of {size[1]}x{size[0]}"
        )
    return None


def defect_of_class_set(value: Any, category_id: Any, known: Collection[int]) -> str | None:
    """What is wrong with an annotation's `class_set`, in words; None if nothing is.

    Args:
        value: as in the file.
        category_id: of the annotation.
        known: ids of the document's categories.
    """
    if not isinstance(value, list) or len(value) < 2 or not all(map(is_integer, value)):
        return f"class_set is {kind_of(value)}; expected a list of at least two category ids"
    if len(set(value)) < len(value):
        return f"class_set is {value}; expected each category id once"
    strangers = [number for number in value if number not in known]
    if strangers:
        return f"class_set names the unknown category {strangers[0]}; expected ids of the categories"
    if category_id not in value:
        return f"class_set {value} lacks the category_id {category_id}; expected it to be one of the set"
    return None


def defect_of_flag(item: Mapping[str, Any], key: str) -> str | None:
    """What is wrong with a field that is missing, true or false, in words; None if nothing is."""
    value = item.get(key)
    return (
        None
        if value is None or isinstance(value, bool)
        else f"{key} is {kind_of(value)}; expected true or false"
    )
