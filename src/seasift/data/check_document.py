"""Every defect of one COCO document; unlike reading, it does not stop at the first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeGuard

from seasift.core.types import SizeHW
from seasift.data.check_objects import check_object, without_fault
from seasift.data.check_objects_together import whole_file
from seasift.data.coco import root_ids
from seasift.data.defects import FATAL, WARNING, Defect
from seasift.data.partial_labels import defect_of_class_set, defect_of_flag
from seasift.data.plain import chunks
from seasift.data.segmentation import is_integer, kind_of

_LARGEST_SIDE = 100_000


def check_document(content: Mapping[str, Any], file: str) -> tuple[list[Defect], dict[str, SizeHW | None]]:
    """Check all categories, pictures and objects.

    Args:
        content: the document, with its three lists.
        file: its name, for the defects.
    Returns:
        The defects, and file name to size of the pictures it lists (None: its size is not usable).
    """
    defects: list[Defect] = []
    roots = root_ids([content])
    categories = _categories(content["categories"], roots, file, defects)
    pictures, sizes = _images(content["images"], file, defects)
    ids: set[int] = set()
    used: set[int] = set()
    for start, items in chunks(content["annotations"]):
        right = without_fault(items, {key: sizes.get(name) for key, name in pictures.items()})
        for number, (item, is_right) in enumerate(zip(items, right, strict=True), start):
            if (
                is_right
                and item["id"] not in ids
                and item["category_id"] in categories
                and item["image_id"] in pictures
            ):
                ids.add(item["id"])
                used.add(item["category_id"])
                continue
            defects += _check_annotation(item, number, (ids, used), categories, pictures, sizes, file)
    defects += whole_file(content["annotations"], categories, file)
    for root in sorted(categories.keys() & roots):
        what = f"{categories[root]!r} has no object and only stands above the others, so it is not taken for a class"
        defects.append(
            Defect(WARNING, "root category", file, f"category {root}", what, "Leave it out if it is one")
        )
    for unused in sorted(categories.keys() - used - roots):
        what = "has no object"
        remedy = "Leave the class out if it is not wanted"
        defects.append(
            Defect(WARNING, "empty class", file, f"category {unused} ({categories[unused]})", what, remedy)
        )
    return defects, sizes


def _check_annotation(
    item: Any,
    number: int,
    seen: tuple[set[int], set[int]],
    categories: Mapping[int, str],
    pictures: Mapping[int, str],
    sizes: Mapping[str, SizeHW | None],
    file: str,
) -> Iterator[Defect]:
    """Check an annotation closely; enters its id and its category in `seen`."""
    if not isinstance(item, dict):
        yield _wrong_item(file, f"annotations[{number}]", item)
        return
    ids, used = seen
    own = item.get("id")
    place = f"annotation {own}" if is_integer(own) else f"annotations[{number}]"
    yield from _check_id(item, ids, file, place)
    category = item.get("category_id")
    if not is_integer(category) or category not in categories:
        what = f"category_id is {kind_of(category)}; expected one of the categories' ids"
        yield Defect(FATAL, "unknown category", file, place, what, "Correct it or add the category")
    else:
        used.add(category)
    image = item.get("image_id")
    if not is_integer(image) or image not in pictures:
        what = f"image_id is {kind_of(image)}; expected the id of a picture of this file"
        yield Defect(FATAL, "unknown picture", file, place, what, "Correct it or remove the object")
    name = pictures.get(image) if is_integer(image) else None
    where = f"{place} ({name})" if name else place
    yield from check_object(item, sizes.get(name) if name else None, file, where)
    yield from _partial_label(item, categories, file, where)


def _partial_label(
    item: Mapping[str, Any], categories: Mapping[int, str], file: str, place: str
) -> Iterator[Defect]:
    value = item.get("class_set")
    known = categories.keys()
    defect = None if value is None else defect_of_class_set(value, item.get("category_id"), known)
    for what in filter(None, (defect, defect_of_flag(item, "loose_box"))):
        yield Defect(FATAL, "broken label", file, place, what, "Correct the field or remove it")


def _categories(items: list[Any], roots: Collection[int], file: str, defects: list[Defect]) -> dict[int, str]:
    names: dict[int, str] = {}
    classes: set[str] = set()
    ids: set[int] = set()
    for number, item in enumerate(items):
        place = f"categories[{number}]"
        if not isinstance(item, dict):
            defects.append(_wrong_item(file, place, item))
            continue
        defects += _check_id(item, ids, file, place)
        name = item.get("name")
        if not isinstance(name, str) or not name:
            what = f"name is {kind_of(name)}; expected text"
            defects.append(Defect(FATAL, "wrong type", file, place, what, "Give it a name"))
        elif name in classes:
            what = f"a second category {name!r}; expected each name once"
            remedy = "Rename one, or join them: seasift data prepare --repair"
            defects.append(Defect(FATAL, "duplicate name", file, place, what, remedy))
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
        place = f"images[{number}]"
        if not isinstance(item, dict):
            defects.append(_wrong_item(file, place, item))
            continue
        defects += _check_id(item, ids, file, place)
        name = item.get("file_name")
        if not isinstance(name, str) or not name:
            what = f"file_name is {kind_of(name)}; expected text"
            defects.append(Defect(FATAL, "wrong type", file, place, what, "Name the picture's file"))
            continue
        if name in sizes:
            what = f"{name} is listed a second time; expected each picture once"
            defects.append(
                Defect(FATAL, "duplicate name", file, place, what, "Remove one and join their objects")
            )
        flag = defect_of_flag(item, "background_labelled")
        if flag:
            defects.append(
                Defect(
                    FATAL, "broken label", file, f"{place} ({name})", flag, "Correct the field or remove it"
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
            Defect(FATAL, "wrong size", file, f"{place} ({name})", what, "Write the picture's size")
        )
        sizes[name] = None
    return names, sizes


def _is_side(value: Any) -> TypeGuard[int]:
    return is_integer(value) and 0 < value <= _LARGEST_SIDE


def _check_id(item: Mapping[str, Any], ids: set[int], file: str, place: str) -> Iterator[Defect]:
    own = item.get("id")
    if not is_integer(own):
        yield Defect(
            FATAL, "wrong type", file, place, f"id is {kind_of(own)}; expected a whole number", "Number it"
        )
        return
    if own in ids:
        what = f"id {own} is used a second time; expected each once"
        yield Defect(FATAL, "duplicate id", file, place, what, "Give it an id of its own")
    ids.add(own)


def _wrong_item(file: str, place: str, item: Any) -> Defect:
    return Defect(FATAL, "wrong type", file, place, f"is {kind_of(item)}; expected an object", "Remove it")
