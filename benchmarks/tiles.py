"""What tiles do to a model's finding and counting, on large pictures whose truth is known.

    python benchmarks/tiles.py DATA [--model MODEL] [--every K]

DATA is a prepared data set. Pictures of its part `official` val are laid side by side, 4 in a row and 3 rows.
Judged on the same truth: the model on each picture before they were laid together, which is what tiles can
reach; on the mosaic as a whole; on tiles without and with merging. Then single pictures enlarged four times, where
a tile sees less than a picture did.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.predictor import Predictor
from seasift.core.tiles import TileGrid
from seasift.core.types import UInt8
from seasift.data.coco import CocoAnnotation, CocoDataset
from seasift.data.mosaic import lay_out, read_pieces
from seasift.data.prepared import DataPart, open_prepared
from seasift.evaluation.coco_figures import evaluate
from seasift.evaluation.confusion import match
from seasift.evaluation.truth import truth_of
from seasift.runtime.predictor import load_predictor
from seasift.runtime.tiled import TiledPredictor

Found = dict[int, Instances]
AP_THRESHOLD, COUNT_THRESHOLD = 0.05, 0.2
ENLARGED = 4


class Unmerged:
    """Tiles whose objects are only put in their places: what counting without merging gives."""

    def __init__(self, predictor: Predictor, grid: TileGrid) -> None:
        self.predictor, self.grid = predictor, grid

    def predict(self, images: list[UInt8], *, threshold: float, max_objects: int) -> list[Instances]:
        return [self._of(image, threshold)[:max_objects] for image in images]
