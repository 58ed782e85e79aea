"""Images laid side by side, and their truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seasift.core.image import write_image
from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage
from seasift.data.prepared import DataSplit
from seasift.data.synthetic import lay_out, read_pieces
from tests.painted import CATEGORIES, PaintedPredictor, paint

SIZE = (12, 20)


def split_of(folder: Path, count: int) -> DataSplit:
    """Painted images with a square in a place of its own, and one of another size among them."""
    images, annotations = [], []
    for k in range(count):
        size_hw = (9, 9) if k == 1 else SIZE
        bitmap = np.zeros(size_hw, bool)
        bitmap[1:5, k % 5 + 1 : k % 5 + 4] = True
        pixels = paint(size_hw, [(k % 3, bitmap)])
        write_image(folder / f"{k}.png", pixels)
        (found,) = PaintedPredictor().predict([pixels])
        assert found.masks is not None
        mask, image = found.masks[0], CocoImage(50 + k, f"{k}.png", size_hw)
        x1, y1, x2, y2 = mask.box_xyxy
        box = (float(x1), float(y1), float(x2 - x1), float(y2 - y1))
        images.append(image)
        annotations.append(
            CocoAnnotation(k, image.id, k % 3 + 1, box, mask.area, False, mask.rle(image.size_hw))
        )
    return DataSplit(CocoDataset(CATEGORIES, tuple(images), tuple(annotations)), folder, "painted")


def test_truth_and_predictions_move_with_their_images(tmp_path: Path) -> None:
    split = split_of(tmp_path, 10)
    mosaics, truth = lay_out(split, across=2, down=2)
    assert [[piece.file_name for piece in each.pieces] for each in mosaics] == [
        ["0.png", "2.png", "3.png", "4.png"],
        ["5.png", "6.png", "7.png", "8.png"],
    ], "9 does not fill a mosaic, nor does 1, the only one of its size"
    assert [image.size_hw for image in truth.images] == [(24, 40)] * 2
    for mosaic, image in zip(mosaics, truth.images, strict=True):
        loaded = read_pieces(split, mosaic)
        gathered = mosaic.gather(PaintedPredictor().predict(loaded))
        assert gathered.masks is not None
        whole = mosaic.assemble(loaded)
        painted = whole[..., 0] > 0
        expected = sum(mask.bitmap(mosaic.size_hw).astype(int) for mask in gathered.masks)
        np.testing.assert_array_equal(expected, painted)
        for annotation, mask, box in zip(
            truth.annotations_of(image.id), gathered.masks, gathered.boxes_xyxy, strict=True
        ):
            np.testing.assert_array_equal(
                annotation.mask(image.size_hw).bitmap(image.size_hw), mask.bitmap(image.size_hw)
            )
            x, y, width, height = annotation.bbox_xywh
            assert [x, y, x + width, y + height] == box.tolist()
