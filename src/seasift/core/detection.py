"""One object of an image as a plain value, and its conversion to types of optional packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from seasift.core.classes import Group, group_of
from seasift.core.errors import MissingExtraError
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, SizeHW


@dataclass(frozen=True)
class Category:
    """A class of objects. Its index in a model's tuple of categories is the `class_id`.

    Attributes:
        id: `category_id` as in the COCO file.
        name: as in the COCO file.
        supercategory: None if only its name tells, see `group`.
    """

    id: int
    name: str
    supercategory: Group | None = None

    @property
    def group(self) -> Group:
        """Its supercategory: the one given, else that of its name; see `core.classes.group_of`."""
        return self.supercategory or group_of(self.name)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Detection:
    """One object of an image.

    Attributes:
        name: name of its class.
        score: 0..1.
        class_id: index of the class in the model, 0-based.
        category_id: id of the class, as in the COCO file.
        box_xyxy: left, top, right, bottom in pixels of the image, right and bottom exclusive.
        mask: its mask as a crop, or None for a model without masks.
        size_hw: height and width of the image, px.

    >>> for obj in seasift.load()("frame.jpg"):
    ...     print(obj.name, round(obj.score, 2), obj.area_px)
    """

    name: str
    score: float
    class_id: int
    category_id: int
    box_xyxy: tuple[float, float, float, float]
    mask: MaskCrop | None
    size_hw: SizeHW

    @property
    def area_px(self) -> int | None:
        """Pixels of the mask; None without a mask."""
        return None if self.mask is None else self.mask.area

    @property
    def box_xywh(self) -> tuple[float, float, float, float]:
        """Left, top, width, height in pixels, rounded to 0.001 px as in written results."""
        box = np.array(self.box_xyxy)
        left, top, width, height = np.concatenate([box[:2], box[2:] - box[:2]]).round(3).tolist()
        return left, top, width, height

    def polygons(self) -> list[list[float]]:
        """Outer outlines [x1, y1, x2, y2, ...] in pixels, holes filled; the box's outline without a mask."""
        if self.mask is not None:
            return self.mask.polygons()
        x1, y1, x2, y2 = self.box_xyxy
        return [[x1, y1, x2, y1, x2, y2, x1, y2]]

    def bitmap(self) -> Bool | None:
        """The mask as an (H, W) bool array of the image's size; None without a mask."""
        return None if self.mask is None else self.mask.bitmap(self.size_hw)

    def __repr__(self) -> str:
        box = ", ".join(f"{value:.1f}" for value in self.box_xyxy)
        area = "" if self.area_px is None else f", area_px={self.area_px}"
        return f"Detection({self.name!r}, score={self.score:.3f}, box_xyxy=({box}){area})"


def to_coco(
    objects: Sequence[Detection],
    categories: Sequence[Category],
    size_hw: SizeHW,
    image_id: int,
    file_name: str,
) -> dict[str, Any]:
    """See `Instances.to_coco`."""
    annotations: list[dict[str, Any]] = []
    for number, obj in enumerate(objects, start=1):
        box = list(obj.box_xywh)
        entry: dict[str, Any] = {
            "id": number,
            "image_id": image_id,
            "category_id": obj.category_id,
            "bbox": box,
            "area": box[2] * box[3] if obj.area_px is None else obj.area_px,
            "iscrowd": 0,
            "score": obj.score,
        }
        if obj.mask is not None:
            entry["segmentation"] = obj.mask.rle(size_hw)
        annotations.append(entry)
    height, width = size_hw
    return {
        "images": [{"id": image_id, "file_name": file_name, "width": width, "height": height}],
        "categories": [{"id": category.id, "name": category.name} for category in categories],
        "annotations": annotations,
    }


def to_supervision(objects: Sequence[Detection], size_hw: SizeHW, *, with_masks: bool) -> Any:
    """See `Instances.to_supervision`."""
    supervision = package("supervision", "to_supervision()")
    bitmaps = np.zeros((len(objects), *size_hw), bool) if with_masks else None
    for i, obj in enumerate(objects):
        if bitmaps is not None and obj.mask is not None:
            bitmaps[i] = obj.mask.bitmap(size_hw)
    return supervision.Detections(
        xyxy=np.array([obj.box_xyxy for obj in objects], np.float32).reshape(-1, 4),
        mask=bitmaps,
        confidence=np.array([obj.score for obj in objects], np.float32),
        class_id=np.array([obj.class_id for obj in objects], int),
        data={"class_name": np.array([obj.name for obj in objects], np.str_)},
    )


def to_dataframe(objects: Sequence[Detection], size_hw: SizeHW) -> Any:
    """See `Instances.to_dataframe`."""
    pandas = package("pandas", "to_dataframe()")
    boxes = np.array([obj.box_xywh for obj in objects], np.float64).reshape(-1, 4)
    return pandas.DataFrame(
        {
            "image_width": np.full(len(objects), size_hw[1]),
            "image_height": np.full(len(objects), size_hw[0]),
            "object": np.arange(1, len(objects) + 1),
            "category_id": np.array([obj.category_id for obj in objects], np.int64),
            "name": [obj.name for obj in objects],
            "score": np.array([obj.score for obj in objects], np.float64),
            **{f"box_{side}": boxes[:, i] for i, side in enumerate(("x", "y", "width", "height"))},
            "area_px": pandas.array([obj.area_px for obj in objects], dtype="Int64"),
        }
    )


def package(name: str, wanted_by: str) -> Any:
    """Import an optional package.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingExtraError(
            f"{wanted_by} needs the package {name}, which is not installed. Run: pip install {name}"
        ) from None
