"""COCO annotation files: strict reading, subsets, writing."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from seasift.core.errors import DatasetError
from seasift.core.files import read_regular
from seasift.core.instances import Category
from seasift.core.masks import MaskCrop, area_of, from_coco
from seasift.core.types import SizeHW
from seasift.data.json_form import (
    REMEDY,
    class_set_of,
    columns_of,
    defect_of_flag,
    defect_of_segmentation,
    has_size,
    integer_at,
    is_integer,
    is_number,
    items_at,
    kind_of,
    side_at,
    taken_chunks,
    text_at,
    without_collection,
)


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An image: id, file name (relative to the folder of images, `/` between folders) and size in px.

    Attributes:
        source: the data set that it came from, if the file names one.
        video: the video that it came from, if the file names one.
        background_labelled: whether every object in it is annotated.
    """

    id: int
    file_name: str
    size_hw: SizeHW
    source: str = ""
    video: str = ""
    background_labelled: bool = True

    def to_json(self) -> dict[str, Any]:
        """As in a COCO document."""
        plain = {
            "id": self.id,
            "file_name": self.file_name,
            "height": self.size_hw[0],
            "width": self.size_hw[1],
        }
        more = {"source": self.source, "video": self.video}
        named = {key: value for key, value in more.items() if value}
        return plain | named | ({} if self.background_labelled else {"background_labelled": False})


@dataclass(slots=True)  # not frozen: making a million would take three times as long
class CocoAnnotation:
    """One object as written in the file: box x, y, width, height in px, raw segmentation. Do not change it.

    Attributes:
        segmentation: `[]` for an object without a mask.
        class_set: ids of the object's possible categories; empty if `category_id` is certain.
        loose_box: whether the edges of the box are not exact.
    """

    id: int
    image_id: int
    category_id: int
    bbox_xywh: tuple[float, float, float, float]
    area: float
    iscrowd: bool
    segmentation: Any
    class_set: tuple[int, ...] = ()
    loose_box: bool = False

    @property
    def has_mask(self) -> bool:
        """Whether the file has a mask of it."""
        return bool(self.segmentation)

    @property
    def is_coarse(self) -> bool:
        """Whether its class is one of several."""
        return bool(self.class_set)

    def to_json(self) -> dict[str, Any]:
        """As in a COCO document."""
        plain = {
            "id": self.id,
            "image_id": self.image_id,
            "category_id": self.category_id,
            "bbox": list(self.bbox_xywh),
            "area": self.area,
            "iscrowd": int(self.iscrowd),
            "segmentation": self.segmentation,
        }
        more = {"class_set": list(self.class_set), "loose_box": self.loose_box}
        return plain | {key: value for key, value in more.items() if value}

    def mask(self, size_hw: SizeHW) -> MaskCrop:
        """The mask as a crop.

        Raises:
            DatasetError: no mask, or a segmentation that cannot be decoded.
        """
        if not self.has_mask:
            raise DatasetError(f"annotation {self.id}: has no mask; expected one. {REMEDY}")
        try:
            return from_coco(self.segmentation, size_hw)
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(
                f"annotation {self.id}: its segmentation cannot be decoded ({error}); expected polygons or RLE. "
                f"{REMEDY}"
            ) from None


@dataclass(frozen=True)
class CocoDataset:
    """A COCO document.

    Attributes:
        categories: by id; the index in this tuple is the class_id.
        images: in the file's order.
        annotations: in the file's order.
        masked: whether every object has a mask, so that masks can be evaluated.
    """

    categories: tuple[Category, ...]
    images: tuple[CocoImage, ...]
    annotations: tuple[CocoAnnotation, ...]
    masked: bool = field(init=False, repr=False, compare=False)
    _by_image: Mapping[int, tuple[CocoAnnotation, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        groups: dict[int, list[CocoAnnotation]] = {}
        for annotation in self.annotations:
            groups.setdefault(annotation.image_id, []).append(annotation)
        object.__setattr__(self, "masked", all(map(attrgetter("segmentation"), self.annotations)))
        object.__setattr__(self, "_by_image", {key: tuple(group) for key, group in groups.items()})

    def annotations_of(self, image_id: int) -> tuple[CocoAnnotation, ...]:
        """The objects of one image."""
        return self._by_image.get(image_id, ())

    def subset(self, file_names: Collection[str]) -> CocoDataset:
        """The images with these names and their objects; ids stay the same."""
        wanted = set(file_names)
        images = tuple(image for image in self.images if image.file_name in wanted)
        ids = {image.id for image in images}
        return CocoDataset(self.categories, images, tuple(a for a in self.annotations if a.image_id in ids))

    def to_json(self) -> dict[str, Any]:
        """A plain COCO document."""
        return {
            "images": [image.to_json() for image in self.images],
            "categories": [{"id": c.id, "name": c.name, "supercategory": c.name} for c in self.categories],
            "annotations": [annotation.to_json() for annotation in self.annotations],
        }


def read_document(path: Path | str, data: bytes | None = None) -> dict[str, Any]:
    """Read a JSON file that should be a COCO document, and check only its three lists.

    Args:
        path: of the file, or its name in messages if `data` is given.
        data: its bytes, if they are not in their own file.
    Raises:
        DatasetError: no file, not JSON, or without the three lists.
    """
    try:
        content = load_json(read_regular(Path(path), DatasetError) if data is None else data)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file; expected a COCO annotation file. Check the path") from None
    except (OSError, ValueError, RecursionError) as error:
        what = "a folder" if Path(path).is_dir() else f"not JSON ({error})"
        raise DatasetError(f"{path}: {what}; expected a COCO annotation file") from None
    if not isinstance(content, dict):
        raise DatasetError(
            f"{path}: holds {kind_of(content)}; expected an object with images, annotations, categories"
        )
    return checked_document(content, path)


def load_json(data: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError, RecursionError: it is none.
    """
    with without_collection():
        try:
            return from_json(data)
        except ValueError:  # or of another encoding
            return json.loads(data)


def checked_document(content: dict[str, Any], path: Path | str) -> dict[str, Any]:
    """The document, if it has the three lists of COCO.

    Raises:
        DatasetError: one is missing or no list.
    """
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key), list):
            raise DatasetError(f"{path}: {key} is {kind_of(content.get(key))}; expected a list as in COCO")
    return content


def read_coco(path: Path | str, data: bytes | None = None) -> CocoDataset:
    """Read a COCO instance annotation file (from `data`, if given, called `path`).

    Raises:
        DatasetError: names the file, the location and what was expected.
    """
    with without_collection():
        content = read_document(path, data)
        return parse_coco(content, path, root_ids([content]))


def root_ids(contents: Sequence[Mapping[str, Any]]) -> set[int]:
    """Ids of categories that are no classes: Roboflow writes the project's name as the supercategory of all others.

    Such a category has the lowest id, the supercategory "none" and no object, and others name it as their supercategory.

    Args:
        contents: the documents of a data set, each with its three lists.
    """
    items = [item for content in contents for item in content["categories"] if isinstance(item, dict)]
    items = [item for item in items if is_integer(item.get("id"))]
    above = {item["supercategory"] for item in items if isinstance(item.get("supercategory"), str)} - {"none"}
    lowest = min((item["id"] for item in items), default=0)
    roots = {
        item["id"]
        for item in items
        if item["id"] == lowest and item.get("supercategory") == "none" and item.get("name") in above
    }
    if not roots:
        return roots
    objects = (item for content in contents for item in content["annotations"] if isinstance(item, dict))
    return roots if all(item.get("category_id") != lowest for item in objects) else set()


def parse_coco(content: Mapping[str, Any], path: Path | str, leave_out: Collection[int] = ()) -> CocoDataset:
    """The data set in a document that `read_document` gave, without some categories; see `read_coco`.

    The document's list of annotations is emptied, so that they are not in memory twice.
    """
    categories = [
        Category(integer_at(item, "id", location), text_at(item, "name", location))
        for location, item in items_at(path, content, "categories")
        if not (leave_out and item.get("id") in leave_out)
    ]
    images = [_image(item, location) for location, item in items_at(path, content, "images")]
    with without_collection():
        annotations = _annotations(content["annotations"], {i.id: i.size_hw for i in images}, path)
        dataset = CocoDataset(
            tuple(sorted(categories, key=lambda category: category.id)), tuple(images), tuple(annotations)
        )
    _check_references(dataset, path)
    return dataset


def _annotations(items: list[Any], sizes: Mapping[int, SizeHW], path: Path | str) -> list[CocoAnnotation]:
    """The annotations of a document, whose list is emptied."""
    annotations: list[CocoAnnotation] = []
    for start, chunk in taken_chunks(items):
        columns = columns_of(chunk)
        if columns is None or not all(
            map(has_size, columns.segmentations, map(sizes.get, columns.image_ids))
        ):
            annotations += [
                _annotation(item, f"{path}: annotations[{number}]", sizes)
                for number, item in enumerate(chunk, start)
            ]
            continue
        annotations += map(
            CocoAnnotation,
            columns.ids,
            columns.image_ids,
            columns.category_ids,
            map(tuple, columns.boxes_xywh.tolist()),
            columns.areas,
            map(bool, columns.crowds),
            columns.segmentations,
        )
    return annotations


def _image(item: dict[str, Any], location: str) -> CocoImage:
    defect = defect_of_flag(item, "background_labelled")
    if defect:
        raise DatasetError(f"{location}.{defect}. {REMEDY}")
    source, video = item.get("source"), item.get("video")
    return CocoImage(
        integer_at(item, "id", location),
        text_at(item, "file_name", location),
        (side_at(item, "height", location), side_at(item, "width", location)),
        source if isinstance(source, str) else "",
        video if isinstance(video, str) else "",
        item.get("background_labelled") is not False,
    )


def _annotation(item: Any, location: str, sizes: Mapping[int, SizeHW]) -> CocoAnnotation:
    if not isinstance(item, dict):
        raise DatasetError(f"{location} is {kind_of(item)}; expected an object. {REMEDY}")
    image_id = integer_at(item, "image_id", location)
    box = item.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        raise DatasetError(
            f"{location}.bbox is {kind_of(box)}; expected four numbers x, y, width, height. {REMEDY}"
        )
    if box[2] < 0 or box[3] < 0:
        raise DatasetError(f"{location}.bbox is {box}; expected a width and height of 0 or more. {REMEDY}")
    crowd = item.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise DatasetError(f"{location}.iscrowd is {kind_of(crowd)}; expected 0 or 1. {REMEDY}")
    segmentation = item.get("segmentation")
    if segmentation is None:
        segmentation = []
    defect = defect_of_segmentation(segmentation, sizes.get(image_id)) if segmentation != [] else None
    defect = defect or defect_of_flag(item, "loose_box")
    if defect:
        raise DatasetError(f"{location}.{defect}. {REMEDY}")
    area = item.get("area")
    if area is None:
        area = _area(box, segmentation, sizes.get(image_id), location)
    if not is_number(area):
        raise DatasetError(f"{location}.area is {kind_of(area)}; expected a number. {REMEDY}")
    x, y, width, height = (float(value) for value in box)
    return CocoAnnotation(
        integer_at(item, "id", location),
        image_id,
        integer_at(item, "category_id", location),
        (x, y, width, height),
        float(area),
        bool(crowd),
        segmentation,
        class_set_of(item, location),
        item.get("loose_box") is True,
    )


def _area(box: Sequence[float], segmentation: Any, size_hw: SizeHW | None, location: str) -> float:
    """The area of the mask, as COCO's tools write it; without a mask, of the box."""
    if not segmentation or size_hw is None:
        return float(box[2]) * float(box[3])
    try:
        return float(area_of(segmentation, size_hw))
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"{location}.segmentation cannot be decoded ({error}); expected polygons or RLE. {REMEDY}"
        ) from None


def _check_references(dataset: CocoDataset, path: Path | str) -> None:
    for what, ids in (
        ("category", [c.id for c in dataset.categories]),
        ("image", [i.id for i in dataset.images]),
        ("annotation", list(map(attrgetter("id"), dataset.annotations))),
    ):
        if len(set(ids)) < len(ids):
            seen: set[int] = set()
            twice = next(i for i in ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]
            raise DatasetError(f"{path}: {what} id {twice} is used twice; expected each once. {REMEDY}")
    known, images = {c.id for c in dataset.categories}, {i.id for i in dataset.images}
    used, seen_in, sets = (
        set(map(attrgetter(name), dataset.annotations)) for name in ("category_id", "image_id", "class_set")
    )
    if used.union(*sets) <= known and seen_in <= images:
        return
    for a in dataset.annotations:
        strangers = [number for number in (a.category_id, *a.class_set) if number not in known]
        if strangers:
            raise DatasetError(f"{path}: annotation {a.id} has the unknown category {strangers[0]}. {REMEDY}")
        if a.image_id not in images:
            raise DatasetError(f"{path}: annotation {a.id} has the unknown image {a.image_id}. {REMEDY}")
