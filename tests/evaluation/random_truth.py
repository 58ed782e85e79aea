"""Small random truth: objects of all of COCO's sizes, crowds, classes without objects, gapped ids."""

from __future__ import annotations

import numpy as np

from seasift.core.instances import Category
from seasift.core.masks import MaskCrop
from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage

CATEGORIES = (Category(2, "net"), Category(5, "rov"), Category(9, "never there"))


def random_truth(seed: int, *, images: int = 4, objects: int = 6, side: int = 128) -> CocoDataset:
    rng = np.random.default_rng(seed)
    loaded = tuple(CocoImage(3 * n + 1, f"image {n}.png", (side, side + 7)) for n in range(images))
    annotations = []
    for pixels in loaded:
        for _ in range(rng.integers(0, objects + 1)):
            mask = _object(side, rng)
            left, top, right, bottom = mask.box_xyxy
            annotations.append(
                CocoAnnotation(
                    id=len(annotations) + 1,
                    image_id=pixels.id,
                    category_id=int(rng.choice([2, 5])),
                    bbox_xywh=(float(left), float(top), float(right - left), float(bottom - top)),
                    area=mask.area * 0.9,  # as of a polygon: not what the mask has
                    iscrowd=bool(rng.random() < 0.15),
                    segmentation=mask.rle(pixels.size_hw),
                )
            )
    return CocoDataset(CATEGORIES, loaded, tuple(annotations))


def _object(side: int, rng: np.random.Generator) -> MaskCrop:
    largest = min(side, int(rng.choice([24, 64, side])))
    height, width = (int(rng.integers(1, largest + 1)) for _ in range(2))
    y, x = (int(rng.integers(0, side - length + 1)) for length in (height, width))
    crop = np.ones((height, width), bool)
    crop[: height // 3, : width // 3] = False
    return MaskCrop.from_bitmap(crop if crop.any() else np.ones((1, 1), bool), x, y)
