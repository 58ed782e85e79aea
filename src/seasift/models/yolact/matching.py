"""Which prior learns which object, for a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seasift.models.targets import Targets
from seasift.models.yolact.priors import encode, to_corners

POSITIVE_IOU, NEGATIVE_IOU, CROWD_IOU = 0.5, 0.4, 0.7
NEUTRAL, BACKGROUND = -1, 0


@dataclass(frozen=True)
class Matches:
    """What each prior should say.

    Attributes:
        objects: (B, P) int64, index of the prior's object in the targets (meaningful where positive).
        labels: (B, P) int64, 1 + class, BACKGROUND or NEUTRAL.
        offsets: (B, P, 4) float32, box code of the prior's object (meaningful where positive).
    """

    objects: Tensor
    labels: Tensor
    offsets: Tensor

    @property
    def positive(self) -> Tensor:
        """(B, P) bool: priors that stand for an object."""
        return self.labels > 0


@torch.no_grad()
def match(targets: Targets, priors: Tensor) -> Matches:
    """Give each prior its best object, and each object at least its best free prior.

    A prior is positive from IoU 0.5 on, background below 0.4, neutral between, and neutral where more
    than 0.7 of it lies in a crowd. Every object claims one prior whatever the IoU; where two want the
    same, the higher IoU wins and the other takes its next best.

    Args:
        targets: of B pictures.
        priors: (P, 4) cx, cy, w, h.
    Source: Bolya et al. 2019, section 4, after Liu et al. 2016, section 2.2; rules for ties and crowds as
        published. Differs: no loop over pictures; claims that cannot disturb each other are settled at once.
    """
    corners = to_corners(priors)
    overlap = _iou(targets.boxes_xyxy, corners, over_second=False)
    overlap = overlap.masked_fill(~targets.present[..., None], -1.0)  # (B, N, P)
    best_overlap, objects = overlap.max(dim=1)
    _claim(overlap, targets.present, best_overlap, objects)
    labels = targets.class_ids.gather(1, objects) + 1
    labels = labels.masked_fill(best_overlap < POSITIVE_IOU, NEUTRAL)
    labels = labels.masked_fill(best_overlap < NEGATIVE_IOU, BACKGROUND)
    if targets.crowd.any():
        inside = _iou(targets.boxes_xyxy, corners, over_second=True)
        crowded = inside.masked_fill(~targets.crowd[..., None], 0.0).amax(dim=1) > CROWD_IOU
        labels = labels.masked_fill((labels <= 0) & crowded, NEUTRAL)
    boxes = targets.boxes_xyxy.gather(1, objects[..., None].expand(-1, -1, 4))
    return Matches(objects, labels, encode(boxes, priors))


def _claim(overlap: Tensor, present: Tensor, best_overlap: Tensor, objects: Tensor) -> None:
    """Let every object claim a prior; changes all arguments but `present` in place.

    A pair in which each is the other's best can be settled without regard to the rest; settling such
    pairs until none is open gives what settling the highest overlap first, one at a time, gives.
    """
    open_objects = present.clone()
    while bool(open_objects.any()):
        value, prior = overlap.max(dim=2)  # (B, N): each object's best free prior
        rivals = overlap.gather(2, prior[:, None, :].expand(-1, overlap.shape[1], -1))  # (B, N, N)
        mutual = rivals.argmax(dim=1) == torch.arange(overlap.shape[1], device=overlap.device)
        settled = open_objects & mutual & (value >= 0)
        if not bool(settled.any()):  # more objects than priors
            return
        picture, which = settled.nonzero(as_tuple=True)
        taken = prior[picture, which]
        best_overlap[picture, taken] = 2.0
        objects[picture, taken] = which
        overlap[picture, :, taken] = -1.0
        overlap[picture, which] = -1.0
        open_objects &= ~settled


def _iou(boxes: Tensor, corners: Tensor, *, over_second: bool) -> Tensor:
    """(B, N, 4) with (P, 4): (B, N, P); overlap over the union, or over the second box's area."""
    a, b = boxes[:, :, None], corners[None, None]
    sides = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    overlap = sides[..., 0] * sides[..., 1]
    area_a, area_b = (a[..., 2:] - a[..., :2]).prod(-1), (b[..., 2:] - b[..., :2]).prod(-1)
    return overlap / (area_b if over_second else area_a + area_b - overlap)
