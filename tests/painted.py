"""Images that say themselves what is in them, and a predictor that is never wrong about what it sees.

A pixel's red and green are the number of its object (from 1; 0 is background), its blue is class * 64 + 63. The
predictor reads that off the pixels it is given and knows nothing else, so it sees of an object what is in its
tile, like a model without faults.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from seasift.core.instances import Category, Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, SizeHW, UInt8

CATEGORIES = (Category(1, "one"), Category(2, "two"), Category(3, "three"))


def paint(size_hw: SizeHW, objects: Iterable[tuple[int, Bool]]) -> UInt8:
    """An image of objects (class, full bitmap); a later one covers earlier ones."""
    image = np.zeros((*size_hw, 3), np.uint8)
    for number, (class_id, bitmap) in enumerate(objects, start=1):
        image[bitmap] = number % 256, number // 256, class_id * 64 + 63
    return image


class PaintedPredictor:
    """Finds what is painted; the score of an object is 0.9 less a hundred-thousandth of its number."""

    name = "painted"

    def __init__(self, categories: Sequence[Category] = CATEGORIES, *, with_masks: bool = True) -> None:
        self.categories = tuple(categories)
        self.with_masks = with_masks
        self.seen: list[SizeHW] = []

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        self.seen += [(image.shape[0], image.shape[1]) for image in images_rgb_u8]
        found = [self._of(image) for image in images_rgb_u8]
        return [each.take(np.arange(len(each))[:max_objects]) for each in found]

    def _of(self, image: UInt8) -> Instances:
        red, green, blue = np.moveaxis(image.astype(np.int64), -1, 0)
        numbers = red + 256 * green
        own = [number for number in np.unique(numbers).tolist() if number]
        masks = [MaskCrop.from_bitmap(numbers == number) for number in own]
        classes = [int(blue[numbers == number][0]) // 64 for number in own]
        return Instances(
            np.array([mask.box_xyxy for mask in masks], np.float32).reshape(-1, 4),
            np.array([0.9 - number / 100_000 for number in own], np.float32),
            np.array(classes, np.int64),
            (image.shape[0], image.shape[1]),
            tuple(masks) if self.with_masks else None,
        )
