"""A model with thresholds for rolled-up names, and a dive whose four objects are certain at different levels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np

from seasift.core.types import UInt8
from tests.tiny_model import save_tiny, tiny_info

CATEGORIES = [
    {"id": 3, "name": "trash_bag"},
    {"id": 7, "name": "trash_net"},
    {"id": 8, "name": "animal_fish"},
]
THRESHOLDS = {"by_class": 0.8, "by_supercategory": 0.6, "by_object": 0.5}
# What each quarter shows, as scores of bag, net and fish; the tiny model sees the mean of each colour.
# A bag; a bag or net, trash 1 - .5 x .6 = .7; a bag or fish, trash .42, object 1 - .58 x .58 = .66; nothing sure.
QUARTERS = ((0.9, 0.0, 0.0), (0.5, 0.4, 0.0), (0.42, 0.0, 0.42), (0.41, 0.0, 0.0))


def save_rolled_model(folder: Path, **changes: Any) -> Path:
    rollup = THRESHOLDS | {"probability": 0.7, "fitted_on": "painted val"}
    values = {"threshold": 0.4, "categories": CATEGORIES, "rollup": rollup, **changes}
    return save_tiny(folder / "tiny.onnx", tiny_info(**values))


def rolled_image(size: int = 64) -> UInt8:
    image = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    for index, scores in enumerate(QUARTERS):
        top, left = index // 2 * half, index % 2 * half
        image[top : top + half, left : left + half] = np.rint(np.array(scores) * 255)
    return image


def save_rolled_dive(folder: Path, *, frames: int = 10) -> Path:
    path = folder / "dive.mkv"
    image = rolled_image()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "bgr0"
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path
