"""Decode graphs that give final objects: boxes in pixels of the input, labels, scores, masks.

Networks with queries, as DETR and its descendants have them, give boxes, class logits and mask logits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from seasift.core.decode import YolactDecode, check_finite
from seasift.core.instances import Instances
from seasift.core.mask_grids import mask_of_grid, mask_of_nearest
from seasift.core.masks import MaskCrop
from seasift.core.prepare import InputSpec
from seasift.core.types import Bool, Float32, Int64, SizeHW


def decode_final(
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
    """Objects of `boxes` (N, 4), `labels` (N,), `scores` (N,), and `masks` (N, 1, H, W) for masks.

    Boxes hold left, top, right, bottom. Masks are probabilities over the whole input. A negative label is no object.
    """
    masks = outputs.get("masks")
    found, kept = _kept(
        outputs["boxes"],
        outputs["scores"],
        outputs["labels"],
        size_hw=size_hw,
        spec=spec,
        threshold=threshold,
        max_objects=max_objects,
        class_ids=class_ids,
    )
    if masks is None:
        return found
    rows, columns = _content(spec, size_hw)
    crops = tuple(
        mask_of_grid(masks[row, 0, rows, columns], size_hw, settings.mask_threshold) for row in kept
    )
    return replace(found, masks=crops)


def decode_rtmdet(
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
    """Objects of `detections` (N, 5), `labels` (N,) and `masks` (N, H, W), as MMDeploy exports RTMDet-Ins.

    Detections hold left, top, right, bottom, score. Masks are probabilities over the whole input; the nearest counts.
    """
    detections, masks = outputs["detections"], outputs["masks"]
    found, kept = _kept(
        detections[:, :4],
        detections[:, 4],
        outputs["labels"],
        size_hw=size_hw,
        spec=spec,
        threshold=threshold,
        max_objects=max_objects,
        class_ids=class_ids,
    )
    rows, columns = _content(spec, size_hw)
    inside: list[Bool] = [masks[row, rows, columns] >= settings.mask_threshold for row in kept]
    crops = tuple(mask_of_nearest(each, size_hw) for each in inside)
    return replace(found, masks=crops)


def decode_remote(
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
    """Objects that a server gave: `boxes`, `labels`, `scores` as in `decode_final`; `crops` (N, 4), `bits` (M,).

    A crop holds left, top, width and height of a mask, whose pixels follow each other in `bits`; a negative width is an
    object without a mask.
    """
    del settings  # the server did the rest
    found, kept = _kept(
        outputs["boxes"],
        outputs["scores"],
        outputs["labels"],
        size_hw=size_hw,
        spec=spec,
        threshold=threshold,
        max_objects=max_objects,
        class_ids=class_ids,
    )
    crops = outputs["crops"].astype(np.int64)
    if (crops[:, 2] < 0).any():
        return found
    ends = np.cumsum(crops[:, 2] * crops[:, 3])
    masks = []
    for row in kept.tolist():
        x, y, width, height = crops[row].tolist()
        bits = outputs["bits"][ends[row] - width * height : ends[row]] > 0
        masks.append(MaskCrop(bits.reshape(height, width), x, y))
    return replace(found, masks=tuple(masks))


def _kept(
    boxes: Float32,
    scores: Float32,
    labels: Float32,
    *,
    size_hw: SizeHW,
    spec: InputSpec,
    threshold: float,
    max_objects: int,
    class_ids: Int64 | None,
) -> tuple[Instances, Int64]:
    """The best objects, without masks, and their rows."""
    check_finite(scores)
    classes = labels.astype(np.int64)
    wanted = (scores > max(threshold, 0.0)) & (classes >= 0)
    if class_ids is not None:
        wanted &= np.isin(classes, class_ids)
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(-scores[rows], kind="stable")][:max_objects]
    check_finite(boxes[rows])
    found = Instances(
        spec.placement(size_hw).to_image(boxes[rows], size_hw), scores[rows], classes[rows], size_hw
    )
    return found, rows


def _content(spec: InputSpec, size_hw: SizeHW) -> tuple[slice, slice]:
    """Rows and columns of the input that the image fills."""
    (top, left), (height, width) = spec.corner_yx(size_hw), spec.content_hw(size_hw)
    return slice(top, top + height), slice(left, left + width)


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
