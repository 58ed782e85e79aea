"""Match observations to tracks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import lap
import numpy as np

from seasift.core.boxes import pairwise_iou
from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Float64, Int64, UInt8
from seasift.tracking.track import Track

_OTHER_CLASS = 0.6  # weight of an overlap between different classes: models waver, but not at random
_MASKS = 0.5  # weight of masks relative to boxes, reduced by the uncertainty of the position


def similarities(tracks: Sequence[Track], seen: Instances, indices: Int64, reach: float) -> Float64:
    """Similarity of N tracks and M observations, 0 to 1: (N, M).

    The better of two predictions counts: the position from the motion model and the camera's motion, and the last observed
    position in the image. The second fits objects that move with the camera, such as the vehicle's own arm. Boxes grow by
    `reach` standard deviations of the predicted position.
    """
    if not tracks or not len(indices):
        return np.zeros((len(tracks), len(indices)))
    boxes = seen.boxes_xyxy[indices].astype(np.float64)
    predicted = np.stack([track.motion.box_xyxy for track in tracks])
    margins = reach * np.array([track.motion.doubt_px for track in tracks])
    sizes = np.sqrt(np.prod(predicted[:, 2:] - predicted[:, :2], axis=1))
    found = np.zeros((len(tracks), len(indices)))
    for guess, margin in (
        (predicted, margins),
        (np.stack([track.box_xyxy for track in tracks]), 0 * margins),
    ):
        alike = box_similarity(guess, boxes, margin)
        if seen.masks is not None:
            for row, column in np.argwhere(alike > 0).tolist():
                mask = tracks[row].mask
                if mask is not None:
                    weight = _MASKS * math.exp(-margin[row] / sizes[row])
                    of_masks = mask_overlap(mask, guess[row], seen.masks[indices[column]])
                    alike[row, column] += weight * (of_masks - alike[row, column])
        found = np.maximum(found, alike)
    classes = np.array([track.class_id for track in tracks])
    return found * np.where(classes[:, None] == seen.class_ids[indices][None], 1.0, _OTHER_CLASS)


def box_similarity(a_xyxy: Float64, b_xyxy: Float64, margin_px: Float64) -> Float64:
    """Intersection over union of (N, 4) and (M, 4) boxes that both grew by a margin (N,): (N, M).

    Source: Yang et al. 2023 (C-BIoU). Differs: the margin is the uncertainty of the motion model, not a constant.
    """
    grow = np.array([-1.0, -1.0, 1.0, 1.0]) * margin_px[:, None, None]
    a, b = a_xyxy[:, None, :] + grow, b_xyxy[None] + grow
    return np.asarray(pairwise_iou(a.astype(np.float32), b.astype(np.float32))[:, 0], np.float64)


def mask_overlap(a: MaskCrop, a_box: Float64, b: MaskCrop) -> float:
    """Intersection over union of a mask, stretched into a box (4,), and another mask."""
    if not a.crop.size or not b.crop.size:
        return 0.0
    x1, y1, x2, y2 = (round(float(side)) for side in a_box)
    size_wh = max(x2 - x1, 1), max(y2 - y1, 1)
    stretched: UInt8 = np.asarray(
        cv2.resize(a.crop.view(np.uint8), size_wh, interpolation=cv2.INTER_NEAREST), np.uint8
    )
    return overlap(MaskCrop(stretched.astype(bool), x1, y1), b)


def overlap(a: MaskCrop, b: MaskCrop) -> float:
    """Intersection over union of two masks."""
    ax1, ay1, ax2, ay2 = a.box_xyxy
    bx1, by1, bx2, by2 = b.box_xyxy
    shared = max(ax1, bx1), max(ay1, by1), min(ax2, bx2), min(ay2, by2)
    if shared[0] >= shared[2] or shared[1] >= shared[3]:
        return 0.0
    both = int(np.count_nonzero(a.within(shared) & b.within(shared)))
    return both / (a.area + b.area - both)


def assign(similarity: Float64, least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) with the largest total similarity, each at least `least`.

    Source: Jonker and Volgenant 1987, by the package `lap`.
    """
    allowed = similarity >= least
    if not allowed.any():
        return []
    cost = np.where(allowed, 1.0 - similarity, 1e6)
    _, columns, _ = lap.lapjv(cost, extend_cost=True, cost_limit=1.0 - least + 1e-9)
    return [(row, int(column)) for row, column in enumerate(columns) if column >= 0 and allowed[row, column]]


def twins_of(seen: Instances, candidates: Int64, least: float) -> Int64:
    """Find observations that are second opinions about the object of a better one.

    Args:
        candidates: (K,) indices that take part.
        least: overlap of masks (of boxes without masks) that is still another object.
    Returns:
        (N,) index of the better observation; -1 for independent observations and those that take no part.
    """
    twins = np.full(len(seen), -1, np.int64)
    ranked = candidates[np.argsort(-seen.scores[candidates], kind="stable")]
    boxes = seen.boxes_xyxy[ranked]
    near = pairwise_iou(boxes, boxes) > (least if seen.masks is None else 0.0)
    kept: list[int] = []
    for row, i in enumerate(ranked.tolist()):
        best, most = -1, least
        for other in kept:
            if not near[row, other]:
                continue
            j = int(ranked[other])
            if seen.masks is None:
                best = j
                break
            shared = overlap(seen.masks[i], seen.masks[j])
            if shared > most:
                best, most = j, shared
        twins[i] = best
        if best < 0:
            kept.append(row)
    return twins


def below(seen: Instances, i: int, others: Int64, least: float) -> int:
    """The observation whose box or mask overlaps observation `i` by more than `least`; -1 if there is none."""
    if not len(others):
        return -1
    overlaps = pairwise_iou(seen.boxes_xyxy[[i]], seen.boxes_xyxy[others])[0].astype(np.float64)
    if seen.masks is not None:
        masks = [overlap(seen.masks[i], seen.masks[j]) for j in others.tolist()]
        overlaps = np.maximum(overlaps, masks)
    best = int(np.argmax(overlaps))
    return int(others[best]) if overlaps[best] > least else -1
