"""Mask crops and their views against pycocotools and plain bitmaps."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as reference

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop, from_coco


def random_bitmap(seed: int, height: int, width: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    noise = random.random((height, width))
    if seed % 2:
        noise = cv2.GaussianBlur(noise, (7, 7), 2)
    return noise < np.quantile(noise, random.random())


shapes = {"seed": st.integers(0, 10_000), "height": st.integers(1, 40), "width": st.integers(1, 40)}


@settings(max_examples=100, deadline=None)
@given(**shapes)
def test_rle_equals_pycocotools(seed: int, height: int, width: int) -> None:
    bitmap = random_bitmap(seed, height, width)
    expected = reference.encode(np.asfortranarray(bitmap.astype(np.uint8)))
    got = MaskCrop.from_bitmap(bitmap).rle((height, width))
    assert got == {"size": [height, width], "counts": expected["counts"].decode()}


@settings(max_examples=100, deadline=None)
@given(**shapes)
def test_bitmap_and_rle_come_back(seed: int, height: int, width: int) -> None:
    bitmap = random_bitmap(seed, height, width)
    mask = MaskCrop.from_bitmap(bitmap)
    np.testing.assert_array_equal(mask.bitmap((height, width)), bitmap)
    np.testing.assert_array_equal(
        from_coco(mask.rle((height, width)), (height, width)).bitmap((height, width)), bitmap
    )
    assert mask.area == bitmap.sum()


@settings(max_examples=100, deadline=None)
@given(**shapes)
def test_polygons_rasterise_to_the_mask_with_its_holes_filled(seed: int, height: int, width: int) -> None:
    bitmap = random_bitmap(seed, height, width)
    outside = np.pad(~bitmap, 1, constant_values=True).astype(np.uint8)
    _, regions = cv2.connectedComponents(outside, connectivity=4)
    filled = (regions != regions[0, 0])[1:-1, 1:-1]
    rings = MaskCrop.from_bitmap(bitmap).polygons()
    if not rings:
        assert not bitmap.any()
        return
    rle = reference.merge(reference.frPyObjects(rings, height, width))
    np.testing.assert_array_equal(reference.decode(rle).astype(bool), filled)


def test_a_mask_that_reaches_outside_is_cut() -> None:
    mask = MaskCrop(np.ones((4, 4), bool), -2, -1)
    expected = np.zeros((5, 6), bool)
    expected[:3, :2] = True
    np.testing.assert_array_equal(mask.bitmap((5, 6)), expected)
    assert reference.decode(mask.rle((5, 6))).astype(bool).tolist() == expected.tolist()
    assert (
        MaskCrop(np.ones((2, 2), bool), 9, 9).rle((5, 6))["counts"]
        == reference.encode(np.asfortranarray(np.zeros((5, 6), np.uint8)))["counts"].decode()
    )


def test_all_coco_forms_decode_to_the_same() -> None:
    bitmap = np.zeros((6, 8), bool)
    bitmap[1:4, 2:6] = True
    uncompressed = {"size": [6, 8], "counts": [13, 3, 3, 3, 3, 3, 3, 3, 14]}
    for form in ([[2, 1, 6, 1, 6, 4, 2, 4]], uncompressed, MaskCrop.from_bitmap(bitmap).rle((6, 8))):
        np.testing.assert_array_equal(from_coco(form, (6, 8)).bitmap((6, 8)), bitmap)


@pytest.mark.parametrize("wrong", [[], "text", None, 3])
def test_what_is_no_segmentation_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="expected polygons or RLE"):
        from_coco(wrong, (5, 5))


def test_instances_refuse_parts_that_do_not_belong_together() -> None:
    boxes, scores, classes = np.zeros((2, 4), np.float32), np.zeros(2, np.float32), np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="same objects"):
        Instances(boxes, scores[:1], classes, (5, 5))
    with pytest.raises(ValueError, match="1 masks for 2 objects"):
        Instances(boxes, scores, classes, (5, 5), (MaskCrop(np.zeros((0, 0), bool), 0, 0),))


def test_take_keeps_the_order_asked_for() -> None:
    masks = tuple(MaskCrop(np.ones((1, i + 1), bool), 0, 0) for i in range(3))
    found = Instances(
        np.zeros((3, 4), np.float32), np.array([0.3, 0.2, 0.1], np.float32), np.arange(3), (5, 5), masks
    )
    taken = found.take(np.array([2, 0]))
    assert taken.class_ids.tolist() == [2, 0]
    assert [mask.area for mask in taken.masks or ()] == [3, 1]
    assert found.take(np.array([False, True, False])).class_ids.tolist() == [1]
