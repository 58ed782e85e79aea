"""Decoders of YOLO layouts against torchvision's suppression and PyTorch's interpolation of whole masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch.nn import functional

from seasift.core.boxes import greedy_nms
from seasift.core.decode import YolactDecode
from seasift.core.errors import ModelError
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import InputSpec, prepare

SIDE, CLASSES, K = 160, 3, 8
SETTINGS = YolactDecode(nms_iou=0.7)
SIZES = [(160, 160), (90, 160), (121, 77), (480, 640), (333, 1000)]


def letterbox(side: int = SIDE) -> InputSpec:
    return InputSpec((side, side), (0, 0, 0), (255, 255, 255), "letterbox", "linear", 114.0)


def random_rows(seed: int, count: int = 400) -> Any:
    """Boxes in clusters, so that many overlap: (count, 4) centre, width, height in px of the input."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(10, SIDE - 10, (12, 2))[rng.integers(12, size=count)]
    sides = rng.uniform(8, 60, (12, 2))[rng.integers(12, size=count)]
    noise = rng.normal(size=(count, 4)) * [2, 2, 3, 3]
    return (np.concatenate([centres, sides], axis=1) + noise).astype(np.float32)


def corners(rows: Any) -> Any:
    return np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], axis=1)


def slow_masks(prototypes: Any, coefficients: Any, boxes: Any, size_hw: tuple[int, int]) -> Any:
    """Whole masks: cut the letterbox off the prototypes, combine all, interpolate all, cut to the box."""
    cells = prototypes.shape[1]
    scale = min(cells / size_hw[0], cells / size_hw[1])
    rest = [(cells - round(side * scale)) / 2 for side in size_hw]
    (top, bottom), (left, right) = [(round(r - 0.1), cells - round(r + 0.1)) for r in rest]
    logits = torch.einsum("nk,khw->nhw", torch.tensor(coefficients), torch.tensor(prototypes))
    logits = logits[:, top:bottom, left:right]
    whole = functional.interpolate(logits[None], size_hw, mode="bilinear", align_corners=False)[0].numpy()
    rows, columns = np.arange(size_hw[0])[:, None], np.arange(size_hw[1])[None]
    inside = [(columns >= x1) & (columns < x2) & (rows >= y1) & (rows < y2) for x1, y1, x2, y2 in boxes]
    return np.stack([(one > 0) & cut for one, cut in zip(whole, inside, strict=True)])


def expected_boxes(raw: Any, size_hw: tuple[int, int]) -> Any:
    scale = min(SIDE / size_hw[0], SIDE / size_hw[1])
    top, left = [round((SIDE - round(side * scale)) / 2 - 0.1) for side in size_hw]
    boxes = (raw - np.array([left, top, left, top])) / scale
    return boxes.clip(0, [size_hw[1], size_hw[0]] * 2)


@pytest.mark.parametrize("iou", [0.3, 0.45, 0.7])
@pytest.mark.parametrize("count", [1, 40, 1500])
def test_greedy_suppression_is_torchvisions(iou: float, count: int) -> None:
    rng = np.random.default_rng(count)
    boxes, scores = corners(random_rows(count, count)), rng.random(count).astype(np.float32)
    labels = rng.integers(CLASSES, size=count)
    expected = torchvision.ops.batched_nms(
        torch.tensor(boxes), torch.tensor(scores), torch.tensor(labels), iou
    ).numpy()
    assert greedy_nms(boxes, scores, labels, iou=iou, keep=count).tolist() == expected.tolist()
    assert greedy_nms(boxes, scores, labels, iou=iou, keep=7).tolist() == expected[:7].tolist()


@pytest.mark.parametrize("layout", ["yolo-segment", "yolov5"])
@pytest.mark.parametrize("size_hw", SIZES)
def test_objects_and_masks_of_dense_layouts(layout: str, size_hw: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    rows = random_rows(2)
    class_scores = rng.random((len(rows), CLASSES)).astype(np.float32) ** 3
    coefficients = rng.normal(size=(len(rows), K)).astype(np.float32)
    prototypes = rng.normal(size=(K, SIDE // 4, SIDE // 4)).astype(np.float32)
    if layout == "yolo-segment":
        predictions = np.concatenate([rows, class_scores, coefficients], axis=1).T
        final = class_scores
    else:
        objectness = rng.random((len(rows), 1)).astype(np.float32)
        predictions = np.concatenate([rows, objectness, class_scores, coefficients], axis=1)
        final = class_scores * objectness
    found = OUTPUTS[layout].decode(
        {"predictions": np.ascontiguousarray(predictions), "prototype_masks": prototypes},
        size_hw=size_hw,
        spec=letterbox(),
        settings=SETTINGS,
        threshold=0.25,
        max_objects=50,
    )
    best, label = final.max(axis=1), final.argmax(axis=1)
    sure = np.flatnonzero(best > 0.25)
    boxes = corners(rows)
    kept = sure[
        torchvision.ops.batched_nms(
            torch.tensor(boxes[sure]), torch.tensor(best[sure]), torch.tensor(label[sure]), 0.7
        ).numpy()[:50]
    ]
    assert len(kept) > 10
    np.testing.assert_array_equal(found.scores, best[kept])
    np.testing.assert_array_equal(found.class_ids, label[kept])
    np.testing.assert_allclose(found.boxes_xyxy, expected_boxes(boxes[kept], size_hw), atol=1e-3)
    assert found.class_scores is not None
    np.testing.assert_array_equal(found.class_scores, final[kept])
    assert found.masks is not None
    slow = slow_masks(prototypes, coefficients[kept], found.boxes_xyxy, size_hw)
    assert slow.any(axis=(1, 2)).sum() > 10
    for mask, whole in zip(found.masks, slow, strict=True):
        different = np.count_nonzero(mask.bitmap(size_hw) != whole)
        assert different <= 1e-4 * whole.size  # pixels whose logit is 0 but for rounding


@pytest.mark.parametrize("size_hw", SIZES)
def test_a_known_object_of_the_end_to_end_layout(size_hw: tuple[int, int]) -> None:
    scale = min(SIDE / size_hw[0], SIDE / size_hw[1])
    top, left = [round((SIDE - round(side * scale)) / 2 - 0.1) for side in size_hw]
    wanted = np.array([[10.5, 12.5, 40.5, 60.5], [30, 5, 70, 55]], np.float32)  # in px of the image
    given = wanted * scale + np.array([left, top, left, top], np.float32)
    rows = np.array(
        [[*given[0], 0.4, 2, 1, 0], [*given[1], 0.9, 0, 0, 1], [*given[1], 0.1, 0, 0, 1]], np.float32
    )
    prototypes = np.stack([np.ones((40, 40)), -np.ones((40, 40))]).astype(np.float32)
    found = OUTPUTS["yolo-end2end"].decode(
        {"predictions": rows, "prototype_masks": prototypes},
        size_hw=size_hw,
        spec=letterbox(),
        settings=SETTINGS,
        threshold=0.25,
        max_objects=50,
    )
    np.testing.assert_allclose(found.scores, [0.9, 0.4])
    assert found.class_ids.tolist() == [0, 2]
    np.testing.assert_allclose(found.boxes_xyxy, wanted[::-1], atol=1e-3)
    assert found.masks is not None
    assert [mask.area for mask in found.masks] == [0, 30 * 48]


def test_chosen_classes_do_not_compete_with_others() -> None:
    raw = np.zeros((4 + CLASSES, 2), np.float32)
    raw[:4] = [[50, 50], [50, 50], [20, 20], [20, 20]]
    raw[4:] = [[0.9, 0.0], [0.5, 0.0], [0.0, 0.4]]

    def classes(chosen: list[int] | None) -> list[int]:
        return (
            OUTPUTS["yolo-detect"]
            .decode(
                {"predictions": raw},
                size_hw=(160, 160),
                spec=letterbox(),
                settings=SETTINGS,
                threshold=0.25,
                max_objects=9,
                class_ids=None if chosen is None else np.array(chosen),
            )
            .class_ids.tolist()
        )

    assert classes(None) == [0, 2]
    assert classes([1, 2]) == [1, 2]


@pytest.mark.parametrize("row", [0, 4])
def test_nan_is_an_error(row: int) -> None:
    raw = np.zeros((4 + CLASSES, 8), np.float32)
    raw[4, 3] = 0.9
    raw[row, 3] = np.nan
    with pytest.raises(ModelError, match="NaN"):
        OUTPUTS["yolo-detect"].decode(
            {"predictions": raw},
            size_hw=(160, 160),
            spec=letterbox(),
            settings=SETTINGS,
            threshold=0.25,
            max_objects=9,
        )


@pytest.mark.parametrize("size_hw", SIZES)
def test_a_letterbox_centres_the_image_on_grey(size_hw: tuple[int, int]) -> None:
    image = np.full((*size_hw, 3), (255, 0, 51), np.uint8)
    planes = prepare(image, letterbox())
    grey = np.float32(114 / 255)
    inside = planes[0] == 1
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert np.allclose(planes[:, ~inside], grey)
    assert np.allclose(planes[:, inside], np.array([[1], [0], [0.2]]))
    for side, filled in zip(size_hw, (rows, columns), strict=True):
        assert len(filled) == round(side * min(SIDE / size_hw[0], SIDE / size_hw[1]))
        assert (SIDE - 1 - filled[-1]) - filled[0] in (0, 1)
