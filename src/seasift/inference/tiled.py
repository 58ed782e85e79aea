"""Large images tile by tile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seasift.core.instances import Category, Instances
from seasift.core.predictor import Predictor
from seasift.core.tiling import SeamMerger, TileGrid, Window
from seasift.core.types import UInt8

TILES_AT_ONCE = 8


class TiledPredictor:
    """Any Predictor on overlapping tiles; implements `core.predictor.Predictor` itself.

    An image that fits into one tile gives what the predictor says of it. What becomes of objects that several
    tiles see: `core.tiling.SeamMerger`.
    """

    def __init__(
        self, predictor: Predictor, grid: TileGrid, *, max_objects_a_tile: int = 100, whole: bool = False
    ) -> None:
        """Put a predictor behind a grid.

        Args:
            predictor: sees the tiles.
            grid: how images are cut, px of the image.
            max_objects_a_tile: at most this many are taken from a tile, the best.
            whole: look at the shrunken whole image, too, as if it were one more tile. It finds what is larger
                than a tile, and makes more mistakes where all objects are small.
        """
        self._predictor = predictor
        self._max_objects_a_tile = max_objects_a_tile
        self._whole = whole
        self.grid = grid

    @property
    def name(self) -> str:
        """That of the predictor."""
        return self._predictor.name

    @property
    def categories(self) -> tuple[Category, ...]:
        """Those of the predictor."""
        return self._predictor.categories

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        """See `seasift.core.predictor.Predictor`; `max_objects` is a whole picture's."""
        return [self._predict_one(image, threshold, max_objects) for image in images_rgb_u8]

    def _predict_one(self, image: UInt8, threshold: float, max_objects: int) -> Instances:
        size_hw = image.shape[0], image.shape[1]
        merger = SeamMerger(size_hw, max_objects=max_objects)
        most = min(max_objects, self._max_objects_a_tile)
        rows = self.grid.rows(size_hw)
        if self._whole and (len(rows), len(rows[0])) != (1, 1):
            found = self._predictor.predict([image], threshold=threshold, max_objects=most)
            merger.add(Window(0, 0, size_hw[1], size_hw[0]), found[0])
        for row in rows:
            merger.close(row[0].y1)
            for start in range(0, len(row), TILES_AT_ONCE):
                windows = row[start : start + TILES_AT_ONCE]
                tiles = [np.ascontiguousarray(image[w.y1 : w.y2, w.x1 : w.x2]) for w in windows]
                found = self._predictor.predict(tiles, threshold=threshold, max_objects=most)
                for window, each in zip(windows, found, strict=True):
                    merger.add(window, each)
        return merger.result()
