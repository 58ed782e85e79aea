"""Result documents for the tests of this folder."""

from __future__ import annotations

from typing import Any

import numpy as np

from seasift.core.instances import Category, Instances
from seasift.core.masks import MaskCrop
from seasift.formats import document
from seasift.formats.document import Document

CATEGORIES = (Category(3, "crab"), Category(7, "net, torn"), Category(8, "Müll"))
SIZE = (40, 60)


def bitmaps() -> list[Any]:
    """A ring, two separate parts, one pixel, nothing."""
    ring, parts, dot, nothing = (np.zeros(SIZE, bool) for _ in range(4))
    ring[5:25, 10:40] = True
    ring[10:15, 20:30] = False
    parts[30:38, 2:9] = parts[30:33, 50:60] = True
    dot[0, 59] = True
    return [ring, parts, dot, nothing]


def instances() -> Instances:
    masks = tuple(MaskCrop.from_bitmap(bitmap) for bitmap in bitmaps())
    boxes = np.array([[10, 5, 40, 25], [1.5, 29.25, 60, 38], [59, 0, 60, 1], [0, 0, 1 / 3, 0.1]], np.float32)
    scores = np.array([0.9, 0.7, 0.55, 0.5], np.float32)
    return Instances(boxes, scores, np.array([0, 1, 2, 0]), SIZE, masks)


def result(**changes: Any) -> Document:
    settings = document.Settings(
        seasift="0.1.0",
        model=document.ModelEntry(name="tiny", sha256="0" * 64),
        engine="openvino",
        precision="f32",
        threshold=0.5,
        max_objects=100,
        categories=[document.CategoryEntry(id=c.id, name=c.name) for c in CATEGORIES],
    )
    images = [
        document.image_entry("pics/größe, a.png", instances(), CATEGORIES),
        document.image_entry("pics/empty.png", Instances.empty((1, 1)), CATEGORIES),
        document.image_entry(
            "clip.mp4#frame=12", instances().take(np.array([2])), CATEGORIES, frame=12, time_s=0.4
        ),
    ]
    failures = [document.FailedFile(file="bad.jpg", error="bad.jpg: no image")]
    return document.complete(settings.model_copy(update=changes), images, failures)
