"""Decode the outputs of networks with queries, as DETR's descendants give them: boxes, class logits, mask logits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seasift.core.decode import YolactDecode, check_finite
from seasift.core.instances import Instances
from seasift.core.mask_grids import mask_of_grid
from seasift.core.prepare import InputSpec
from seasift.core.types import Float32, Int64, SizeHW

_LARGEST_LOGIT = 88  # beyond it, exp overflows float32


def decode_queries(
    outputs: Mapping[str, Float32],
    /,
    *,
    size_hw: SizeHW,
    spec: InputSpec,
    settings: YolactDecode,
    threshold: float,
    max_objects: int,
    class_ids: Int64 | None = None,
) -> Instances:
    """Objects of `boxes` (Q, 4), `logits` (Q, C), and `masks` (Q, H', W') for masks.

    Boxes hold centre, width and height relative to the input. Each class of a query has a probability of its own: the
    best Q pairs of query and class are taken. A mask holds the pixels whose interpolated logit is above 0.
    """
    del settings  # nothing is suppressed
    logits, masks = outputs["logits"], outputs.get("masks")
    check_finite(logits)
    probabilities = 1 / (1 + np.exp(-logits.clip(-_LARGEST_LOGIT, _LARGEST_LOGIT)))
    chosen = np.arange(logits.shape[1]) if class_ids is None else class_ids
    scores = probabilities if class_ids is None else probabilities[:, class_ids]
    pairs = np.flatnonzero(scores > threshold)
    best = pairs[np.argsort(-scores.ravel()[pairs], kind="stable")][: min(max_objects, len(scores))]
    queries, columns = np.divmod(best, len(chosen))
    boxes = outputs["boxes"][queries]
    check_finite(boxes)
    half = boxes[:, 2:] / 2
    corners = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    corners *= np.array(spec.size_hw[::-1] * 2, np.float32)
    found = None
    if masks is not None:
        seen = masks[queries]
        check_finite(seen)
        found = tuple(mask_of_grid(each, size_hw, 0.0) for each in seen)
    return Instances(
        spec.placement(size_hw).to_image(corners, size_hw),
        scores.ravel()[best],
        chosen[columns],
        size_hw,
        found,
        class_scores=probabilities[queries],
    )
