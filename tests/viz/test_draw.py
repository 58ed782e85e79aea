"""Overlays: what is drawn where, at any size."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from seasift.core.instances import Category, Instances
from seasift.core.masks import MaskCrop
from seasift.viz.drawing import colour_of, draw

CATEGORIES = [Category(i, name) for i, name in enumerate(["crab", "Müllsack", "海星", "net"])]


def scene(height: int, width: int, *bitmaps: Any, class_ids: list[int] | None = None) -> Instances:
    masks = tuple(MaskCrop.from_bitmap(bitmap) for bitmap in bitmaps)
    boxes = np.array([mask.box_xyxy for mask in masks], np.float32).reshape(-1, 4)
    scores = np.linspace(0.9, 0.5, len(masks)).astype(np.float32)
    ids = np.array(class_ids or [0] * len(masks), np.int64)
    return Instances(boxes, scores, ids, (height, width), masks)


def ring(height: int, width: int) -> Any:
    bitmap = np.zeros((height, width), bool)
    bitmap[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = True
    bitmap[3 * height // 8 : 5 * height // 8, 3 * width // 8 : 5 * width // 8] = False
    return bitmap


def test_fill_covers_the_mask_and_leaves_its_hole() -> None:
    image = np.full((480, 640, 3), 100, np.uint8)
    drawn = draw(image, scene(480, 640, ring(480, 640)), CATEGORIES)
    assert drawn.shape == image.shape
    expected = np.rint(0.7 * 100 + 0.3 * np.array(colour_of(0)))
    np.testing.assert_array_equal(drawn[150, 320], expected)  # in the ring
    np.testing.assert_array_equal(drawn[240, 320], [100, 100, 100])  # in the hole
    np.testing.assert_array_equal(drawn[400:], 100)  # far below
    inner_edge = drawn[175:185, 320]
    assert (np.abs(inner_edge.astype(int) - colour_of(0)).sum(axis=1) < 30).any(), "the hole has an outline"
    assert image.min() == image.max() == 100, "the input is not drawn on"


def test_nothing_to_draw_is_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 256, (500, 300, 3), dtype=np.uint8)
    np.testing.assert_array_equal(draw(image, Instances.empty((500, 300)), CATEGORIES), image)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (40, 24), (300, 200), (479, 479), (480, 20), (1, 5000)])
def test_any_size_can_be_drawn_on(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    drawn = draw(image, scene(*size, np.ones(size, bool)), CATEGORIES)
    factor = drawn.shape[0] // size[0]
    assert drawn.shape == (size[0] * factor, size[1] * factor, 3)
    assert max(drawn.shape) >= 480
    assert drawn.any()


def test_labels_grow_with_the_image_and_stay_readable() -> None:
    def label_height(height: int, width: int) -> int:
        bitmap = np.zeros((height, width), bool)
        bitmap[height // 2 :, : width // 2] = True
        drawn = draw(np.zeros((height, width, 3), np.uint8), scene(height, width, bitmap), CATEGORIES)
        plate = (drawn == colour_of(0)).all(axis=2)
        return int(np.count_nonzero(plate[: height // 2 - 4].any(axis=1)))

    heights = [label_height(*size) for size in ((360, 640), (1080, 1920), (2160, 3840))]
    assert heights == sorted(heights)
    assert heights[0] >= 12
    assert 2160 / 60 < heights[2] < 2160 / 20


def test_labels_do_not_cover_each_other_and_stay_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    from seasift.viz import drawing as module

    areas: list[tuple[int, int, int, int]] = []
    index = module._free_slot

    def noting(*args: Any) -> Any:
        area = index(*args)
        if area:
            areas.append(area)
        return area

    monkeypatch.setattr(module, "_free_slot", noting)
    rng = np.random.default_rng(1)
    bitmaps = []
    for _ in range(60):
        y, x = rng.integers(0, 340), rng.integers(0, 620)
        bitmap = np.zeros((360, 640), bool)
        bitmap[y : y + 20, x : x + 20] = True
        bitmaps.append(bitmap)
    draw(np.zeros((360, 640, 3), np.uint8), scene(360, 640, *bitmaps), CATEGORIES)
    assert 10 < len(areas) < 60, "some are left out rather than piled up"
    for a, b in itertools.combinations(areas, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    assert all(x1 >= 0 and y1 >= 0 and x2 <= 640 and y2 <= 360 for x1, y1, x2, y2 in areas)


def test_colours_are_distinct_and_fixed() -> None:
    colours = np.array([colour_of(i) for i in range(22)], float)
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=2) + 999 * np.eye(22)
    assert distances.min() > 40
    assert colours.max(axis=1).min() > 150, "light enough for the dark sea floor"
    assert len({colour_of(i) for i in range(200)}) > 150
    assert colour_of(3) == colour_of(3)


def test_letters_beyond_ascii_and_missing_masks() -> None:
    with_masks = scene(480, 640, ring(480, 640), ring(480, 640), class_ids=[1, 2])
    assert draw(np.zeros((480, 640, 3), np.uint8), with_masks, CATEGORIES).any()
    boxes_only = Instances(with_masks.boxes_xyxy, with_masks.scores, with_masks.class_ids, (480, 640), None)
    drawn = draw(np.zeros((480, 640, 3), np.uint8), boxes_only, CATEGORIES)
    assert not drawn[200:280, 200:440].any(), "a box is an outline"
    assert (drawn[240, 155:165] == colour_of(1)).all(axis=1).any()


def test_masks_that_reach_outside() -> None:
    mask = MaskCrop(np.ones((50, 50), bool), -20, 460)
    outside = MaskCrop(np.ones((5, 5), bool), -50, -50)
    boxes = np.array([[0, 460, 30, 480], [0, 0, 1, 1]], np.float32)
    instances = Instances(boxes, np.ones(2, np.float32), np.zeros(2, np.int64), (480, 640), (mask, outside))
    drawn = draw(np.zeros((480, 640, 3), np.uint8), instances, CATEGORIES)
    assert drawn[470, 10].any()
