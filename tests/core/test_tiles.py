"""The grid of tiles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seasift.core.tiling import TileGrid, Window

sides = st.integers(1, 70)
tile_sides = st.integers(2, 30)


@given(height=sides, width=sides, tile_h=tile_sides, tile_w=tile_sides, overlap=st.floats(0.01, 0.75))
def test_tiles_cover_the_image_and_neighbours_share_enough(
    height: int, width: int, tile_h: int, tile_w: int, overlap: float
) -> None:
    grid = TileGrid((tile_h, tile_w), overlap)
    rows = grid.rows((height, width))
    assert sum(map(len, rows)) == grid.count((height, width))
    seen = np.zeros((height, width), int)
    for row in rows:
        for x1, y1, x2, y2 in row:
            assert (y2 - y1, x2 - x1) == (min(tile_h, height), min(tile_w, width)), "all of one size"
            assert x1 >= 0
            assert y1 >= 0
            assert x2 <= width
            assert y2 <= height
            seen[y1:y2, x1:x2] += 1
    assert seen.min() >= 1
    shared_y, shared_x = grid.overlap_hw
    assert shared_x >= 1
    assert all(a.x2 - b.x1 >= shared_x for row in rows for a, b in pairwise(row))
    assert all(a[0].y2 - b[0].y1 >= shared_y for a, b in pairwise(rows))
    tops = [row[0].y1 for row in rows]
    assert tops == sorted(set(tops))


def test_the_last_tile_moves_inwards() -> None:
    rows = TileGrid((270, 480), 0.25).rows((300, 1000))
    assert [row[0].y1 for row in rows] == [0, 30]
    assert rows[0] == [Window(0, 0, 480, 270), Window(360, 0, 840, 270), Window(520, 0, 1000, 270)]


def test_a_image_no_larger_than_a_tile_is_one() -> None:
    for size_hw in ((270, 480), (1, 1), (270, 1)):
        assert TileGrid((270, 480)).rows(size_hw) == [[Window(0, 0, size_hw[1], size_hw[0])]]


@pytest.mark.parametrize(("tile_hw", "overlap"), [((1, 9), 0.2), ((9, 9), 0.0), ((9, 9), 1.0)])
def test_impossible_grids(tile_hw: tuple[int, int], overlap: float) -> None:
    with pytest.raises(ValueError, match="expected sides from 2 px"):
        TileGrid(tile_hw, overlap)
