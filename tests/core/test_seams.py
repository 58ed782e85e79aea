"""Objects that several tiles saw, drawn by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop, union
from seasift.core.tiling import SeamMerger, Window
from seasift.core.types import Bool

SIZE = (60, 100)
LEFT, RIGHT = Window(0, 0, 60, 60), Window(40, 0, 100, 60)

Drawn = tuple[Bool, int, float]


def box(x1: int, y1: int, x2: int, y2: int) -> Bool:
    bitmap = np.zeros(SIZE, bool)
    bitmap[y1:y2, x1:x2] = True
    return bitmap


def seen(window: Window, *objects: Drawn, with_masks: bool = True) -> Instances:
    """Objects (full bitmap, class, score) as a tile sees them that has no faults."""
    x1, y1, x2, y2 = window
    masks = [MaskCrop.from_bitmap(bitmap[y1:y2, x1:x2]) for bitmap, _, _ in objects]
    return Instances(
        np.array([mask.box_xyxy for mask in masks], np.float32).reshape(-1, 4),
        np.array([score for _, _, score in objects], np.float32),
        np.array([class_id for _, class_id, _ in objects], np.int64),
        (y2 - y1, x2 - x1),
        tuple(masks) if with_masks else None,
    )


def merged(views: Sequence[tuple[Window, Instances]], max_objects: int = 100) -> Instances:
    merger = SeamMerger(SIZE, max_objects=max_objects)
    for window, found in views:
        merger.close(window.y1)
        merger.add(window, found)
    return merger.result()


def bitmaps(found: Instances) -> list[Bool]:
    assert found.masks is not None
    return [mask.bitmap(SIZE) for mask in found.masks]


def test_an_object_across_two_tiles_is_one() -> None:
    whole = box(20, 10, 80, 30)
    found = merged([(LEFT, seen(LEFT, (whole, 1, 0.4))), (RIGHT, seen(RIGHT, (whole, 1, 0.7)))])
    assert found.class_ids.tolist() == [1]
    assert found.scores.tolist() == pytest.approx([0.7]), "the best of its views"
    assert found.boxes_xyxy.tolist() == [[20, 10, 80, 30]]
    np.testing.assert_array_equal(bitmaps(found)[0], whole)


def test_an_object_across_four_tiles_is_one_with_its_hole() -> None:
    whole = box(10, 10, 90, 50) & ~box(45, 20, 70, 45)
    windows = [Window(x, y, x + 60, y + 40) for y in (0, 20) for x in (0, 40)]
    found = merged([(w, seen(w, (whole, 0, 0.5))) for w in windows])
    assert len(found) == 1
    np.testing.assert_array_equal(bitmaps(found)[0], whole)


@pytest.mark.parametrize("index", [(42, 5, 58, 20), (2, 5, 20, 20), (0, 0, 60, 60), (40, 0, 41, 1)])
def test_an_object_that_one_tile_sees_whole(index: tuple[int, int, int, int]) -> None:
    """In the overlap, beside it, as large as a tile, one pixel."""
    whole = box(*index)
    views = [(w, seen(w, (whole, 0, 0.5))) for w in (LEFT, RIGHT) if seen(w, (whole, 0, 0.5)).masks[0].area]  # type: ignore[index]
    found = merged(views)
    assert len(found) == 1
    np.testing.assert_array_equal(bitmaps(found)[0], whole)


def test_neighbours_that_touch_stay_two() -> None:
    upper, lower = (box(20, 10, 80, 30), 0, 0.5), (box(20, 30, 80, 50), 0, 0.6)
    found = merged([(w, seen(w, upper, lower)) for w in (LEFT, RIGHT)])
    assert len(found) == 2
    for got, (expected, _, _) in zip(bitmaps(found), (lower, upper), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_classes_do_not_mix() -> None:
    whole = box(20, 10, 80, 30)
    found = merged([(LEFT, seen(LEFT, (whole, 0, 0.5))), (RIGHT, seen(RIGHT, (whole, 1, 0.5)))])
    assert sorted(found.class_ids.tolist()) == [0, 1]


def test_a_view_over_two_neighbours_does_not_make_them_one() -> None:
    """The right tile takes both for one: it joins the one it agrees with more."""
    upper, lower = (box(20, 10, 80, 34), 0, 0.5), (box(20, 34, 80, 50), 0, 0.6)
    both = (box(20, 10, 80, 50), 0, 0.3)
    found = merged([(LEFT, seen(LEFT, upper, lower)), (RIGHT, seen(RIGHT, both))])
    assert len(found) == 2
    assert bitmaps(found)[0].sum() == lower[0][:, :60].sum()
    np.testing.assert_array_equal(bitmaps(found)[1], upper[0] | both[0] & box(40, 0, 100, 60))


def test_a_torn_piece_is_absorbed() -> None:
    """The right tile sees the end of an object and outlines only a part of it."""
    whole, piece = box(10, 10, 56, 50), box(40, 12, 52, 25)
    found = merged([(LEFT, seen(LEFT, (whole, 0, 0.5))), (RIGHT, seen(RIGHT, (piece, 0, 0.9)))])
    assert len(found) == 1
    np.testing.assert_array_equal(bitmaps(found)[0], whole)


def test_a_small_object_in_front_of_a_large_one_stays() -> None:
    """It lies in the large one as a torn piece does, but does not end at its tile's edge."""
    whole, small = box(10, 10, 56, 50), box(44, 12, 52, 25)
    found = merged([(LEFT, seen(LEFT, (whole, 0, 0.5))), (RIGHT, seen(RIGHT, (small, 0, 0.9)))])
    assert len(found) == 2


def test_two_views_that_disagree_stay_two() -> None:
    found = merged(
        [
            (LEFT, seen(LEFT, (box(20, 10, 80, 30), 0, 0.5))),
            (RIGHT, seen(RIGHT, (box(40, 25, 80, 60), 0, 0.5))),
        ]
    )
    assert len(found) == 2


def test_masks_count_and_not_boxes() -> None:
    """Two L shapes that lie in one another: their boxes are the same, their masks share nothing."""
    first = box(20, 10, 80, 15) | box(20, 10, 25, 50) | box(20, 45, 80, 50)
    second = box(30, 20, 80, 40)
    found = merged([(w, seen(w, (first, 0, 0.5), (second, 0, 0.4))) for w in (LEFT, RIGHT)])
    assert len(found) == 2
    np.testing.assert_array_equal(bitmaps(found)[0], first)
    np.testing.assert_array_equal(bitmaps(found)[1], second)


def test_without_masks_boxes_are_compared() -> None:
    whole, other = (box(20, 10, 80, 30), 0, 0.5), (box(20, 35, 80, 50), 0, 0.4)
    found = merged([(w, seen(w, whole, other, with_masks=False)) for w in (LEFT, RIGHT)])
    assert found.masks is None
    assert found.boxes_xyxy.tolist() == [[20, 10, 80, 30], [20, 35, 80, 50]]


def test_an_empty_mask_is_evaluated_by_its_box() -> None:
    whole = box(20, 10, 80, 30)
    blind = seen(RIGHT, (whole, 0, 0.6))
    nothing = MaskCrop(np.zeros((0, 0), bool), 0, 0)
    found = merged(
        [
            (LEFT, seen(LEFT, (whole, 0, 0.5))),
            (
                RIGHT,
                Instances(blind.boxes_xyxy, blind.scores, blind.class_ids, blind.size_hw, (nothing,)),
            ),
        ]
    )
    assert len(found) == 1
    assert found.boxes_xyxy.tolist() == [[20, 10, 60, 30]]


def test_nothing_seen_and_the_best_kept() -> None:
    assert len(SeamMerger(SIZE, max_objects=3).result()) == 0
    assert len(merged([(LEFT, seen(LEFT)), (RIGHT, seen(RIGHT))])) == 0
    assert merged([(LEFT, seen(LEFT, with_masks=False))]).masks is None
    apart = [(box(4 * k, 0, 4 * k + 3, 3), 0, 0.1 * k) for k in range(1, 6)]
    found = merged([(LEFT, seen(LEFT, *apart))], max_objects=2)
    assert found.scores.tolist() == pytest.approx([0.5, 0.4])


def test_union_of_masks() -> None:
    a, b, nothing = box(3, 4, 10, 12), box(40, 2, 50, 9), MaskCrop(np.zeros((0, 0), bool), 7, 7)
    together = union([MaskCrop.from_bitmap(a), nothing, MaskCrop.from_bitmap(b)])
    np.testing.assert_array_equal(together.bitmap(SIZE), a | b)
    assert together.box_xyxy == (3, 2, 50, 12)
    assert union([nothing, nothing]).area == 0
