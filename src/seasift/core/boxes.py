"""Boxes in NumPy."""

from __future__ import annotations

import numpy as np

from seasift.core.types import Float32


def pairwise_iou(a_xyxy: Float32, b_xyxy: Float32) -> Float32:
    """Intersection over union of (..., N, 4) with (..., M, 4) boxes: (..., N, M); 0 where both are empty."""
    left_a, top_a, right_a, bottom_a = (a_xyxy[..., :, None, side] for side in range(4))
    left_b, top_b, right_b, bottom_b = (b_xyxy[..., None, :, side] for side in range(4))
    overlap = np.maximum(np.minimum(right_a, right_b) - np.maximum(left_a, left_b), 0)
    overlap *= np.maximum(np.minimum(bottom_a, bottom_b) - np.maximum(top_a, top_b), 0)
    union = (right_a - left_a) * (bottom_a - top_a) + (right_b - left_b) * (bottom_b - top_b)
    union -= overlap
    return np.asarray(np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0), np.float32)
