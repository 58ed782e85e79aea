"""One object, one class: what counting wants, and a precision-recall curve does not."""

from __future__ import annotations

import numpy as np

from seasift.core.boxes import pairwise_iou
from seasift.core.instances import Instances

OVERLAP = 0.6
"""Boxes of two classes that overlap by more than this are one object; the tracker's figure, too."""


def each_once(found: Instances, overlap: float = OVERLAP) -> Instances:
    """Leave out what overlaps a better object of another class: a second opinion about the same thing.

    Objects of one class are left alone, they went through the model's own suppression. What is left at a threshold does
    not depend on what was found below it.

    Args:
        found: N objects, best first.
        overlap: highest IoU of boxes that is let pass.
    """
    ious = pairwise_iou(found.boxes_xyxy, found.boxes_xyxy)
    other = found.class_ids[:, None] != found.class_ids[None]
    kept: list[int] = []
    for place in range(len(found)):
        rivals = ious[place, kept] * other[place, kept]
        if not (rivals > overlap).any():
            kept.append(place)
    return found.take(np.array(kept, np.int64))
