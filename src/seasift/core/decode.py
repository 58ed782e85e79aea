"""Decode the output of a network into Instances, the same way in training and in use."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from seasift.core.boxes import fast_nms
from seasift.core.errors import ModelError
from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Float32, Int64, SizeHW

CUT_STEPS = 5


@dataclass(frozen=True)
class YolactDecode:
    """Settings for decoding YOLACT's output.

    Attributes:
        nms_iou: highest overlap that Fast NMS allows.
        top_k: number of boxes per class that take part in Fast NMS.
        mask_threshold: a pixel belongs to the object if its probability is above this.
        expected_iou: cut each mask where its own probabilities promise the largest IoU, instead of at
            `mask_threshold`, and multiply the score by that IoU.
    Source: cut: Nowozin 2014 (Optimal decisions from probabilistic models: the intersection-over-union case); factor:
        Huang et al. 2019 (Mask Scoring R-CNN), section 3, where a network predicts the IoU.
    """

    nms_iou: float = 0.5
    top_k: int = 200
    mask_threshold: float = 0.5
    expected_iou: bool = False


def decode_yolact(
    boxes_norm: Float32,
    scores: Float32,
    coefficients: Float32,
    prototypes: Float32,
    *,
    size_hw: SizeHW,
    settings: YolactDecode,
    threshold: float,
    max_objects: int,
    visible_yx: tuple[float, float] = (1.0, 1.0),
) -> Instances:
    """Select objects and assemble their masks.

    Args:
        boxes_norm: (P, 4) float32, x1, y1, x2, y2 relative to the input (0..1, may reach outside).
        scores: (P, C) float32 probabilities without background.
        coefficients: (P, K) float32.
        prototypes: (H', W', K) float32, of the whole input.
        size_hw: height and width of the original image, px.
        settings: the model's own thresholds.
        threshold: a prior takes part if any class scores above this. An object is kept if its final score, after any
            multiplication, is above it.
        max_objects: at most this many objects, the best.
        visible_yx: share of the input that the image fills, down and across, from its upper left corner.
    Returns:
        Instances best first. A box is clipped to the image; a mask may reach past its box by about one
        prototype pixel, and may be empty.
    Source: Bolya et al. 2019, sections 3.1 to 3.3.
    """
    kept = fast_nms(
        boxes_norm, scores, iou=settings.nms_iou, top_k=settings.top_k, keep=max_objects, threshold=threshold
    )
    if not len(kept.rows):
        return Instances.empty(size_hw)
    boxes = _ordered(boxes_norm[kept.rows])
    down, across = (_side(prototypes.shape[side], size_hw[side], visible_yx[side]) for side in (0, 1))
    masks, expected = zip(
        *(
            _mask(prototypes, mine, box, down, across, settings)
            for mine, box in zip(coefficients[kept.rows], boxes, strict=True)
        ),
        strict=True,
    )
    scale = np.array([size_hw[1], size_hw[0]] * 2, dtype=np.float32)
    visible = np.array(visible_yx[::-1] * 2, dtype=np.float32)
    pixels = np.clip(boxes * (scale / visible), 0, scale)
    found = Instances(pixels, kept.scores, kept.class_ids, size_hw, masks, class_scores=scores[kept.rows])
    return _rescored(found, np.array(expected, np.float32), threshold) if settings.expected_iou else found


def _rescored(found: Instances, factors: Float32, threshold: float) -> Instances:
    scores = found.scores * factors
    order = np.argsort(-scores, kind="stable")
    class_scores = None if found.class_scores is None else found.class_scores * factors[:, None]
    rescored = replace(found, scores=scores, class_scores=class_scores)
    return rescored.take(order[scores[order] > threshold])


def _ordered(boxes: Float32) -> Float32:
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    return np.concatenate([low, high], axis=1)


@dataclass(frozen=True, eq=False)
class _Side:
    """Position of the pixels of one side between prototype cells: linear, half-pixel centres, repeated ends.

    Attributes:
        cells: number of cells along the side of the whole input.
        low: (M,) the cell before each pixel's centre.
        high: (M,) the cell after it.
        part: (M, 1) float32 weight of `high` in the pixel's value.
        rest: (M, 1) float32 weight of `low`.
        whole: pixels per cell if that is a whole number, else 0.
    """

    cells: int
    low: Int64
    high: Int64
    part: Float32
    rest: Float32
    whole: int

    def reach(self, start: np.float32, end: np.float32) -> tuple[int, int]:
        """First and last + 1 cell k with `start * cells - 1 <= k < end * cells + 1`."""
        first, last = (
            math.ceil(np.float32(start) * self.cells - 1),
            math.ceil(np.float32(end) * self.cells + 1),
        )
        return max(first, 0), min(last, self.cells)

    def enlarge(self, values: Float32, reach: tuple[int, int]) -> tuple[int, Float32]:
        """Enlarge rows (N, W) at the cells of `reach`, zeros elsewhere, to pixels.

        Returns:
            The first pixel affected by the reach, and the affected pixels (M, W).
        """
        first, last = int(self.high.searchsorted(reach[0])), int(self.low.searchsorted(reach[1]))
        padded = np.zeros((len(values) + 2, values.shape[1]), np.float32)
        padded[1:-1] = values
        pixels = padded.take(self.low[first:last] - (reach[0] - 1), axis=0)
        pixels *= self.rest[first:last]
        behind = padded.take(self.high[first:last] - (reach[0] - 1), axis=0)
        behind *= self.part[first:last]
        pixels += behind
        return first, pixels


@lru_cache(maxsize=8)
def _side(cells: int, pixels: int, visible: float) -> _Side:
    """The side of an image with this many pixels that covers this share of the input's cells."""
    centre = np.clip((np.arange(pixels) + 0.5) * (cells * visible / pixels) - 0.5, 0, None)
    low = np.minimum(centre.astype(np.int64), cells - 1)
    part = (centre - low).astype(np.float32)[:, None]
    ratio = pixels / (cells * visible)
    whole = (
        round(ratio) if abs(ratio - round(ratio)) * cells < 1e-4 else 0
    )  # a negligible error at the far end
    return _Side(cells, low, np.minimum(low + 1, cells - 1), part, 1 - part, whole)


def _mask(
    prototypes: Float32,
    coefficients: Float32,
    box_norm: Float32,
    down: _Side,
    across: _Side,
    settings: YolactDecode,
) -> tuple[MaskCrop, float]:
    """Combine, sigmoid, cut to the box (one prototype pixel wider), enlarge bilinearly, threshold.

    Returns the expected IoU, too, if requested.

    Only the part of the image that the box can reach is computed, so the cost of a 4K frame depends on its objects.
    Matrix products are avoided: awake BLAS threads spin on the cores that the engine needs for the next image, and
    slow it by a third.
    """
    rows, columns = down.reach(box_norm[1], box_norm[3]), across.reach(box_norm[0], box_norm[2])
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        return MaskCrop(np.zeros((0, 0), dtype=bool), 0, 0), 0.0
    logits = np.einsum("hwk,k->hw", prototypes[slice(*rows), slice(*columns)], coefficients)
    np.negative(logits, out=logits)
    np.minimum(logits, 80, out=logits)  # beyond this, exp overflows float32
    np.exp(logits, out=logits)
    logits += 1
    probability = np.reciprocal(logits, out=logits)
    threshold, expected = _best_cut(probability) if settings.expected_iou else (settings.mask_threshold, 1.0)
    if down.whole and across.whole:
        top, left, enlarged = _enlarge_whole(probability, rows, columns, down, across)
    else:
        left, wide = across.enlarge(probability.T, columns)
        top, enlarged = down.enlarge(wide.T, rows)
    return MaskCrop.from_bitmap(enlarged > threshold, left, top), expected


def _best_cut(probability: Float32) -> tuple[float, float]:
    """Threshold of a mask (h, w) for the largest expected IoU, and that IoU.

    The expected IoU of the cells M and the truth is the ratio of the expected intersection and union, with independent
    cells of probability p: sum over M of p / (|M| + sum outside M of p). The best M holds the cells of p > J / (1 + J),
    with J the largest ratio, which a few steps reach from below.
    Source: Nowozin 2014, section 4; Dinkelbach 1967 (On nonlinear fractional programming).
    """
    total, cut, expected = float(probability.sum()), 0.5, 0.0
    for _ in range(CUT_STEPS):
        inside = probability[probability > cut]
        shared = float(inside.sum())
        expected = shared / (len(inside) + total - shared)
        cut = expected / (1 + expected)
    return cut, expected


def _enlarge_whole(
    values: Float32, rows: tuple[int, int], columns: tuple[int, int], down: _Side, across: _Side
) -> tuple[int, int, Float32]:
    """`_Side.enlarge` in both directions, for sizes at which OpenCV resizes a part like the whole.

    Returns:
        The first row and column of pixels, and the pixels, cut to the image.
    """
    # Pad with zeros, except at the end of the input: there, repeat the last cell.
    before = (int(rows[0] > 0), int(columns[0] > 0))
    behind = (int(rows[1] < down.cells), int(columns[1] < across.cells))
    padded = cv2.copyMakeBorder(
        values, before[0], behind[0], before[1], behind[1], cv2.BORDER_CONSTANT, value=0
    )
    size = (padded.shape[1] * across.whole, padded.shape[0] * down.whole)
    top, left = (rows[0] - before[0]) * down.whole, (columns[0] - before[1]) * across.whole
    enlarged = cv2.resize(padded, size, interpolation=cv2.INTER_LINEAR)
    visible = enlarged[: max(len(down.low) - top, 0), : max(len(across.low) - left, 0)]
    return top, left, np.asarray(visible)


def decode_rcnn(
    boxes_norm: Float32,
    scores: Float32,
    classes: Float32,
    masks: Float32 | None,
    *,
    size_hw: SizeHW,
    visible_yx: tuple[float, float],
    mask_threshold: float,
    threshold: float,
    max_objects: int,
    class_ids: Int64 | None = None,
) -> Instances:
    """Keep the best objects and paste their masks.

    Args:
        boxes_norm: (N, 4) float32, x1, y1, x2, y2 relative to the network's input.
        scores: (N,) float32, best first; 0 fills unused rows.
        classes: (N,) float32, the class_id of each.
        masks: (N, M, M) float32 probabilities inside each box; None for a network without masks.
        size_hw: height and width of the original image, px.
        visible_yx: share of the input that the image fills, down and across.
        mask_threshold: a pixel belongs to the object if its probability is above this.
        threshold: an object is kept if its score is above this.
        max_objects: at most this many objects, the best.
        class_ids: find only these; None: all.
    Returns:
        Instances best first; without masks if the model has none.
    Source: He et al. 2017, section 3.1; pasting as torchvision does it.
    """
    wanted = scores > max(threshold, 0.0)
    if class_ids is not None:
        wanted &= np.isin(classes, class_ids)
    rows = np.flatnonzero(wanted)[:max_objects]
    if not len(rows):
        return Instances.empty(size_hw, with_masks=masks is not None)
    scale = np.array([size_hw[1] / visible_yx[1], size_hw[0] / visible_yx[0]] * 2, dtype=np.float32)
    edge = np.array([size_hw[1], size_hw[0]] * 2, dtype=np.float32)
    boxes = np.clip(boxes_norm[rows] * scale, 0, edge)
    pasted = None
    if masks is not None:
        pasted = tuple(
            paste_mask(mask, box, size_hw, mask_threshold)
            for mask, box in zip(masks[rows], boxes, strict=True)
        )
    return Instances(boxes, scores[rows], classes[rows].astype(np.int64), size_hw, pasted)


def paste_mask(mask: Float32, box_xyxy: Float32, size_hw: SizeHW, threshold: float) -> MaskCrop:
    """Enlarge (M, M) probabilities to a box in pixels and threshold them; parts outside the image are cut."""
    side = mask.shape[0]
    padded = np.pad(mask, 1)
    centre, half = (box_xyxy[:2] + box_xyxy[2:]) / 2, (box_xyxy[2:] - box_xyxy[:2]) / 2
    half = half * np.float32((side + 2) / side)
    x1, y1, x2, y2 = (int(value) for value in (*(centre - half), *(centre + half)))  # towards zero
    width, height = max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)
    enlarged = cv2.resize(padded, (width, height), interpolation=cv2.INTER_LINEAR)
    top, left = max(y1, 0), max(x1, 0)
    inside = enlarged[top - y1 : max(size_hw[0] - y1, 0), left - x1 : max(size_hw[1] - x1, 0)]
    return MaskCrop.from_bitmap(np.asarray(inside > threshold), left, top)


def check_finite(values: Float32) -> None:
    """Check that outputs hold neither NaN nor infinity.

    Raises:
        ModelError: they do.
    """
    if not np.isfinite(values).all():
        raise ModelError(
            "the model's outputs hold NaN or infinity for an image; expected finite numbers. "
            "Export the model again in float32."
        )
