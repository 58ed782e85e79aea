"""What the options `tile`, `tile_overlap` and `tile_whole` mean."""

from __future__ import annotations

from dataclasses import dataclass

from seasift.core.errors import InputError
from seasift.core.option import parse_size
from seasift.core.predictor import Predictor
from seasift.core.tiling import TileGrid
from seasift.core.types import SizeHW
from seasift.inference.tiled import TiledPredictor

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
        whole: look at the whole image, too.
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
