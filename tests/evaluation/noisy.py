"""Predictions made from truth: moved, of a wrong class, twice, missed, invented, with tied scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seasift.core.instances import Category, Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import SizeHW, UInt8
from seasift.data.coco import CocoDataset


def noisy_predictions(truth: CocoDataset, seed: int, *, extra: int = 2) -> dict[int, Instances]:
    rng = np.random.default_rng(seed)
    class_of = {category.id: index for index, category in enumerate(truth.categories)}
    found = {}
    for image in truth.images:
        shapes: list[tuple[MaskCrop, int]] = []
        for annotation in truth.annotations_of(image.id):
            mask, class_id = annotation.mask(image.size_hw), class_of[annotation.category_id]
            for _ in range(rng.integers(0, 4)):
                chosen = int(rng.integers(len(class_of))) if rng.random() < 0.2 else class_id
                shapes.append((moved(mask, rng), chosen))
        for _ in range(rng.integers(0, extra + 1)):
            shapes.append((blob(image.size_hw, rng), int(rng.integers(len(class_of)))))
        if rng.random() < 0.1:
            shapes = []
        found[image.id] = instances(shapes, image.size_hw, rng)
    return found


def moved(mask: MaskCrop, rng: np.random.Generator) -> MaskCrop:
    """Shifted by up to a tenth of its size and cut at one side."""
    height, width = mask.crop.shape
    down, right = (int(rng.integers(-side // 10 - 1, side // 10 + 2)) for side in (height, width))
    crop = mask.crop.copy()
    crop[: int(rng.integers(0, height // 4 + 1))] = False
    return MaskCrop.from_bitmap(crop, mask.x0 + right, mask.y0 + down)


def blob(size_hw: SizeHW, rng: np.random.Generator) -> MaskCrop:
    height, width = (max(1, int(rng.integers(1, side // 2 + 2))) for side in size_hw)
    y, x = (int(rng.integers(0, side)) for side in size_hw)
    return MaskCrop.from_bitmap(rng.random((height, width)) < 0.7, x, y)


def instances(shapes: Sequence[tuple[MaskCrop, int]], size_hw: SizeHW, rng: np.random.Generator) -> Instances:
    """Boxes are those of the masks, moved a little; scores are hundredths, so that many are equal."""
    boxes = np.array([mask.box_xyxy for mask, _ in shapes], np.float32).reshape(-1, 4)
    boxes += rng.normal(0, 0.4, boxes.shape).astype(np.float32)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 0.25)
    scores = np.sort(rng.integers(1, 21, len(shapes)) / np.float32(20))[::-1].astype(np.float32)
    class_ids = np.array([class_id for _, class_id in shapes], np.int64)
    return Instances(boxes, scores, class_ids, size_hw, tuple(mask for mask, _ in shapes))


class FakePredictor:
    """Answers with given predictions in the order of a truth's images (a `Predictor`)."""

    name = "jittered truth"

    def __init__(self, truth: CocoDataset, found: dict[int, Instances]) -> None:
        self.categories: tuple[Category, ...] = truth.categories
        self._next = iter([found[image.id] for image in truth.images])
        self.most_at_once = 0

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        self.most_at_once = max(self.most_at_once, len(images_rgb_u8))
        found = [next(self._next) for _ in images_rgb_u8]
        assert [each.size_hw for each in found] == [image.shape[:2] for image in images_rgb_u8]
        kept = [each.take(each.scores >= threshold) for each in found]
        return [each.take(np.arange(min(len(each), max_objects))) for each in kept]
