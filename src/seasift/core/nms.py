"""Fast non-maximum suppression."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seasift.core.boxes import pairwise_iou
from seasift.core.types import Float32, Int64


class Kept(NamedTuple):
    """What survives, best first: rows of the input and the class that each stands for."""

    rows: Int64
    class_ids: Int64
    scores: Float32


def fast_nms(boxes_xyxy: Float32, scores: Float32, *, iou: float, top_k: int, keep: int) -> Kept:
    """Suppress overlapping boxes class by class in one matrix step.

    A box falls if a better box of its class overlaps it by more than `iou`, even when that better box
    falls itself.

    Args:
        boxes_xyxy: (P, 4) float32, any unit.
        scores: (P, C) float32, without background.
        iou: highest overlap that is let pass.
        top_k: boxes of a class that take part, the best.
        keep: boxes that come back, the best over all classes.
    Returns:
        Rows of `boxes_xyxy`, classes and scores, best first, at most `keep`. One box may come back
        once for each class.
    Source: Bolya et al. 2019 (YOLACT), section 3.3. Ties keep the earlier row, and the lower class.
    """
    order = np.argsort(-scores, axis=0, kind="stable")[:top_k].T  # (C, K)
    ranked = np.take_along_axis(scores.T, order, axis=1)
    overlap = np.triu(pairwise_iou(boxes_xyxy[order], boxes_xyxy[order]), k=1)
    survives = overlap.max(axis=1, initial=0.0) <= iou
    class_ids, places = np.nonzero(survives)
    kept_scores = ranked[class_ids, places]
    best = np.argsort(-kept_scores, kind="stable")[:keep]
    return Kept(order[class_ids, places][best].astype(np.int64), class_ids[best], kept_scores[best])
