"""How a picture is cut into overlapping tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from seasift.core.types import SizeHW


class Window(NamedTuple):
    """A part of a picture, px; right and bottom edge exclusive."""

    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True)
class TileGrid:
    """Tiles of one size that overlap.

    Attributes:
        tile_hw: height and width of a tile, px.
        overlap: share of a tile's side that its neighbour sees, too. At least one pixel is shared always:
            without it nothing tells that two halves are one object.
    """

    tile_hw: SizeHW
    overlap: float = 0.25

    def __post_init__(self) -> None:
        if min(self.tile_hw) < 2 or not 0 < self.overlap < 1:
            raise ValueError(
                f"tiles of {self.tile_hw} px that overlap by {self.overlap}; expected sides from 2 px, and more "
                "than 0, less than 1"
            )

    @property
    def overlap_hw(self) -> SizeHW:
        """What neighbours share at least, down and across, px."""
        height, width = (min(max(1, round(side * self.overlap)), side - 1) for side in self.tile_hw)
        return height, width

    def count(self, size_hw: SizeHW) -> int:
        """Tiles of a picture."""
        return math.prod(len(self._starts(size_hw, axis)) for axis in (0, 1))

    def rows(self, size_hw: SizeHW) -> list[list[Window]]:
        """The tiles of a picture, row by row, each from left to right.

        All have one size; the last of a row or column is moved inwards to end with the picture. Along a side
        that is shorter than a tile there is one tile, as long as that side. Whatever is 8-connected in the
        picture stays so over tiles: of two neighbouring pixels some tile sees both.
        """
        height, width = (min(side, tile) for side, tile in zip(size_hw, self.tile_hw, strict=True))
        return [
            [Window(x, y, x + width, y + height) for x in self._starts(size_hw, 1)]
            for y in self._starts(size_hw, 0)
        ]

    def _starts(self, size_hw: SizeHW, axis: int) -> list[int]:
        length, side = size_hw[axis], self.tile_hw[axis]
        if length <= side:
            return [0]
        return [*range(0, length - side, side - self.overlap_hw[axis]), length - side]
