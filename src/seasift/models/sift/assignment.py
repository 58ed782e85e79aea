"""Which point learns which object, for a whole batch at once: by the task, or by its place alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from seasift.models.targets import PartialTargets

CLASS_POWER, BOX_POWER = 1.0, 6.0
POINTS_PER_OBJECT = 13


@dataclass(frozen=True)
class Assignment:
    """What each point should say.

    Attributes:
        objects: (B, A) int64, index of the point's object (meaningful where positive).
        quality: (B, A) float32, the class score that a point should reach; 0 where it is background.
        ignored: (B, A) bool, points of which nothing is asked: in crowds, and outside all boxes of images on which
            objects may be missing.
    """

    objects: Tensor
    quality: Tensor
    ignored: Tensor

    @property
    def positive(self) -> Tensor:
        """(B, A) bool: points that stand for an object."""
        return self.quality > 0


@torch.no_grad()
def assign(
    scores: Tensor,
    boxes: Tensor,
    points: Tensor,
    strides: Tensor,
    *,
    true_boxes: Tensor,
    class_ids: Tensor,
    present: Tensor,
    crowd: Tensor,
    partial: PartialTargets | None = None,
) -> Assignment:
    """Give each object the points inside it that classify and outline it best.

    Args:
        scores: (B, A, C) predicted probabilities.
        boxes: (B, A, 4) predicted boxes, px.
        points: (A, 2) x, y, px.
        strides: (A, 1) px.
        true_boxes: (B, N, 4) px.
        class_ids: (B, N) int64.
        present: (B, N) bool.
        crowd: (B, N) bool.
        partial: what the labels leave open. An object that may be of several classes is classified as well as the
            point says that it is any of them, see `any_of`.
    Source: Feng et al. 2021 (TOOD), section 3.2: alignment `score * IoU^6`, the best 13 points of an object;
        a point that two objects want goes to the one that it overlaps more. Differs: an object smaller than
        a cell is grown to it, so that each has a point.
    """
    inside = _inside(points, strides, true_boxes)
    wanted = inside & present[..., None]
    labels = class_ids.clamp(0)[..., None].expand(-1, -1, scores.shape[1])
    score = scores.transpose(1, 2).gather(1, labels)
    if partial is not None:
        score = torch.where(partial.coarse[..., None], any_of(scores, partial.class_sets), score)
    overlap = box_iou(true_boxes[:, :, None], boxes[:, None]).clamp(min=0)
    metric = (score**CLASS_POWER * overlap**BOX_POWER).masked_fill(~wanted, -1.0)
    # Early boxes may overlap nothing; ties then go to the points nearest to the middle.
    centre = (true_boxes[..., :2] + true_boxes[..., 2:]) / 2
    distance = (centre[:, :, None] - points).abs().sum(-1) / strides.flatten()
    ranked = torch.where(wanted, metric + 1e-9 / (1 + distance), metric)
    best = ranked.topk(min(POINTS_PER_OBJECT, ranked.shape[2]), dim=2)
    chosen = torch.zeros_like(wanted).scatter_(2, best.indices, best.values > 0)
    rivals = torch.where(chosen, overlap + 1e-6, 0.0)
    strongest, objects = rivals.max(dim=1)
    chosen &= torch.arange(chosen.shape[1], device=chosen.device)[:, None] == objects[:, None]
    metric = metric.clamp(min=0) * chosen
    most = metric.amax(2, keepdim=True)
    reach = (overlap * chosen).amax(2, keepdim=True)
    quality = torch.where(chosen, (metric / most.clamp(min=1e-12) * reach).clamp(min=1e-4), 0.0).amax(1)
    ignored = (inside & crowd[..., None]).any(1)
    if partial is not None:
        ignored |= ~partial.labelled[:, None] & ~wanted.any(1)
    return Assignment(objects, quality, ignored & (strongest == 0))


def any_of(scores: Tensor, class_sets: Tensor) -> Tensor:
    """Probability that a point holds any class of a set: (B, A, C) scores and (B, N, C) bool sets to (B, N, A).

    Source: noisy-OR, 1 - prod(1 - p) (Viola, Platt, Zhang 2005, "Multiple instance boosting for object detection"),
        over the classes of one point.
    """
    with torch.autocast(scores.device.type, enabled=False):  # logarithms do not fit bfloat16
        none = torch.log1p(-scores.float().clamp(max=1 - 1e-6))
        return -torch.expm1(class_sets.float() @ none.transpose(1, 2))


def assign_by_location(
    classes: int, points: Tensor, strides: Tensor, *, partial: PartialTargets | None = None, **truth: Tensor
) -> Assignment:
    """Give each object the points inside it whose surroundings, 4 cells wide, overlap it most, whatever the network says.

    Args:
        classes: C.
        points, strides: as in `assign`.
        partial: as in `assign`.
        truth: its `true_boxes`, `class_ids`, `present` and `crowd`.
    Returns:
        Quality is 1 for every chosen point: classes learn yes or no.
    Source: as SSD's matching (Liu et al. 2016, section 2.2, of default boxes), with one square a point, and the best
        13 points of an object.
    """
    batch, count = len(truth["true_boxes"]), len(points)
    around = torch.cat([points - 2 * strides, points + 2 * strides], dim=1)
    sure = points.new_ones(()).expand(batch, count, classes)
    chosen = assign(sure, around.expand(batch, count, 4), points, strides, partial=partial, **truth)
    return replace(chosen, quality=chosen.positive.float())


def _inside(points: Tensor, strides: Tensor, boxes: Tensor) -> Tensor:
    """(B, N, A) bool: points within boxes that are grown to at least one cell of the finest level."""
    half = ((boxes[..., 2:] - boxes[..., :2]) / 2).clamp(min=float(strides.min()) / 2 + 1e-3)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    return ((points - centre[:, :, None]).abs() < half[:, :, None]).all(-1)


def box_iou(a: Tensor, b: Tensor, *, generalised: bool = False) -> Tensor:
    """Overlap of boxes (..., 4) one to one; with `generalised` less by the emptiness of their hull.

    Source: Rezatofighi et al. 2019 (GIoU), algorithm 1.
    """
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    both = shared.prod(-1)
    areas = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1)
    union = (areas - both).clamp(min=1e-9)
    overlap = both / union
    if not generalised:
        return overlap
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    return overlap - (hull - union) / hull.clamp(min=1e-9)
