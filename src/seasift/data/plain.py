"""A quick look at annotations: nearly all of a million are as they should be, and need no closer one.

Whole columns are looked at, since a loop in Python over single values takes longer than parsing their JSON.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from seasift.core.types import Float64, SizeHW

CHUNK = 4096
_NUMBERS = {int, float}
_UNUSUAL = {"class_set", "loose_box"}
_LARGEST = 2.0**62


@dataclass(frozen=True)
class Columns:
    """The fields of annotations in which reading and checking find no fault, each column in their order.

    That ids exist and are used once, and that the mask is where the box is, has not been looked at.
    """

    ids: list[int]
    image_ids: list[int]
    category_ids: list[int]
    boxes_xywh: Float64
    areas: list[float]
    crowds: list[int]
    segmentations: list[Any]


def columns_of(items: Sequence[Any]) -> Columns | None:
    """The columns of annotations, or None if any is not plain: lacks a field, or has an unusual one or value.

    An annotation that is not plain may be right all the same; one alone is looked at by passing it alone.
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
    """Whether it is an RLE as COCO codes it."""
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
    """Whether a plain segmentation is one of an image of that size: a polygon goes with any."""
    return type(segmentation) is list or tuple(segmentation["size"]) == size_hw


def chunks(items: Sequence[Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    """Where each chunk begins, and the chunk."""
    for start in range(0, len(items), CHUNK):
        yield start, items[start : start + CHUNK]


def taken_chunks(items: list[Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    """The same, and each chunk is taken out of the list, so that it can be forgotten."""
    count = len(items)
    items.reverse()
    for start in range(0, count, CHUNK):
        chunk = items[: -CHUNK - 1 : -1]
        del items[-CHUNK:]
        yield start, chunk


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep Python from looking for unused circles while millions of objects come into being: that is most of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if (
                not gc.get_freeze_count()
            ):  # all that came counts as old, or the first look would be at all of it
                gc.freeze()
                gc.unfreeze()
            gc.enable()
