"""Dynamic masks against a network that runs cell by cell, in loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.core.decode import YolactDecode, decode_dynamic, decode_yolact
from seasift.core.dynamic_masks import FEATURES, PARAMETERS, dynamic_logits

from ..oracles import dynamic as oracle
from ..oracles import yolact as yolact_oracle

Reach = tuple[tuple[int, int], tuple[int, int]]


def random_boxes(random: np.random.Generator, count: int) -> np.ndarray:
    low = random.uniform(-0.1, 0.8, (count, 2))
    return np.concatenate([low, low + random.uniform(0.001, 0.5, (count, 2))], axis=1).astype(np.float32)


def drawn(random: np.random.Generator, count: int, height: int, width: int) -> tuple[Any, Any, Any]:
    """Features, parameters and boxes of `count` objects."""
    features = random.normal(0, 1, (height, width, FEATURES)).astype(np.float32)
    parameters = random.normal(0, 0.5, (count, PARAMETERS)).astype(np.float32)
    return features, parameters, random_boxes(random, count)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 4),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    data=st.data(),
)
def test_logits_equal_the_loops(seed: int, count: int, height: int, width: int, data: st.DataObject) -> None:
    features, parameters, boxes = drawn(np.random.default_rng(seed), count, height, width)

    def cells(side: int) -> tuple[int, int]:
        first, last = sorted(data.draw(st.integers(0, side)) for _ in range(2))
        return first, last

    reaches = [(cells(height), cells(width)) for _ in range(count)]
    found = list(dynamic_logits(features, parameters, boxes, reaches))
    assert len(found) == count
    for k, (rows, columns) in enumerate(reaches):
        expected = oracle.logits(features, parameters[k], boxes[k], rows, columns)
        assert found[k].shape == expected.shape
        np.testing.assert_allclose(found[k], expected, rtol=1e-4, atol=1e-4)


def test_large_objects_are_computed_in_parts_that_fit_together() -> None:
    features, parameters, boxes = drawn(np.random.default_rng(1), 2, 60, 70)
    reaches: list[Reach] = [((0, 60), (0, 70)), ((3, 50), (1, 69))]
    found = list(dynamic_logits(features, parameters, boxes, reaches))
    rows, columns = (10, 60), (30, 70)
    expected = oracle.logits(features, parameters[0], boxes[0], rows, columns)
    np.testing.assert_allclose(found[0][10:, 30:], expected, rtol=1e-4, atol=1e-4)
    expected = oracle.logits(features, parameters[1], boxes[1], (40, 50), (60, 69))
    np.testing.assert_allclose(found[1][37:, 59:], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size_hw", [(27, 48), (7, 5), (48, 36)])
@pytest.mark.parametrize("seed", range(3))
def test_masks_equal_the_pixel_loops(size_hw: tuple[int, int], seed: int) -> None:
    features, parameters, boxes = drawn(np.random.default_rng(seed), 6, 12, 12)
    scores = np.eye(6, dtype=np.float32) * np.linspace(0.9, 0.4, 6, dtype=np.float32)
    found = decode_dynamic(
        boxes, scores, parameters, features,
        size_hw=size_hw, settings=YolactDecode(), threshold=0.1, max_objects=6,
    )  # fmt: skip
    assert found.class_ids.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.masks is not None
    for place, mask in enumerate(found.masks):
        whole = oracle.logits(features, parameters[place], boxes[place], (0, 12), (0, 12))
        # One prototype that holds the logits themselves: what follows them is as for prototypes.
        expected = yolact_oracle.assemble_mask(np.ones(1), whole[..., None], boxes[place], size_hw)
        sure = np.abs(expected - 0.5) > 1e-4  # float32 may fall either way on the very border
        np.testing.assert_array_equal(mask.bitmap(size_hw)[sure], (expected > 0.5)[sure])


def test_an_object_beyond_the_input_has_an_empty_mask() -> None:
    features, parameters, _ = drawn(np.random.default_rng(2), 2, 6, 8)
    boxes = np.array([[1.5, 1.5, 1.8, 1.8], [0.2, 0.2, 0.7, 0.9]], np.float32)
    found = decode_dynamic(
        boxes, np.eye(2, dtype=np.float32), parameters, features,
        size_hw=(40, 48), settings=YolactDecode(), threshold=0.5, max_objects=6,
    )  # fmt: skip
    assert found.masks is not None
    assert found.masks[0].area == 0


def test_one_layer_that_passes_a_feature_on_is_that_prototype() -> None:
    """A hand-made network: both hidden layers keep feature 3, the last gives 4 times it less 2."""
    random = np.random.default_rng(3)
    features = random.uniform(0, 1, (10, 12, FEATURES)).astype(np.float32)
    first, second = np.zeros((10, 8)), np.zeros((8, 8))
    first[3, 5] = second[5, 1] = 1
    last = np.zeros((8, 1))
    last[1] = 4
    parts = [first.ravel(), np.zeros(8), second.ravel(), np.zeros(8), last.ravel(), [-2.0]]
    parameters = np.concatenate(parts).astype(np.float32)[None]
    assert parameters.shape == (1, PARAMETERS)
    box, score = np.array([[0.1, 0.2, 0.8, 0.9]], np.float32), np.ones((1, 1), np.float32)
    common: Any = {"size_hw": (40, 48), "settings": YolactDecode(), "threshold": 0.5, "max_objects": 1}
    found = decode_dynamic(box, score, parameters, features, **common)
    same = decode_yolact(box, score, np.ones((1, 1), np.float32), 4 * features[..., 3:4] - 2, **common)
    assert found.masks is not None
    assert same.masks is not None
    assert found.masks[0].area > 100
    np.testing.assert_array_equal(found.masks[0].bitmap((40, 48)), same.masks[0].bitmap((40, 48)))


def test_coordinates_reach_from_one_side_of_the_box_to_the_other() -> None:
    """A hand-made network that gives the distance from the box's left side, in halves of its width."""
    first, second, last = np.zeros((10, 8)), np.zeros((8, 8)), np.zeros((8, 1))
    first[FEATURES, 0] = second[0, 0] = last[0] = 1
    bias = np.zeros(8)
    bias[0] = 1
    parts = [first.ravel(), bias, second.ravel(), np.zeros(8), last.ravel(), np.zeros(1)]
    parameters = np.concatenate(parts).astype(np.float32)[None]
    box = np.array([[0.25, 0.0, 0.75, 1.0]], np.float32)  # columns 4 to 12 of 16
    (found,) = dynamic_logits(np.zeros((3, 16, FEATURES), np.float32), parameters, box, [((0, 3), (0, 16))])
    expected = [max((column + 0.5 - 4) / 4, 0) for column in range(16)]
    np.testing.assert_allclose(found, np.tile(expected, (3, 1)), atol=1e-6)
    assert math.isclose(found[0, 8] - found[0, 7], 0.25, abs_tol=1e-6)
