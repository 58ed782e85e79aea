"""What `--tile` and `--tile-overlap` mean."""

from __future__ import annotations

import re

from seasift.core.errors import BadInput
from seasift.core.tiles import TileGrid
from seasift.core.types import SizeHW
from seasift.formats.document import TileEntry

OVERLAP = 0.25
MAX_TILED_OBJECTS = 10_000
SMALLEST_PX = 16


def parse_tile(tile: str | None, overlap: float | None, input_hw: SizeHW | None) -> TileGrid | None:
    """The grid that the options name; None without `--tile`.

    Args:
        tile: "480" for squares, "480x270" for width and height, "auto" for the model's input size.
        overlap: share of a tile.
        input_hw: the model's input size, None if it is not known.
    Raises:
        BadInput: another text, sides or an overlap out of range, an overlap without tiles.
    """
    if tile is None:
        if overlap is not None:
            raise BadInput("--tile-overlap is for --tile. Give --tile, too, or leave it out.")
        return None
    share = OVERLAP if overlap is None else overlap
    if not 0.01 <= share <= 0.75:
        raise BadInput(f"--tile-overlap {share}; expected 0.01 to 0.75, the share of a tile's side.")
    return TileGrid(_tile_hw(tile.strip().lower(), input_hw), share)


def tile_entry(grid: TileGrid, max_objects: int) -> TileEntry:
    """The grid as results record it."""
    (height, width), (overlap_y, overlap_x) = grid.tile_hw, grid.overlap_hw
    return TileEntry(
        width=width, height=height, overlap_x=overlap_x, overlap_y=overlap_y, max_objects=max_objects
    )


def _tile_hw(text: str, input_hw: SizeHW | None) -> SizeHW:
    if text == "auto":
        if input_hw is None:
            raise BadInput("--tile auto: only for a model file. Give the size, such as --tile 480x270.")
        return input_hw
    match = re.fullmatch(r"(\d{1,6})(?:x(\d{1,6}))?", text)
    if not match:
        raise BadInput(
            f"--tile {text!r}; expected a side such as 480, WIDTHxHEIGHT such as 480x270, or auto."
        )
    width = int(match[1])
    height = int(match[2] or width)
    if min(width, height) < SMALLEST_PX:
        raise BadInput(f"--tile {text}: {width}x{height} px; expected sides from {SMALLEST_PX} px.")
    return height, width
