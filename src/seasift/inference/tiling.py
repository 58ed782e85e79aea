"""Evaluate large images tile by tile, by the options `tile`, `tile_overlap` and `tile_whole`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seasift.core.choices import parse_size
from seasift.core.errors import InputError
from seasift.core.instances import Category, Instances, Predictor
from seasift.core.tiling import SeamMerger, TileGrid, Window
from seasift.core.types import SizeHW, UInt8

TILES_AT_ONCE = 8


class TiledPredictor:
    """Any Predictor on overlapping tiles; implements `core.instances.Predictor` itself.

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
            whole: search the shrunken whole image, too, like one more tile. It finds what is larger
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
        """See `seasift.core.instances.Predictor`; `max_objects` is a whole image's."""
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


OVERLAP = 0.25
MAX_OBJECTS = 10_000
"""At most so many objects an image, unless asked for otherwise; the model's own limit is then a tile's."""
_SMALLEST_PX = 16


@dataclass(frozen=True)
class Tiling:
    """The options after their check."""

    grid: TileGrid
    whole: bool

    def around(self, predictor: Predictor, max_objects_a_tile: int) -> TiledPredictor:
        """A predictor that sees tiles."""
        return TiledPredictor(predictor, self.grid, max_objects_a_tile=max_objects_a_tile, whole=self.whole)


def parse_tiling(
    tile: str | None, overlap: float | None, whole: bool, input_hw: SizeHW | None
) -> Tiling | None:
    """What the options ask for; None without `--tile`.

    Args:
        tile: "480" for squares, "480x270" for width and height, "auto" for the model's input size.
        overlap: share of a tile; None: `OVERLAP`.
        whole: search the whole image, too.
        input_hw: the model's input size, None if it is not known.
    Raises:
        InputError: another text, sides or an overlap out of range, the other options without `--tile`.
    """
    if tile is None:
        if whole or overlap is not None:
            name = "--tile-whole" if whole else "--tile-overlap"
            raise InputError(f"{name} is for --tile. Give --tile, too, or leave it out.")
        return None
    share = OVERLAP if overlap is None else overlap
    if not 0.01 <= share <= 0.75:
        raise InputError(f"--tile-overlap {share}; expected 0.01 to 0.75, the share of a tile's side.")
    return Tiling(TileGrid(_tile_hw(tile.strip().lower(), input_hw), share), whole)


def _tile_hw(text: str, input_hw: SizeHW | None) -> SizeHW:
    if text == "auto":
        if input_hw is None:
            raise InputError("--tile auto: only for a model file. Give the size, such as --tile 480x270.")
        return input_hw
    width, height = parse_size(text, "--tile", least=_SMALLEST_PX, square=True)
    return height, width
