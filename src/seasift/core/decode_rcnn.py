"""From Mask R-CNN's or Faster R-CNN's output to Instances. The graph has done its own suppression."""

from __future__ import annotations

import cv2
import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Float32, Int64, SizeHW


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
        scores: (N,) float32, best first; 0 fills places that hold no object.
        classes: (N,) float32, the class_id of each.
        masks: (N, M, M) float32 probabilities inside each box; None for a network without masks.
        size_hw: height and width of the original picture, px.
        visible_yx: share of the input that the picture fills, down and across.
        mask_threshold: a pixel belongs to the object if its probability is above this.
        threshold: an object is kept if its score is above this.
        max_objects: at most this many objects, the best.
        class_ids: look only for these; None: for all.
    Returns:
        Instances best first. Without masks in the model, without masks.
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
    """Enlarge (M, M) probabilities to a box in pixels and threshold them; what leaves the picture is cut."""
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
