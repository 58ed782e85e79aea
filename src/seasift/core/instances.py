"""What is in one image, as one value that everything takes and returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, Float32, Int64, SizeHW


@dataclass(frozen=True)
class Category:
    """A class of objects. Its place in a model's tuple of categories is the `class_id`.

    Attributes:
        id: `category_id` as in the COCO file.
        name: as in the COCO file.
    """

    id: int
    name: str


@dataclass(frozen=True, eq=False)
class Instances:
    """N objects of one image, best first when they come from a model.

    Attributes:
        boxes_xyxy: (N, 4) float32, pixels of the original image, x2/y2 exclusive.
        scores: (N,) float32 in 0..1.
        class_ids: (N,) int64, 0-based, without background.
        size_hw: height and width of the original image, px.
        masks: N crops, or None for a model without masks.
        class_scores: (N, C) float32, the score of each object for every class; None where the model gives one score an
            object. `core.rollup` makes supercategories of it.
    """

    boxes_xyxy: Float32
    scores: Float32
    class_ids: Int64
    size_hw: SizeHW
    masks: tuple[MaskCrop, ...] | None = None
    class_scores: Float32 | None = None

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.boxes_xyxy.shape != (n, 4) or self.class_ids.shape != (n,):
            raise ValueError(
                f"boxes {self.boxes_xyxy.shape}, scores {self.scores.shape} and classes "
                f"{self.class_ids.shape} do not describe the same objects"
            )
        if self.masks is not None and len(self.masks) != n:
            raise ValueError(f"{len(self.masks)} masks for {n} objects")
        if self.class_scores is not None and (self.class_scores.ndim != 2 or len(self.class_scores) != n):
            raise ValueError(f"class scores {self.class_scores.shape} for {n} objects")

    @classmethod
    def empty(cls, size_hw: SizeHW, *, with_masks: bool = True) -> Instances:
        """No objects."""
        return cls(
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.float32),
            np.zeros(0, np.int64),
            size_hw,
            () if with_masks else None,
        )

    @classmethod
    def joined(cls, parts: Sequence[Instances]) -> Instances:
        """The objects of one or more values of the same image, in their order; without masks or class scores if any is."""
        masks = [part.masks for part in parts]
        class_scores = [part.class_scores for part in parts if part.class_scores is not None]
        return cls(
            np.concatenate([part.boxes_xyxy for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.class_ids for part in parts]),
            parts[0].size_hw,
            None if None in masks else tuple(mask for each in masks for mask in each or ()),
            np.concatenate(class_scores) if len(class_scores) == len(parts) else None,
        )

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, keep: Int64 | Bool) -> Instances:
        """Some of the objects: indices (in the order wanted) or a bool for each."""
        index = np.flatnonzero(keep) if keep.dtype == bool else keep
        masks = None if self.masks is None else tuple(self.masks[i] for i in index)
        class_scores = None if self.class_scores is None else self.class_scores[index]
        return Instances(
            self.boxes_xyxy[index],
            self.scores[index],
            self.class_ids[index],
            self.size_hw,
            masks,
            class_scores,
        )

    def moved(self, dx: int, dy: int, size_hw: SizeHW) -> Instances:
        """The same objects further right by `dx` and down by `dy`, px, in an image of size `size_hw`."""
        masks = None if self.masks is None else tuple(mask.moved(dx, dy) for mask in self.masks)
        boxes = self.boxes_xyxy + np.array([dx, dy, dx, dy], np.float32)
        return Instances(boxes, self.scores, self.class_ids, size_hw, masks, self.class_scores)
