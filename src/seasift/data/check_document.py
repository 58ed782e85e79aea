"""Every defect of a COCO document; unlike reading, it does not stop at the first.

An object is checked for its box, its mask, and whether both agree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from seasift.core.masks import MaskCrop, areas_and_boxes, from_coco
from seasift.core.types import Bool, Float64, SizeHW
from seasift.data.coco import root_ids
from seasift.data.defects import FATAL, WARNING, Defect, whole_file
from seasift.data.json_form import (
    chunks,
    columns_of,
    defect_of_class_set,
    defect_of_flag,
    defect_of_segmentation,
    has_size,
    is_integer,
    is_number,
    kind_of,
)

# Tools differ on whether the last pixel counts and on the corner of a pixel; smaller differences are no defect.
_SLACK_PX = 1.5
_LEAST_IOU = 0.5
_FEWEST = 32  # annotations that are checked together


def check_object(
    item: Mapping[str, Any], size_hw: SizeHW | None, file: str, location: str
) -> Iterator[Defect]:
    """Check box, area, crowd flag and mask of an annotation.

    Args:
        item: the annotation.
        size_hw: of its image, if known.
        file: annotation file, for the defects.
        place: of the annotation in it.
    """
    crowd = item.get("iscrowd", 0)
    if not isinstance(crowd, int) or crowd not in (0, 1):
        what = f"iscrowd is {kind_of(crowd)}; expected 0 or 1"
        yield Defect(FATAL, "wrong type", file, location, what, "Write 0, or 1 for a crowd")
    area = item.get("area")
    if area is not None and (not is_number(area) or area < 0):
        what = f"area is {kind_of(area)}; expected a number of pixels"
        yield Defect(FATAL, "wrong type", file, location, what, "Write the mask's area")
    box = item.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        what = f"bbox is {kind_of(box)}; expected four numbers x, y, width, height"
        yield Defect(FATAL, "wrong type", file, location, what, "Write the box of the mask")
        box = None
    else:
        yield from _check_box([float(value) for value in box], size_hw, file, location)
    yield from _check_mask(item.get("segmentation"), box, size_hw, file, location)


def without_fault(items: Sequence[Any], sizes: Mapping[int, SizeHW | None]) -> Sequence[bool]:
    """Annotations in which `check_object` would find no defect, many at once. Some of the others may have none either.

    Args:
        items: annotations.
        sizes: id of an image to its size, if known.
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
            location
            for location, (own, segmentation) in enumerate(zip(size_of, columns.segmentations, strict=True))
            if own == size_hw and segmentation and has_size(segmentation, size_hw)
        ]
        try:
            areas, tight = areas_and_boxes([columns.segmentations[location] for location in here], size_hw)
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


def _check_box(box: list[float], size_hw: SizeHW | None, file: str, location: str) -> Iterator[Defect]:
    x, y, width, height = box
    if width <= 0 or height <= 0:
        what = f"bbox {_shown(box)} has a width or height of 0 or less; expected more"
        yield Defect(
            FATAL, "empty box", file, location, what, "Write the box of the mask or remove the object"
        )
        return
    if size_hw is None:
        return
    right, bottom = size_hw[1], size_hw[0]
    where = f"the image of {right}x{bottom} px"
    if x >= right or y >= bottom or x + width <= 0 or y + height <= 0:
        what = f"bbox {_shown(box)} lies outside {where}; expected it inside"
        yield Defect(
            FATAL, "box outside", file, location, what, "Check that the object belongs to this image"
        )
    elif min(x, y, right - x - width, bottom - y - height) < -_SLACK_PX:
        what = f"bbox {_shown(box)} extends beyond {where}; expected it inside"
        yield Defect(WARNING, "box reaches out", file, location, what, "Clip it at the border")


def _check_mask(
    segmentation: Any, box: list[float] | None, size_hw: SizeHW | None, file: str, location: str
) -> Iterator[Defect]:
    if segmentation is None or segmentation == []:
        return  # an object with only a box
    defect = defect_of_segmentation(segmentation, size_hw)
    if defect:
        yield Defect(FATAL, "broken mask", file, location, defect, "Draw the object again or remove it")
        return
    if size_hw is None:
        return
    try:
        mask = from_coco(segmentation, size_hw)
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        what = f"a mask that cannot be decoded ({error}); expected polygons or RLE of the image's size"
        yield Defect(FATAL, "broken mask", file, location, what, "Draw the object again or remove it")
        return
    if mask.area == 0:
        what = "the mask has no pixel inside the image; expected some"
        yield Defect(FATAL, "empty mask", file, location, what, "Draw the object again or remove it")
    elif box is not None and box[2] > 0 and box[3] > 0 and _iou(mask, box) < _LEAST_IOU:
        x1, y1, x2, y2 = mask.box_xyxy
        what = f"bbox {_shown(box)} is not the box of the mask, {_shown([x1, y1, x2 - x1, y2 - y1])}"
        yield Defect(WARNING, "box off mask", file, location, what, "Write the box of the mask")


def _iou(mask: MaskCrop, box: list[float]) -> float:
    # Both are grown by a pixel, so that the slack above does not decide for the smallest objects.
    x1, y1, x2, y2 = mask.box_xyxy
    x, y, width, height = box
    across = min(x2, x + width) - max(x1, x) + 1
    down = min(y2, y + height) - max(y1, y) + 1
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / ((x2 - x1 + 1) * (y2 - y1 + 1) + (width + 1) * (height + 1) - shared)


def _shown(box: list[float] | list[int]) -> str:
    return "[" + ", ".join(f"{value:g}" for value in box) + "]"


_LARGEST_SIDE = 100_000


def check_document(content: Mapping[str, Any], file: str) -> tuple[list[Defect], dict[str, SizeHW | None]]:
    """Check all categories, images and objects.

    Args:
        content: the document, with its three lists.
        file: its name, for the defects.
    Returns:
        The defects, and file name to size of the listed images; None if the size is unusable.
    """
    defects: list[Defect] = []
    roots = root_ids([content])
    categories = _categories(content["categories"], roots, file, defects)
    images, sizes = _images(content["images"], file, defects)
    ids: set[int] = set()
    used: set[int] = set()
    for start, items in chunks(content["annotations"]):
        right = without_fault(items, {key: sizes.get(name) for key, name in images.items()})
        for number, (item, is_right) in enumerate(zip(items, right, strict=True), start):
            if (
                is_right
                and item["id"] not in ids
                and item["category_id"] in categories
                and item["image_id"] in images
            ):
                ids.add(item["id"])
                used.add(item["category_id"])
                continue
            defects += _check_annotation(item, number, (ids, used), categories, images, sizes, file)
    defects += whole_file(content["annotations"], categories, file)
    for root in sorted(categories.keys() & roots):
        what = f"{categories[root]!r} has no object and is only the supercategory of the others, so it is no class"
        defects.append(Defect(WARNING, "root category", file, f"category {root}", what, "Remove it"))
    for unused in sorted(categories.keys() - used - roots):
        what = "has no object"
        remedy = "Remove the class if it is not wanted"
        defects.append(
            Defect(WARNING, "empty class", file, f"category {unused} ({categories[unused]})", what, remedy)
        )
    return defects, sizes


def _check_annotation(
    item: Any,
    number: int,
    seen: tuple[set[int], set[int]],
    categories: Mapping[int, str],
    images: Mapping[int, str],
    sizes: Mapping[str, SizeHW | None],
    file: str,
) -> Iterator[Defect]:
    """Check an annotation closely, and add its id and category to `seen`."""
    if not isinstance(item, dict):
        yield _wrong_item(file, f"annotations[{number}]", item)
        return
    ids, used = seen
    own = item.get("id")
    location = f"annotation {own}" if is_integer(own) else f"annotations[{number}]"
    yield from _check_id(item, ids, file, location)
    category = item.get("category_id")
    if not is_integer(category) or category not in categories:
        what = f"category_id is {kind_of(category)}; expected one of the categories' ids"
        yield Defect(FATAL, "unknown category", file, location, what, "Correct it or add the category")
    else:
        used.add(category)
    image = item.get("image_id")
    if not is_integer(image) or image not in images:
        what = f"image_id is {kind_of(image)}; expected the id of an image of this file"
        yield Defect(FATAL, "unknown image", file, location, what, "Correct it or remove the object")
    name = images.get(image) if is_integer(image) else None
    where = f"{location} ({name})" if name else location
    yield from check_object(item, sizes.get(name) if name else None, file, where)
    yield from _partial_label(item, categories, file, where)


def _partial_label(
    item: Mapping[str, Any], categories: Mapping[int, str], file: str, location: str
) -> Iterator[Defect]:
    value = item.get("class_set")
    known = categories.keys()
    defect = None if value is None else defect_of_class_set(value, item.get("category_id"), known)
    for what in filter(None, (defect, defect_of_flag(item, "loose_box"))):
        yield Defect(FATAL, "broken label", file, location, what, "Correct the field or remove it")


def _categories(items: list[Any], roots: Collection[int], file: str, defects: list[Defect]) -> dict[int, str]:
    names: dict[int, str] = {}
    classes: set[str] = set()
    ids: set[int] = set()
    for number, item in enumerate(items):
        location = f"categories[{number}]"
        if not isinstance(item, dict):
            defects.append(_wrong_item(file, location, item))
            continue
        defects += _check_id(item, ids, file, location)
        name = item.get("name")
        if not isinstance(name, str) or not name:
            what = f"name is {kind_of(name)}; expected text"
            defects.append(Defect(FATAL, "wrong type", file, location, what, "Give it a name"))
        elif name in classes:
            what = f"a second category {name!r}; expected each name once"
            remedy = "Rename one, or merge them: seasift data prepare --repair"
            defects.append(Defect(FATAL, "duplicate name", file, location, what, remedy))
        elif item.get("id") not in (roots or ()):
            classes.add(name)
        if is_integer(item.get("id")):
            names[item["id"]] = str(name)
    return names


def _images(
    items: list[Any], file: str, defects: list[Defect]
) -> tuple[dict[int, str], dict[str, SizeHW | None]]:
    names: dict[int, str] = {}
    sizes: dict[str, SizeHW | None] = {}
    ids: set[int] = set()
    for number, item in enumerate(items):
        location = f"images[{number}]"
        if not isinstance(item, dict):
            defects.append(_wrong_item(file, location, item))
            continue
        defects += _check_id(item, ids, file, location)
        name = item.get("file_name")
        if not isinstance(name, str) or not name:
            what = f"file_name is {kind_of(name)}; expected text"
            defects.append(Defect(FATAL, "wrong type", file, location, what, "Name the image's file"))
            continue
        if name in sizes:
            what = f"{name} is listed twice; expected each image once"
            defects.append(
                Defect(FATAL, "duplicate name", file, location, what, "Remove one and merge their objects")
            )
        flag = defect_of_flag(item, "background_labelled")
        if flag:
            defects.append(
                Defect(
                    FATAL,
                    "broken label",
                    file,
                    f"{location} ({name})",
                    flag,
                    "Correct the field or remove it",
                )
            )
        if is_integer(item.get("id")):
            names.setdefault(item["id"], name)
        height, width = item.get("height"), item.get("width")
        if _is_side(height) and _is_side(width):
            sizes[name] = (height, width)
            continue
        what = f"height is {kind_of(height)}, width {kind_of(width)}; expected pixels, 1 to {_LARGEST_SIDE:,}"
        defects.append(
            Defect(FATAL, "wrong size", file, f"{location} ({name})", what, "Write the image's size")
        )
        sizes[name] = None
    return names, sizes


def _is_side(value: Any) -> TypeGuard[int]:
    return is_integer(value) and 0 < value <= _LARGEST_SIDE


def _check_id(item: Mapping[str, Any], ids: set[int], file: str, location: str) -> Iterator[Defect]:
    own = item.get("id")
    if not is_integer(own):
        yield Defect(
            FATAL, "wrong type", file, location, f"id is {kind_of(own)}; expected a whole number", "Number it"
        )
        return
    if own in ids:
        what = f"id {own} is used twice; expected each once"
        yield Defect(FATAL, "duplicate id", file, location, what, "Give it its own id")
    ids.add(own)


def _wrong_item(file: str, location: str, item: Any) -> Defect:
    return Defect(FATAL, "wrong type", file, location, f"is {kind_of(item)}; expected an object", "Remove it")
