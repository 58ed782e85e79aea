"""Boxes in NumPy: overlap, Fast non-maximum suppression and class-agnostic suppression."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from seasift.core.instances import Instances
from seasift.core.types import Bool, Float32, Int64


def pairwise_iou(a_xyxy: Float32, b_xyxy: Float32) -> Float32:
    """Intersection over union of (..., N, 4) with (..., M, 4) boxes: (..., N, M); 0 where both are empty."""
    left_a, top_a, right_a, bottom_a = (a_xyxy[..., :, None, side] for side in range(4))
    left_b, top_b, right_b, bottom_b = (b_xyxy[..., None, :, side] for side in range(4))
    overlap = np.maximum(np.minimum(right_a, right_b) - np.maximum(left_a, left_b), 0)
    overlap *= np.maximum(np.minimum(bottom_a, bottom_b) - np.maximum(top_a, top_b), 0)
    union = (right_a - left_a) * (bottom_a - top_a) + (right_b - left_b) * (bottom_b - top_b)
    union -= overlap
    return np.asarray(np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0), np.float32)


class Kept(NamedTuple):
    """Boxes that survive, best first: rows of the input and the class of each."""

    rows: Int64
    class_ids: Int64
    scores: Float32


def fast_nms(
    boxes_xyxy: Float32,
    scores: Float32,
    *,
    iou: float,
    top_k: int,
    keep: int,
    threshold: float = -math.inf,
) -> Kept:
    """Suppress overlapping boxes class by class, each class in one matrix step.

    A box is removed if a better box of its class overlaps it by more than `iou`, even if that better box is removed
    itself.

    Args:
        boxes_xyxy: (P, 4) float32, any unit.
        scores: (P, C) float32, without background.
        iou: highest overlap allowed.
        top_k: number of boxes per class that take part, the best.
        keep: maximum number of boxes returned, the best over all classes.
        threshold: minimum score, exclusive. Boxes below it cannot suppress a better one, so they are dropped first
            and matrices stay small.
    Returns:
        Rows of `boxes_xyxy`, classes and scores, best first, at most `keep`. A box may be returned once for each class.
    Source: Bolya et al. 2019 (YOLACT), section 3.3. Ties keep the earlier row, and the lower class.
    """
    rows, class_ids = np.divmod(np.flatnonzero(scores > threshold), scores.shape[1])
    candidates = scores[rows, class_ids]
    order = np.lexsort((rows, -candidates, class_ids))  # by class, each best first
    starts = np.searchsorted(class_ids[order], np.arange(scores.shape[1] + 1))
    survivors = [
        _survivors(boxes_xyxy, rows, order[first:last][:top_k], iou)
        for first, last in pairwise(starts.tolist())
        if first < last
    ]
    indices = np.concatenate(survivors) if survivors else order
    best = indices[np.argsort(-candidates[indices], kind="stable")[:keep]]
    return Kept(rows[best], class_ids[best], candidates[best])


def _survivors(boxes_xyxy: Float32, rows: Int64, order: Int64, iou: float) -> Int64:
    """Boxes of one class, in order of score, that no better one overlaps."""
    if len(order) == 1:
        return order
    boxes = boxes_xyxy[rows[order]]
    overlap = np.triu(pairwise_iou(boxes, boxes), k=1)
    kept: Int64 = order[overlap.max(axis=0) <= iou]
    return kept


_BLOCK = 128  # boxes whose overlaps are computed together


def greedy_nms(boxes_xyxy: Float32, scores: Float32, class_ids: Int64, *, iou: float, keep: int) -> Int64:
    """Suppress overlapping boxes class by class, each by the better boxes that survive.

    Args:
        boxes_xyxy: (N, 4) float32, any unit.
        scores: (N,) float32.
        class_ids: (N,) class of each box; boxes of two classes do not compete.
        iou: highest overlap allowed.
        keep: maximum number of boxes returned, the best over all classes.
    Returns:
        Rows, best first; ties keep the earlier row.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    for start in range(0, len(order), _BLOCK):
        rows = order[start : start + _BLOCK]
        if kept:
            rows = rows[~_conflicts(boxes_xyxy, class_ids, rows, np.array(kept), iou).any(axis=1)]
        conflicts = _conflicts(boxes_xyxy, class_ids, rows, rows, iou)
        suppressed = np.zeros(len(rows), bool)
        for index, row in enumerate(rows.tolist()):
            if not suppressed[index]:
                kept.append(row)
                if len(kept) == keep:
                    return np.array(kept, np.int64)
                suppressed |= conflicts[index]
    return np.array(kept, np.int64)


def _conflicts(boxes: Float32, class_ids: Int64, first: Int64, second: Int64, iou: float) -> Bool:
    """Whether boxes (F,) and (S,) are of one class and overlap by more than `iou`: (F, S)."""
    same = class_ids[first][:, None] == class_ids[second][None]
    return np.asarray(same & (pairwise_iou(boxes[first], boxes[second]) > iou))


OVERLAP = 0.6
"""Boxes of two classes that overlap by more than this are one object; the tracker uses the same value."""


def class_agnostic_nms(found: Instances, overlap: float = OVERLAP) -> Instances:
    """Remove each object that overlaps a better object of another class.

    Objects of one class are unchanged: the model already suppressed them. The result at a threshold does not depend on
    objects below it.

    Args:
        found: N objects, best first.
        overlap: highest IoU of boxes allowed.
    """
    ious = pairwise_iou(found.boxes_xyxy, found.boxes_xyxy)
    other = found.class_ids[:, None] != found.class_ids[None]
    kept: list[int] = []
    for index in range(len(found)):
        rivals = ious[index, kept] * other[index, kept]
        if not (rivals > overlap).any():
            kept.append(index)
    return found.take(np.array(kept, np.int64))
