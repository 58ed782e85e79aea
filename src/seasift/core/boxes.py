"""Boxes in NumPy."""

from __future__ import annotations

import numpy as np

from seasift.core.types import Float32


def pairwise_iou(a_xyxy: Float32, b_xyxy: Float32) -> Float32:
    """Intersection over union of (..., N, 4) with (..., M, 4) boxes: (..., N, M); 0 where both are empty."""
    a, b = a_xyxy[..., :, None, :], b_xyxy[..., None, :, :]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    overlap = np.prod(np.clip(sides, 0, None), axis=-1)
    area_a, area_b = np.prod(a[..., 2:] - a[..., :2], axis=-1), np.prod(b[..., 2:] - b[..., :2], axis=-1)
    union = area_a + area_b - overlap
    return np.asarray(np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0), np.float32)
