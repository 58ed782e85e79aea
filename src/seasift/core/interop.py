"""Convert objects of an image to types of optional packages."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from seasift.core.detection import Category, Detection
from seasift.core.errors import MissingExtraError
from seasift.core.types import SizeHW


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
