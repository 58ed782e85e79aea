"""Stitched TrashCan images, whose truth is known: a faultless predictor's objects, and the bundled model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from seasift.core.instances import Instances
from seasift.core.tiling import TileGrid
from seasift.data.coco import CocoDataset
from seasift.data.prepare import prepare
from seasift.data.prepared import DataSplit
from seasift.data.synthetic import Mosaic, lay_out, read_pieces
from seasift.evaluation.coco_metrics import evaluate
from seasift.inference.predictor import load_predictor
from seasift.inference.tiling import TiledPredictor
from tests.painted import PaintedPredictor, paint

pytestmark = pytest.mark.slow

GRID = TileGrid((270, 480))
MOSAICS = 6


@pytest.fixture(scope="module")
def split(trashcan_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> DataSplit:
    """Official val with exact masks: half a minute."""
    prepared = prepare(trashcan_zip, tmp_path_factory.mktemp("trashcan"))[0]
    return prepared.split("instance", "exact", "official", "val")


def test_real_masks_come_back_once(split: DataSplit) -> None:
    """Each 8-connected split of each object as an object of its own, so that a seam can split none of them."""
    mosaics, truth = lay_out(split)
    count = 0
    for image in truth.images[:: len(mosaics) // MOSAICS]:
        splits = []
        for annotation in truth.annotations_of(image.id):
            bitmap = annotation.mask(image.size_hw).bitmap(image.size_hw).astype(np.uint8)
            last, numbers = cv2.connectedComponents(bitmap, connectivity=8)
            splits += [(0, numbers == number) for number in range(1, last)]
        pixels = paint(image.size_hw, splits)
        oracle = PaintedPredictor()
        (expected,) = oracle.predict([pixels], max_objects=10_000)
        (found,) = TiledPredictor(oracle, GRID, max_objects_a_tile=10_000).predict(
            [pixels], max_objects=10_000
        )
        assert masks_of(found) == masks_of(expected)
        count += len(expected)
    assert count > 100


def masks_of(found: Instances) -> list[str]:
    return sorted(mask.rle(found.size_hw)["counts"] for mask in found.masks or ())


def test_the_model_in_the_box(split: DataSplit) -> None:
    """Tiles find much of what the model finds image by image, count no more, and the whole finds nothing."""
    mosaics, truth = lay_out(split)
    chosen = range(0, len(mosaics), len(mosaics) // MOSAICS)
    truth = truth.subset([truth.images[k].file_name for k in chosen])
    model = load_predictor()

    def evaluated(look: Callable[[Mosaic, float], Instances], threshold: float) -> tuple[float, int]:
        found = {k: look(mosaics[k], threshold) for k in chosen}
        return ap(truth, found), sum(map(len, found.values()))

    def by_image(mosaic: Mosaic, threshold: float) -> Instances:
        return mosaic.gather(model.predict(read_pieces(split, mosaic), threshold=threshold))

    def by_tile(mosaic: Mosaic, threshold: float) -> Instances:
        large = mosaic.assemble(read_pieces(split, mosaic))
        return TiledPredictor(model, GRID).predict([large], threshold=threshold, max_objects=2000)[0]

    def whole(mosaic: Mosaic, threshold: float) -> Instances:
        return model.predict([mosaic.assemble(read_pieces(split, mosaic))], threshold=threshold)[0]

    def ap(truth: CocoDataset, found: dict[int, Instances]) -> float:
        return evaluate(truth, found, model.categories).masks["AP"] or 0.0

    best, tiled, alone = (evaluated(look, 0.05)[0] for look in (by_image, by_tile, whole))
    assert tiled > 0.5 * best
    assert alone < 0.2 * best
    one_by_one, in_tiles = (evaluated(look, 0.2)[1] for look in (by_image, by_tile))
    assert abs(in_tiles - one_by_one) < 0.3 * one_by_one
