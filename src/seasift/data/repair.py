"""Repair the defects of a COCO document that have only one remedy, and list every repair."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seasift.core.masks import areas_and_boxes
from seasift.core.types import SizeHW
from seasift.data.json_form import defect_of_segmentation, is_integer, is_number

# Tools differ on the corner of a pixel; a box that extends beyond the image by less is clipped without a note.
_SILENT_PX = 1e-6


_WHOLE_NUMBERS = {
    "images": ("id", "width", "height"),
    "categories": ("id",),
    "annotations": ("id", "image_id", "category_id", "iscrowd"),
}
_DIGITS = re.compile(r"\s*\d{1,15}\s*")


def repair_document(content: dict[str, Any], file: str) -> list[str]:
    """Repair a document in place.

    * Whole numbers that are stored as text or as 1.0 become numbers.
    * Missing and duplicate annotation ids are replaced; duplicate entries of an image are merged.
    * Categories with one name are merged.
    * Polygons that are lists of points become lists of numbers.
    * Polygons of fewer than 3 points, of an odd count of numbers or without a pixel in the image are removed; an object
      that loses all keeps its box.
    * An RLE whose width and height are swapped gets the size of the image.
    * A box is clipped at the image's border. A missing, broken or empty box is replaced by that of the mask. An object
      without a mask then, or outside the image, is removed.
    * A missing or invalid area becomes that of the mask, or else of the box; an invalid `iscrowd` becomes 0.

    Args:
        content: the document, with its three lists.
        file: its name, for the list.
    Returns:
        Every repair, one line each.
    """
    done = _Repairs(file)
    for part, keys in _WHOLE_NUMBERS.items():
        for number, item in enumerate(content[part]):
            if isinstance(item, dict):
                _numbers(item, keys, f"{part}[{number}]", done)
    _images(content, done)
    _categories(content, done)
    sizes = _sizes(content["images"])
    kept = []
    for number, item in enumerate(content["annotations"]):
        if not isinstance(item, dict):
            done.add(f"annotations[{number}]", "is no object: removed")
        elif _object(item, number, sizes, done):
            kept.append(item)
    content["annotations"][:] = kept
    _ids(content["annotations"], done)
    return done.lines


class _Repairs:
    """The repairs, one line each."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.lines: list[str] = []

    def add(self, index: str, what: str) -> None:
        self.lines.append(" ".join(f"{self._file}, {index}: {what}".split()))


def _numbers(item: dict[str, Any], keys: Sequence[str], index: str, done: _Repairs) -> None:
    for key in keys:
        value = item.get(key)
        if (isinstance(value, str) and _DIGITS.fullmatch(value)) or (
            isinstance(value, float) and value.is_integer()
        ):
            item[key] = int(value)
            done.add(index, f"{key} {value!r}: {item[key]}")


def _sizes(images: list[Any]) -> dict[int, SizeHW]:
    return {
        image["id"]: (image["height"], image["width"])
        for image in images
        if isinstance(image, dict)
        and all(is_integer(image.get(key)) for key in ("id", "height", "width"))
        and min(image["height"], image["width"]) > 0
    }


def _images(content: dict[str, Any], done: _Repairs) -> None:
    seen: set[tuple[int, str]] = set()
    kept = []
    for image in content["images"]:
        if (
            isinstance(image, dict)
            and is_integer(image.get("id"))
            and isinstance(image.get("file_name"), str)
        ):
            key = image["id"], image["file_name"]
            if key in seen:
                done.add(f"image {key[0]} ({key[1]})", "listed twice: removed")
                continue
            seen.add(key)
        kept.append(image)
    content["images"][:] = kept


def _categories(content: dict[str, Any], done: _Repairs) -> None:
    """One category of each name: the one with objects, else the first."""
    used = {
        item.get("category_id")
        for item in content["annotations"]
        if isinstance(item, dict) and is_integer(item.get("category_id"))
    }
    items = [
        c
        for c in content["categories"]
        if isinstance(c, dict) and is_integer(c.get("id")) and isinstance(c.get("name"), str)
    ]
    known = {id(item) for item in items}
    chosen: dict[str, int] = {}
    for item in sorted(items, key=lambda item: item["id"] not in used):
        chosen.setdefault(item["name"], item["id"])
    new: dict[int, int] = {}
    kept: list[Any] = []
    seen: set[str] = set()
    for item in content["categories"]:
        name = item["name"] if id(item) in known else None
        if name is None or (item["id"] == chosen[name] and name not in seen):
            kept.append(item)
            seen.add(name or "")
            continue
        new[item["id"]] = chosen[name]
        done.add(
            f"category {item['id']} ({name})", f"of the same name as category {chosen[name]}: merged with it"
        )
    content["categories"][:] = kept
    for item in content["annotations"] if new else ():
        if isinstance(item, dict) and is_integer(item.get("category_id")):
            item["category_id"] = new.get(item["category_id"], item["category_id"])


def _object(item: dict[str, Any], number: int, sizes: Mapping[int, SizeHW], done: _Repairs) -> bool:
    """Repair one object, and return whether it remains."""
    index = f"annotation {item['id']}" if is_integer(item.get("id")) else f"annotations[{number}]"
    size_hw = sizes.get(item["image_id"]) if is_integer(item.get("image_id")) else None
    if item.get("iscrowd", 0) not in (0, 1):
        done.add(index, f"iscrowd {item['iscrowd']!r}: 0")
        item["iscrowd"] = 0
    if size_hw is None:
        return True
    _mask(item, size_hw, index, done)
    measured = _measured(item.get("segmentation"), size_hw)
    if not _box(item, size_hw, measured, index, done):
        return False
    area = item.get("area")
    if not is_number(area) or area < 0:
        item["area"] = measured[0] if measured else float(item["bbox"][2]) * float(item["bbox"][3])
        done.add(index, f"area {'missing' if area is None else repr(area)[:40]}: {item['area']:g}")
    return True


def _mask(item: dict[str, Any], size_hw: SizeHW, index: str, done: _Repairs) -> None:
    segmentation = item.get("segmentation")
    if isinstance(segmentation, dict):
        size = segmentation.get("size")
        if size != list(size_hw) and isinstance(size, list) and size == list(size_hw[::-1]):
            segmentation["size"] = list(size_hw)
            done.add(index, f"RLE size {size} swapped: {list(size_hw)}, the image's")
        if defect_of_segmentation(segmentation, size_hw) is None and _measured(segmentation, size_hw) is None:
            item["segmentation"] = []
            done.add(index, "RLE without a pixel: dropped")
        return
    if not isinstance(segmentation, list) or not segmentation:
        return
    if is_number(segmentation[0]):  # one ring that is in no list of rings
        segmentation = [segmentation]
        done.add(index, "polygon outside a list of polygons: put into one")
    rings = [_flat(ring) for ring in segmentation]
    if rings != segmentation:
        segmentation = rings
        done.add(index, "polygons that are lists of points: written as lists of numbers")
    kept = [
        ring
        for ring in segmentation
        if defect_of_segmentation([ring], size_hw) is None and _measured([ring], size_hw) is not None
    ]
    if len(kept) < len(segmentation):
        left = "" if kept else "; the object keeps its box"
        done.add(
            index,
            f"{len(segmentation) - len(kept)} of {len(segmentation)} polygons degenerate: dropped{left}",
        )
    item["segmentation"] = kept


def _flat(ring: Any) -> Any:
    """[[x, y], ...] as [x, y, ...]; anything else as it is."""
    if isinstance(ring, list) and ring and all(isinstance(point, list) and len(point) == 2 for point in ring):
        return [number for point in ring for number in point]
    return ring


def _measured(segmentation: Any, size_hw: SizeHW) -> tuple[float, list[float]] | None:
    """Area and box of a mask; None without a mask or a pixel."""
    if not segmentation or defect_of_segmentation(segmentation, size_hw) is not None:
        return None
    try:
        areas, boxes = areas_and_boxes([segmentation], size_hw)
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError):
        return None
    return (float(areas[0]), boxes[0].tolist()) if areas[0] > 0 else None


def _box(
    item: dict[str, Any],
    size_hw: SizeHW,
    measured: tuple[float, list[float]] | None,
    index: str,
    done: _Repairs,
) -> bool:
    """Repair the box, and return whether the object still has one."""
    box = item.get("bbox")
    if isinstance(box, list) and len(box) == 4 and all(map(is_number, box)):
        x, y, width, height = map(float, box)
        left, top = max(x, 0.0), max(y, 0.0)
        right, bottom = min(x + width, float(size_hw[1])), min(y + height, float(size_hw[0]))
        if right > left and bottom > top:
            if max(left - x, top - y, x + width - right, y + height - bottom) > _SILENT_PX:
                item["bbox"] = [left, top, right - left, bottom - top]
                done.add(index, f"bbox {box} extends beyond the image: {item['bbox']}")
            return True
    if measured is None:
        done.add(index, f"bbox {str(box)[:60]} without a pixel in the image, and no mask: object removed")
        return False
    item["bbox"] = measured[1]
    done.add(index, f"bbox {str(box)[:60]}: {measured[1]}, the mask's")
    return True


def _ids(items: list[dict[str, Any]], done: _Repairs) -> None:
    free = max((item["id"] for item in items if is_integer(item.get("id"))), default=0) + 1
    seen: set[int] = set()
    for number, item in enumerate(items):
        own = item.get("id")
        if is_integer(own) and own not in seen:
            seen.add(own)
            continue
        item["id"] = free
        done.add(
            f"annotations[{number}]",
            f"id {str(own)[:40]} {'used before' if is_integer(own) else 'unusable'}: {free}",
        )
        seen.add(free)
        free += 1
