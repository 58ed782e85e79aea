"""The form of COCO annotations, checked before a decoder sees them.

Whole columns are checked first, since a loop in Python over single values takes longer than parsing their JSON: nearly
all of a million annotations are sound.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from seasift.core.errors import DatasetError
from seasift.core.types import Float64, SizeHW

REMEDY = (
    "Run `seasift data check` for all defects, `seasift data prepare --repair` to repair mechanical defects"
)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a finite number that fits a float; bool is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether a value is a whole number of 64 bits; bool is none."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def kind_of(value: Any) -> str:
    """A short description of a value for a message."""
    if value is None:
        return "missing"
    try:
        text = str(value)
    except ValueError:  # a whole number of thousands of digits
        text = "a very large number"
    return f"a {type(value).__name__} ({text[:40]!r})"


def defect_of_segmentation(segmentation: Any, size_hw: SizeHW | None) -> str | None:
    """The defect of its form, in words; None without one.

    Args:
        segmentation: as in the file.
        size_hw: of its image, if known; an RLE must have that size.
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
            f"RLE has {size[1]}x{size[0]} px but its image has {size_hw[1]}x{size_hw[0]}; expected the same"
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
    """The defect of an annotation's `class_set`, in words; None without one.

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
    """The defect of a field that should be missing, true or false, in words; None without one."""
    value = item.get(key)
    return (
        None
        if value is None or isinstance(value, bool)
        else f"{key} is {kind_of(value)}; expected true or false"
    )


CHUNK = 4096
_NUMBERS = {int, float}
_UNUSUAL = {"class_set", "loose_box"}
_LARGEST = 2.0**62


@dataclass(frozen=True)
class Columns:
    """The fields of annotations whose form is right, one column each.

    Ids, and whether mask and box agree, are not checked.
    """

    ids: list[int]
    image_ids: list[int]
    category_ids: list[int]
    boxes_xywh: Float64
    areas: list[float]
    crowds: list[int]
    segmentations: list[Any]


def columns_of(items: Sequence[Any]) -> Columns | None:
    """The columns of annotations, or None if one lacks a field, or has an unusual field or value.

    Such an annotation may still be right; pass it alone to check it.
    """
    try:
        ids, image_ids, category_ids = (
            [item[key] for item in items] for key in ("id", "image_id", "category_id")
        )
        boxes, areas = [item["bbox"] for item in items], [item["area"] for item in items]
        crowds = [item.get("iscrowd", 0) for item in items]
        segmentations = [item["segmentation"] for item in items]
        unusual = not _UNUSUAL.isdisjoint(set().union(*items))
    except (KeyError, TypeError, AttributeError):
        return None
    if unusual or not (_are_ids(ids) and _are_ids(image_ids) and _are_ids(category_ids) and _are_ids(crowds)):
        return None
    if set(map(type, boxes)) != {list} or set(map(len, boxes)) != {4} or not set(crowds) <= {0, 1}:
        return None
    if (
        not _are_numbers(chain.from_iterable(boxes))
        or not _are_numbers(areas)
        or not _have_plain_form(segmentations)
    ):
        return None
    try:
        rows = np.fromiter(chain.from_iterable(boxes), np.float64, 4 * len(boxes)).reshape(-1, 4)
        sizes = np.fromiter(areas, np.float64, len(areas))
    except OverflowError:
        return None
    if (
        not np.isfinite(rows).all()
        or (rows[:, 2:] < 0).any()
        or not np.isfinite(sizes).all()
        or (sizes < 0).any()
    ):
        return None
    return Columns(ids, image_ids, category_ids, rows, sizes.tolist(), crowds, segmentations)


def _are_ids(values: list[Any]) -> bool:
    return set(map(type, values)) == {int} and min(values) > -_LARGEST and max(values) < _LARGEST


def _are_numbers(values: Iterable[Any]) -> bool:
    return set(map(type, values)) <= _NUMBERS


def _have_plain_form(segmentations: list[Any]) -> bool:
    kinds = set(map(type, segmentations))
    if not kinds <= {list, dict}:
        return False
    if dict in kinds and not all(_is_coded(each) for each in segmentations if type(each) is dict):
        return False
    rings = list(chain.from_iterable(each for each in segmentations if type(each) is list))
    if not set(map(type, rings)) <= {list} or any(
        length < 6 or length & 1 for length in set(map(len, rings))
    ):
        return False
    if not _are_numbers(chain.from_iterable(rings)):
        return False
    try:
        return bool(np.isfinite(sum(map(sum, rings))))
    except (OverflowError, TypeError):
        return False


def _is_coded(rle: dict[str, Any]) -> bool:
    """Whether it is an RLE in COCO's code."""
    counts, size = rle.get("counts"), rle.get("size")
    return (
        type(counts) is str
        and counts != ""
        and counts.isascii()
        and type(size) is list
        and len(size) == 2
        and set(map(type, size)) == {int}
        and min(size) > 0
    )


def has_size(segmentation: Any, size_hw: SizeHW | None) -> bool:
    """Whether a plain segmentation fits an image of that size; a polygon fits any."""
    return type(segmentation) is list or tuple(segmentation["size"]) == size_hw


def chunks(items: Sequence[Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    """Each chunk with its first index."""
    for start in range(0, len(items), CHUNK):
        yield start, items[start : start + CHUNK]


def taken_chunks(items: list[Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    """The same, but each chunk is removed from the list, to free its memory."""
    count = len(items)
    items.reverse()
    for start in range(0, count, CHUNK):
        chunk = items[: -CHUNK - 1 : -1]
        del items[-CHUNK:]
        yield start, chunk


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause garbage collection while millions of objects are made: it would take most of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if (
                not gc.get_freeze_count()
            ):  # the new objects count as old; otherwise the first collection would visit all of them
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def integer_at(item: dict[str, Any], key: str, location: str) -> int:
    """The whole number of a key.

    Args:
        location: of the item in its file, for the message.
    Raises:
        DatasetError: something else.
    """
    value = item.get(key)
    if not is_integer(value):
        raise DatasetError(f"{location}.{key} is {kind_of(value)}; expected a whole number. {REMEDY}")
    return value


def side_at(item: dict[str, Any], key: str, location: str) -> int:
    """The width or height of an image; as `integer_at`."""
    value = integer_at(item, key, location)
    if not 0 < value <= 100_000:
        raise DatasetError(f"{location}.{key} is {value}; expected pixels, 1 to 100,000. {REMEDY}")
    return value


def text_at(item: dict[str, Any], key: str, location: str) -> str:
    """The text of a key; as `integer_at`."""
    value = item.get(key)
    if not isinstance(value, str) or not value:
        raise DatasetError(f"{location}.{key} is {kind_of(value)}; expected text. {REMEDY}")
    return value


def items_at(path: Path | str, content: Mapping[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a list in a document, each with its location.

    Raises:
        DatasetError: one is no object.
    """
    for number, item in enumerate(content[key]):
        if not isinstance(item, dict):
            raise DatasetError(f"{path}: {key}[{number}] is {kind_of(item)}; expected an object. {REMEDY}")
    return [(f"{path}: {key}[{number}]", item) for number, item in enumerate(content[key])]


def class_set_of(item: dict[str, Any], location: str) -> tuple[int, ...]:
    """The possible classes of an object with a coarse class; as `integer_at`."""
    value = item.get("class_set")
    if value is None:
        return ()
    known = value if isinstance(value, list) else []  # whether the categories exist is checked later
    defect = defect_of_class_set(value, item.get("category_id"), known)
    if defect:
        raise DatasetError(f"{location}.{defect}. {REMEDY}")
    return tuple(value)
