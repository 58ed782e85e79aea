"""Example pictures of a data set with their masks drawn."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from seasift.core.types import UInt8
from seasift.data.coco import CocoDataset, CocoImage

_FILL = 0.35
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Example:
    """A picture to show.

    Attributes:
        part: it is from.
        image: in that part.
        classes: class_id to count of its objects.
    """

    part: str
    image: CocoImage
    classes: Mapping[int, int]


def colour_of(class_id: int) -> tuple[int, int, int]:
    """Red, green, blue of a class: light, and far from its neighbours'."""
    red, green, blue = colorsys.hsv_to_rgb(class_id * 0.618034 % 1, 0.55 + 0.35 * (class_id % 2), 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def choose_examples(parts: Mapping[str, CocoDataset], *, most: int) -> list[Example]:
    """Few pictures that show all classes: each time the one with most classes not yet shown, rare ones first.

    Args:
        parts: part name to pictures and objects.
        most: pictures at most.
    """
    first = next(iter(parts.values()))
    place = {category.id: number for number, category in enumerate(first.categories)}
    candidates = []
    totals: dict[int, int] = {}
    for part, coco in parts.items():
        for image in coco.images:
            counts: dict[int, int] = {}
            for annotation in coco.annotations_of(image.id):
                if annotation.is_coarse:
                    continue
                class_id = place[annotation.category_id]
                counts[class_id] = counts.get(class_id, 0) + 1
                totals[class_id] = totals.get(class_id, 0) + 1
            candidates.append(Example(part, image, counts))
    chosen: list[Example] = []
    missing = {class_id for example in candidates for class_id in example.classes}
    while missing and len(chosen) < most:
        best = max(candidates, key=lambda e: sum(1 / totals[c] for c in e.classes.keys() & missing))
        chosen.append(best)
        missing -= best.classes.keys()
    return chosen


def draw_truth(image_rgb_u8: UInt8, example: Example, coco: CocoDataset) -> UInt8:
    """A copy of the picture with each object's mask filled lightly and outlined; holes stay holes.

    An object without a mask is outlined by its box; one that may be of several classes is white.

    Raises:
        BadDataset: a mask that cannot be decoded.
    """
    canvas = image_rgb_u8.copy()
    place = {category.id: number for number, category in enumerate(coco.categories)}
    size_hw = (canvas.shape[0], canvas.shape[1])
    annotations = sorted(coco.annotations_of(example.image.id), key=lambda a: -a.area)
    for annotation in annotations:
        colour = WHITE if annotation.is_coarse else colour_of(place[annotation.category_id])
        if not annotation.has_mask:
            x, y, width, height = (round(value) for value in annotation.bbox_xywh)
            cv2.rectangle(canvas, (x, y), (x + width - 1, y + height - 1), colour, 1)
            continue
        bitmap = annotation.mask(example.image.size_hw).bitmap(size_hw)
        canvas[bitmap] = np.round((1 - _FILL) * canvas[bitmap] + _FILL * np.array(colour)).astype(np.uint8)
        outlines, _ = cv2.findContours(bitmap.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, outlines, -1, colour, 1, cv2.LINE_AA)
    return canvas
