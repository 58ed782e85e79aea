"""Predictions as COCO result lists, with the classes' ids of the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from seasift.core.errors import DatasetError
from seasift.core.instances import Category, Instances
from seasift.data.coco import CocoImage


@dataclass
class Results:
    """What was found in images, kept small: a mask is a compressed RLE.

    Attributes:
        category_ids: the truth's category id for each class_id of the predictor.
        entries: one COCO result an object, in the order of adding: image_id, category_id, score, bbox and, from
            a model with masks, segmentation.
        masked: whether every object has a mask.
    """

    category_ids: Sequence[int]
    entries: list[dict[str, Any]] = field(default_factory=list)
    masked: bool = True

    def add(self, image: CocoImage, found: Instances) -> None:
        """Enter what was found in one image."""
        self.masked &= found.masks is not None
        boxes = found.boxes_xyxy.tolist()
        for index, (x1, y1, x2, y2) in enumerate(boxes):
            entry = {
                "image_id": image.id,
                "category_id": self.category_ids[int(found.class_ids[index])],
                "score": float(found.scores[index]),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
            }
            if found.masks is not None:
                entry["segmentation"] = found.masks[index].rle(image.size_hw)
            self.entries.append(entry)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The result list of "boxes" or of "masks".

        An object has either a box or a mask there, since COCO takes an object's area from its box if it has one.
        """
        left_out = "segmentation" if kind == "boxes" else "bbox"
        return [{key: value for key, value in entry.items() if key != left_out} for entry in self.entries]


def map_categories(own: Sequence[Category], truth: Sequence[Category]) -> list[int]:
    """The truth's category id for each class_id of a predictor, by name.

    Raises:
        DatasetError: the names differ (those that only one of them has are listed), or one is there twice.
    """
    names = [category.name for category in truth]
    own_names = [category.name for category in own]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DatasetError(
            f"the data has several categories named {', '.join(map(repr, twice))}; expected one of each name, since "
            "the model's classes are found by name. Rename or join them"
        )
    extra = [name for name in dict.fromkeys(own_names) if name not in names]
    missing = [name for name in names if name not in own_names]
    if extra or missing or len(own) > len(truth):
        raise DatasetError(
            f"the model's {len(own)} classes are not the data's {len(truth)}: only the model has {_listed(extra)}; "
            f"only the data has {_listed(missing)}; expected the same names. Choose other --labels or another model"
        )
    known = {category.name: category.id for category in truth}
    return [known[name] for name in own_names]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
