"""Large images through a predictor that is never wrong: every object comes back once, with its exact mask."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.core.instances import Instances, Predictor
from seasift.core.masks import MaskCrop
from seasift.core.tiling import TileGrid
from seasift.core.types import Bool, UInt8
from seasift.inference.tiling import TiledPredictor
from tests.painted import CATEGORIES, PaintedPredictor, paint


def exact(found: Instances) -> list[tuple[int, float, str, list[float]]]:
    """Everything about each object, in a fixed order."""
    masks = [mask.rle(found.size_hw)["counts"] for mask in found.masks or ()]
    rows = zip(found.class_ids.tolist(), found.scores.tolist(), masks, found.boxes_xyxy.tolist(), strict=True)
    return sorted(rows)


def connected(bitmap: Bool) -> list[Bool]:
    count, numbers = cv2.connectedComponents(bitmap.astype(np.uint8), connectivity=8)
    return [numbers == number for number in range(1, count)]


def crowded(seed: int, height: int, width: int) -> list[tuple[int, Bool]]:
    """Connected objects of two classes that touch, with holes and ragged edges."""
    random = np.random.default_rng(seed)
    seeds = random.uniform(0, 1, (int(random.integers(1, 12)), 2)) * (height, width)
    y, x = np.mgrid[:height, :width]
    nearest = np.argmin([(y - a) ** 2 + (x - b) ** 2 for a, b in seeds], axis=0)
    solid = random.random((height, width)) < random.choice([0.5, 0.7, 1.0])
    return [
        (number % 2, part) for number in range(len(seeds)) for part in connected((nearest == number) & solid)
    ]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 100_000),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    tile_h=st.integers(6, 30),
    tile_w=st.integers(6, 30),
    overlap=st.floats(0.01, 0.6),
    whole=st.booleans(),
)
def test_every_object_comes_back_once_and_exactly(
    seed: int, height: int, width: int, tile_h: int, tile_w: int, overlap: float, whole: bool
) -> None:
    image = paint((height, width), crowded(seed, height, width))
    oracle: Predictor = PaintedPredictor()
    (truth,) = oracle.predict([image], max_objects=10_000)
    tiled: Predictor = TiledPredictor(
        oracle, TileGrid((tile_h, tile_w), overlap), max_objects_a_tile=10_000, whole=whole
    )
    (found,) = tiled.predict([image], max_objects=10_000)
    assert found.size_hw == (height, width)
    assert exact(found) == exact(truth)
    assert np.all(np.diff(found.scores) <= 0), "best first"


def test_names_classes_and_several_images() -> None:
    tiled = TiledPredictor(PaintedPredictor(), TileGrid((8, 8)))
    assert (tiled.name, tiled.categories) == ("painted", CATEGORIES)
    square = np.zeros((20, 30), bool)
    square[3:18, 2:28] = True
    images = [paint((20, 30), [(2, square)]), np.zeros((1, 1, 3), np.uint8), paint((20, 30), [])]
    found = tiled.predict(images)
    assert [each.size_hw for each in found] == [(20, 30), (1, 1), (20, 30)]
    assert [each.class_ids.tolist() for each in found] == [[2], [], []]
    assert tiled.predict([]) == []


def test_a_image_no_larger_than_a_tile_is_seen_whole_and_once() -> None:
    oracle = PaintedPredictor()
    image = paint((20, 30), crowded(3, 20, 30))
    (found,) = TiledPredictor(oracle, TileGrid((20, 40)), whole=True).predict([image])
    assert oracle.seen == [(20, 30)]
    assert exact(found) == exact(oracle.predict([image])[0])


def test_all_tiles_have_one_size_and_the_whole_comes_on_top() -> None:
    oracle = PaintedPredictor()
    TiledPredictor(oracle, TileGrid((20, 40)), whole=True).predict([np.zeros((50, 90, 3), np.uint8)])
    assert oracle.seen == [(50, 90), *[(20, 40)] * 9]


def test_boxes_without_masks() -> None:
    bar = np.zeros((30, 60), bool)
    bar[10:20, 5:55] = True
    tiled = TiledPredictor(PaintedPredictor(with_masks=False), TileGrid((30, 24)))
    (found,) = tiled.predict([paint((30, 60), [(0, bar)])])
    assert found.masks is None
    assert found.boxes_xyxy.tolist() == [[5, 10, 55, 20]]


def test_limits() -> None:
    """Twelve apart objects, three in each of four tiles."""
    objects = []
    for k in range(12):
        bitmap = np.zeros((10, 120), bool)
        bitmap[2:8, 10 * k + 3 : 10 * k + 7] = True
        objects.append((0, bitmap))
    image, grid = paint((10, 120), objects), TileGrid((10, 31), 0.03)
    assert grid.count((10, 120)) == 4
    assert len(TiledPredictor(PaintedPredictor(), grid).predict([image])[0]) == 12
    assert len(TiledPredictor(PaintedPredictor(), grid).predict([image], max_objects=7)[0]) == 7
    assert len(TiledPredictor(PaintedPredictor(), grid, max_objects_a_tile=2).predict([image])[0]) == 8


class _Plenty:
    """Three large masks in the middle of each tile."""

    name, categories = "plenty", CATEGORIES

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        return [self._of(image) for image in images_rgb_u8]

    def _of(self, image: UInt8) -> Instances:
        height, width = image.shape[:2]
        masks = tuple(MaskCrop(np.ones((height - 60, width - 60), bool), 30, 30) for _ in range(3))
        boxes = np.array([mask.box_xyxy for mask in masks], np.float32)
        return Instances(boxes, np.full(3, 0.5, np.float32), np.arange(3), (height, width), masks)


def test_memory_does_not_grow_with_the_image() -> None:
    """Each row of 6 tiles brings 18 masks of 37 kB; an image of three times the rows holds no more of them."""
    tiled = TiledPredictor(_Plenty(), TileGrid((252, 252), 0.1))
    peaks = []
    for height in (1200, 3600):
        image = np.zeros((height, 1200, 3), np.uint8)
        tracemalloc.start()
        try:
            (found,) = tiled.predict([image], max_objects=20)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert len(found) == 20
    assert peaks[1] < peaks[0] + 18 * 37_000


def test_hundreds_of_objects() -> None:
    """On seams and beside them, all of one class."""
    random = np.random.default_rng(0)
    size_hw = (400, 640)
    bitmap = np.zeros(size_hw, np.uint8)
    for y, x in random.integers(0, size_hw, (400, 2)):
        cv2.circle(bitmap, (int(x), int(y)), int(random.integers(2, 9)), 1, -1)
    objects = [(1, part) for part in connected(bitmap.astype(bool))]
    image = paint(size_hw, objects)
    (found,) = TiledPredictor(PaintedPredictor(), TileGrid((90, 90))).predict([image], max_objects=1000)
    (truth,) = PaintedPredictor().predict([image], max_objects=1000)
    assert exact(found) == exact(truth)
