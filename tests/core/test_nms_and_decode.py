"""Fast NMS and mask assembly against slow, obvious versions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.core.boxes import fast_nms, pairwise_iou
from seasift.core.decode import YolactDecode, decode_yolact
from seasift.core.instances import Instances

from ..oracles import yolact as oracle


def random_boxes(random: np.random.Generator, count: int) -> np.ndarray:
    low = random.uniform(-0.1, 0.8, (count, 2))
    return np.concatenate([low, low + random.uniform(0.02, 0.4, (count, 2))], axis=1).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 30), levels=st.sampled_from([4, 1000]))
def test_fast_nms_equals_the_loops(seed: int, count: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    boxes = random_boxes(random, count)
    scores = (random.integers(0, levels, (count, 3)) / levels).astype(np.float32)  # few levels: many ties
    kept = fast_nms(boxes, scores, iou=0.3, top_k=12, keep=20)
    expected = oracle.fast_nms(boxes, scores, iou_limit=0.3, top_k=12, keep=20)
    assert (
        list(zip(kept.rows.tolist(), kept.class_ids.tolist(), kept.scores.tolist(), strict=True)) == expected
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(0, 30), threshold=st.sampled_from([0.0, 0.25, 0.5, 2.0])
)
def test_what_fast_nms_leaves_out_changes_nothing_above_it(seed: int, count: int, threshold: float) -> None:
    random = np.random.default_rng(seed)
    boxes, scores = random_boxes(random, count), (random.integers(0, 9, (count, 3)) / 8).astype(np.float32)
    all_of_them = oracle.fast_nms(boxes, scores, iou_limit=0.3, top_k=12, keep=20)
    kept = fast_nms(boxes, scores, iou=0.3, top_k=12, keep=20, threshold=threshold)
    found = list(zip(kept.rows.tolist(), kept.class_ids.tolist(), kept.scores.tolist(), strict=True))
    assert found == [each for each in all_of_them if each[2] > threshold]


def test_iou_of_boxes_without_area_is_zero() -> None:
    point = np.array([[0.5, 0.5, 0.5, 0.5]], np.float32)
    assert pairwise_iou(point, point).tolist() == [[0.0]]


@pytest.mark.parametrize("size_hw", [(27, 48), (7, 5), (1, 1), (90, 40), (48, 36), (12, 60)])
@pytest.mark.parametrize("seed", range(4))
def test_masks_equal_the_pixel_loops(size_hw: tuple[int, int], seed: int) -> None:
    random = np.random.default_rng(seed)
    prototypes = np.abs(random.normal(0, 1, (12, 12, 4))).astype(np.float32)
    coefficients = np.tanh(random.normal(0, 1, (6, 4))).astype(np.float32)
    boxes = random_boxes(random, 6)
    boxes[0] = boxes[0][[2, 3, 0, 1]]  # corners the wrong way round
    scores = np.eye(6, dtype=np.float32) * np.linspace(0.9, 0.4, 6, dtype=np.float32)
    found = decode_yolact(
        boxes, scores, coefficients, prototypes,
        size_hw=size_hw, settings=YolactDecode(), threshold=0.1, max_objects=6,
    )  # fmt: skip
    assert found.class_ids.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.masks is not None
    for index, mask in enumerate(found.masks):
        expected = oracle.assemble_mask(coefficients[index], prototypes, boxes[index], size_hw)
        sure = np.abs(expected - 0.5) > 1e-5  # float32 may fall either way on the very border
        np.testing.assert_array_equal(mask.bitmap(size_hw)[sure], (expected > 0.5)[sure])


def test_masks_of_the_largest_expected_iou_and_scores_times_it() -> None:
    random = np.random.default_rng(3)
    prototypes = random.normal(0, 1, (10, 12, 4)).astype(np.float32)
    coefficients = random.normal(0, 1, (6, 4)).astype(np.float32)
    coefficients[4] = 0  # probabilities of .5 everywhere
    coefficients[5] *= 0.1  # some way off on either side of it
    boxes = random_boxes(random, 6).clip(0, 1)
    scores = np.eye(6, dtype=np.float32) * np.linspace(0.9, 0.85, 6, dtype=np.float32)

    def found(settings: YolactDecode, threshold: float = 0.0) -> Instances:
        return decode_yolact(
            boxes, scores, coefficients, prototypes,
            size_hw=(40, 48), settings=settings, threshold=threshold, max_objects=6,
        )  # fmt: skip

    expected, cuts = {}, {}
    for k, (x1, y1, x2, y2) in enumerate(boxes):
        cells = sorted(
            1 / (1 + np.exp(-(prototypes[y, x] @ coefficients[k]).astype(np.float64)))
            for y in range(10)
            for x in range(12)
            if y1 * 10 - 1 <= y < y2 * 10 + 1 and x1 * 12 - 1 <= x < x2 * 12 + 1
        )[::-1]
        ious = [
            sum(cells[:n]) / (n + sum(cells[n:])) for n in range(1, len(cells) + 1)
        ]  # every number of cells
        expected[k], cuts[k] = scores[k, k] * max(ious), max(ious) / (1 + max(ious))
    order = sorted(expected, key=lambda k: -expected[k])
    assert order != sorted(order)
    best = found(YolactDecode(mask_threshold=0.9, expected_iou=True))
    assert best.class_ids.tolist() == order
    np.testing.assert_allclose(best.scores, [expected[k] for k in order], rtol=1e-5)
    assert best.masks is not None
    for k, mask, box in zip(order, best.masks, best.boxes_xyxy, strict=True):
        plain = found(YolactDecode(mask_threshold=cuts[k]))
        assert plain.masks is not None
        np.testing.assert_array_equal(mask.bitmap((40, 48)), plain.masks[k].bitmap((40, 48)))
        np.testing.assert_array_equal(box, plain.boxes_xyxy[k])
    limit = float(best.scores[2])
    assert found(YolactDecode(expected_iou=True), limit).class_ids.tolist() == order[:2]


def test_an_object_beyond_the_input_expects_nothing() -> None:
    box = np.array([[1.5, 1.5, 1.8, 1.8]], np.float32)
    found = decode_yolact(
        box, np.ones((1, 1), np.float32), np.ones((1, 4), np.float32), np.ones((10, 12, 4), np.float32),
        size_hw=(40, 48), settings=YolactDecode(expected_iou=True), threshold=0.0, max_objects=6,
    )  # fmt: skip
    assert len(found) == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_image_that_fills_part_of_the_input_is_that_part_of_the_whole(seed: int) -> None:
    random = np.random.default_rng(seed)
    prototypes = random.normal(0, 1, (12, 16, 4)).astype(np.float32)
    coefficients = random.normal(0, 1, (6, 4)).astype(np.float32)
    boxes, scores = random_boxes(random, 6), np.eye(6, dtype=np.float32) * np.float32(0.9)

    def found(size_hw: tuple[int, int], visible_yx: tuple[float, float]) -> Instances:
        return decode_yolact(
            boxes, scores, coefficients, prototypes,
            size_hw=size_hw, visible_yx=visible_yx, settings=YolactDecode(), threshold=0.1, max_objects=6,
        )  # fmt: skip

    part, whole = found((60, 90), (0.75, 0.9)), found((80, 100), (1.0, 1.0))
    np.testing.assert_allclose(part.boxes_xyxy, np.clip(whole.boxes_xyxy, 0, [90, 60] * 2), atol=1e-4)
    assert part.masks is not None
    assert whole.masks is not None
    for mine, theirs in zip(part.masks, whole.masks, strict=True):
        np.testing.assert_array_equal(mine.bitmap((60, 90)), theirs.bitmap((80, 100))[:60, :90])


def test_boxes_are_clipped_to_the_image_and_put_in_order() -> None:
    boxes = np.array([[1.2, 0.5, -0.2, 0.1]], np.float32)
    prototypes = np.ones((4, 4, 1), np.float32)
    found = decode_yolact(
        boxes, np.array([[0.9]], np.float32), np.ones((1, 1), np.float32), prototypes,
        size_hw=(100, 200), settings=YolactDecode(), threshold=0.1, max_objects=5,
    )  # fmt: skip
    np.testing.assert_allclose(found.boxes_xyxy, [[0, 10, 200, 50]], atol=1e-4)


@pytest.mark.parametrize("priors", [0, 3])
def test_nothing_above_the_threshold_is_no_objects(priors: int) -> None:
    found = decode_yolact(
        np.zeros((priors, 4), np.float32), np.full((priors, 2), 0.2, np.float32),
        np.zeros((priors, 1), np.float32), np.zeros((4, 4, 1), np.float32),
        size_hw=(10, 10), settings=YolactDecode(), threshold=0.2, max_objects=5,
    )  # fmt: skip
    assert len(found) == 0
    assert found.masks == ()


def test_limits_hold() -> None:
    random = np.random.default_rng(0)
    boxes = np.stack([np.array([i, 0, i + 0.5, 1]) for i in range(20)]).astype(np.float32) / 20
    scores = random.uniform(0.3, 1, (20, 2)).astype(np.float32)
    found = decode_yolact(
        boxes, scores, np.ones((20, 1), np.float32), np.ones((4, 4, 1), np.float32),
        size_hw=(40, 40), settings=YolactDecode(), threshold=0.1, max_objects=7,
    )  # fmt: skip
    assert len(found) == 7
    assert found.scores.tolist() == sorted(scores.ravel(), reverse=True)[:7]
