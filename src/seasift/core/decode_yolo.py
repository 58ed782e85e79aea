"""Decode the outputs of exported YOLO networks: dense predictions and predictions that are final.

Layouts as published for exports to ONNX: YOLOv5 (boxes, objectness, class scores), YOLOv8 and YOLO11 (boxes, class
scores, coefficients; prototypes), and the end-to-end layout of YOLOv10 and YOLO26 and of exports with NMS (corners,
score, class, coefficients). Boxes are in pixels of the input.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seasift.core.boxes import greedy_nms
from seasift.core.decode import YolactDecode, check_finite
from seasift.core.instances import Instances
from seasift.core.mask_grids import PrototypeMasks
from seasift.core.prepare import InputSpec
from seasift.core.types import Float32, Int64, SizeHW

_MOST_CANDIDATES = 30_000  # of an image that take part in suppression, the best
_CORNERS = 4


def decode_yolo(
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
    """Objects of YOLOv8's layout: `predictions` (4 + C [+ K], P), and `prototype_masks` (K, H', W') for masks.

    A box (centre, width, height) counts under its best class. Greedy suppression within each class follows.
    """
    raw, prototypes = outputs["predictions"], outputs.get("prototype_masks")
    classes = len(raw) - _CORNERS - (0 if prototypes is None else len(prototypes))
    chosen = np.arange(classes) if class_ids is None else class_ids
    scores = raw[_CORNERS : _CORNERS + classes] if class_ids is None else raw[_CORNERS + class_ids]
    best = scores.max(axis=0)
    check_finite(best)
    candidates = _best(best, threshold)
    rows = np.ascontiguousarray(raw[:, candidates].T)
    return _suppressed(
        rows[:, :_CORNERS],
        best[candidates],
        chosen[scores[:, candidates].argmax(axis=0)],
        rows[:, _CORNERS : _CORNERS + classes],
        rows[:, _CORNERS + classes :],
        prototypes,
        size_hw=size_hw,
        spec=spec,
        settings=settings,
        max_objects=max_objects,
    )


def decode_yolov5(
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
    """Objects of YOLOv5's layout: `predictions` (P, 5 + C [+ K]), and `prototype_masks` (K, H', W') for masks.

    The score is objectness times the class score; otherwise like `decode_yolo`.
    """
    raw, prototypes = outputs["predictions"], outputs.get("prototype_masks")
    first = _CORNERS + 1
    classes = raw.shape[1] - first - (0 if prototypes is None else len(prototypes))
    objectness = raw[:, _CORNERS]
    check_finite(objectness)
    rows = raw[objectness > threshold]
    class_scores = rows[:, first : first + classes] * rows[:, _CORNERS : _CORNERS + 1]
    chosen = np.arange(classes) if class_ids is None else class_ids
    scores = class_scores[:, chosen]
    best = scores.max(axis=1)
    check_finite(best)
    candidates = _best(best, threshold)
    return _suppressed(
        rows[candidates, :_CORNERS],
        best[candidates],
        chosen[scores[candidates].argmax(axis=1)],
        class_scores[candidates],
        rows[candidates, first + classes :],
        prototypes,
        size_hw=size_hw,
        spec=spec,
        settings=settings,
        max_objects=max_objects,
    )


def decode_final_yolo(
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
    """Objects of the end-to-end layout: `predictions` (N, 6 [+ K]), and `prototype_masks` (K, H', W') for masks.

    A row holds left, top, right, bottom, score, class.
    """
    del settings  # nothing is suppressed
    rows, prototypes = outputs["predictions"], outputs.get("prototype_masks")
    check_finite(rows[:, :6])
    labels = rows[:, 5].astype(np.int64)
    wanted = rows[:, 4] > max(threshold, 0.0)
    if class_ids is not None:
        wanted &= np.isin(labels, class_ids)
    kept = np.flatnonzero(wanted)
    kept = kept[np.argsort(-rows[kept, 4], kind="stable")][:max_objects]
    placement = spec.placement(size_hw)
    boxes = placement.to_image(rows[kept, :_CORNERS], size_hw)
    masks = None
    if prototypes is not None:
        assembled = PrototypeMasks(prototypes, spec, size_hw)
        masks = tuple(map(assembled.of, rows[kept, 6:], boxes))
    return Instances(boxes, rows[kept, 4], labels[kept], size_hw, masks)


def _best(scores: Float32, threshold: float) -> Int64:
    """Indices of scores above a threshold, in order; the best if there are too many."""
    above = np.flatnonzero(scores > threshold)
    if len(above) > _MOST_CANDIDATES:
        above = np.sort(above[np.argsort(-scores[above], kind="stable")[:_MOST_CANDIDATES]])
    return above


def _suppressed(
    boxes_cxcywh: Float32,
    scores: Float32,
    labels: Int64,
    class_scores: Float32,
    coefficients: Float32,
    prototypes: Float32 | None,
    *,
    size_hw: SizeHW,
    spec: InputSpec,
    settings: YolactDecode,
    max_objects: int,
) -> Instances:
    """Suppress candidates (N,), move them to the image and assemble their masks."""
    check_finite(boxes_cxcywh)
    half = boxes_cxcywh[:, 2:] / 2
    corners = np.concatenate([boxes_cxcywh[:, :2] - half, boxes_cxcywh[:, :2] + half], axis=1)
    kept = greedy_nms(corners, scores, labels, iou=settings.nms_iou, keep=max_objects)
    boxes = spec.placement(size_hw).to_image(corners[kept], size_hw)
    masks = None
    if prototypes is not None:
        assembled = PrototypeMasks(prototypes, spec, size_hw)
        masks = tuple(map(assembled.of, coefficients[kept], boxes))
    return Instances(boxes, scores[kept], labels[kept], size_hw, masks, class_scores=class_scores[kept])
