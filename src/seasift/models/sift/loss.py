"""What sift learns: which point learns which object, and the losses. Both are vectorised over the batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from seasift.models.family import PartialTargets, Targets, shared_count
from seasift.models.sift.network import REG_MAX, SiftOutput, boxes_of

CLASS_POWER, BOX_POWER = 1.0, 6.0
POINTS_PER_OBJECT = 13
CLASS_WEIGHT, BOX_WEIGHT, SIDES_WEIGHT, MASK_WEIGHT, DICE_WEIGHT = 1.0, 2.0, 0.5, 2.0, 1.0
MASKS_PER_IMAGE = 32


@dataclass(frozen=True)
class Assignment:
    """What each point should say.

    Attributes:
        objects: (B, A) int64, index of the point's object (meaningful where positive).
        quality: (B, A) float32, the class score that a point should reach; 0 where it is background.
        ignored: (B, A) bool, points that learn nothing: in crowds, and outside all boxes of images on which
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
    inside = _points_inside(points, strides, true_boxes)
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


def _points_inside(points: Tensor, strides: Tensor, boxes: Tensor) -> Tensor:
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


def sift_loss(
    output: SiftOutput, targets: Targets, size_hw: tuple[int, int], assignment: str = "task"
) -> dict[str, Tensor]:
    """Losses with their weights applied; their sum is what training minimises.

    Where labels are partial (`targets.partial`), several possible classes are learnt by `union_logit`, boxes only from
    tight ones and masks only from known ones. Where objects may be missing, nothing is learnt outside the boxes.

    Args:
        output: of the network.
        targets: truth of the same B images.
        size_hw: of the input, px.
        assignment: "task" or "place", see `assign` and `assign_by_location`.
    Returns:
        "class" (quality focal loss), "box" (GIoU) and "sides" (distribution focal loss) by the sum of the
        points' qualities; "mask" (cross-entropy in the true box, by its area) and "dice" by masks. Scalars.
    Source: Feng et al. 2021 (TOOD), section 3.3; Li et al. 2020 (Generalized Focal Loss), equations 5 and 6;
        Milletari et al. 2016 (V-Net), section 3 (Dice).
    """
    logits, sides = output.logits.float(), output.sides.float()
    points, strides = output.points, output.strides
    boxes = boxes_of(sides, points, strides)
    scale = torch.tensor([size_hw[1], size_hw[0]] * 2, device=boxes.device)
    true_boxes = targets.boxes_xyxy * scale
    truth_of = {
        "true_boxes": true_boxes,
        "class_ids": targets.class_ids,
        "present": targets.present,
        "crowd": targets.crowd,
    }
    if assignment == "place":
        chosen = assign_by_location(logits.shape[2], points, strides, partial=targets.partial, **truth_of)
    else:
        chosen = assign(logits.sigmoid(), boxes, points, strides, partial=targets.partial, **truth_of)
    total = shared_count(chosen.quality.sum())
    positive = chosen.positive
    owner, index = positive.nonzero(as_tuple=True)
    mine = chosen.objects[owner, index]
    weight, truth = chosen.quality[owner, index], true_boxes[owner, mine]
    boxed = total
    if targets.partial is not None:
        weight = weight * targets.partial.tight[owner, mine]
        boxed = shared_count(weight.sum())
    overlap = box_iou(boxes[owner, index], truth, generalised=True)
    distances = (
        torch.cat([points[index] - truth[:, :2], truth[:, 2:] - points[index]], dim=1) / strides[index]
    )
    return {
        "class": CLASS_WEIGHT * _class_loss(logits, targets, chosen) / total,
        "box": BOX_WEIGHT * ((1 - overlap) * weight).sum() / boxed,
        "sides": SIDES_WEIGHT * (_sides_loss(sides[owner, index], distances) * weight).sum() / boxed,
        **_mask_losses(output, targets, chosen),
    }


def _class_loss(logits: Tensor, targets: Targets, chosen: Assignment) -> Tensor:
    """Quality focal loss of every point; of the classes that an object may be of, their union's."""
    truth = torch.zeros_like(logits)
    labels = targets.class_ids.gather(1, chosen.objects).clamp(min=0)
    truth.scatter_(2, labels[..., None], chosen.quality[..., None])
    asked = ~chosen.ignored[..., None]
    partial = targets.partial
    if partial is None:
        return (_quality_focal(logits, truth) * asked).sum()
    owner, point = (chosen.positive & partial.coarse.gather(1, chosen.objects)).nonzero(as_tuple=True)
    sets = partial.class_sets[owner, chosen.objects[owner, point]]
    asked = asked.expand_as(logits).clone()
    asked[owner, point] = ~sets
    union = _quality_focal(union_logit(logits[owner, point], sets), chosen.quality[owner, point])
    return (_quality_focal(logits, truth) * asked).sum() + union.sum()


def _quality_focal(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy with the quality, weighted by how far the score is from it."""
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return entropy * (truth - logits.sigmoid()).square().detach()


def union_logit(logits: Tensor, sets: Tensor) -> Tensor:
    """Logit of "one of these classes": logits (M, C), bool sets (M, C) to (M,).

    The classes' own logit where a set has one class. The gradient is shared by the classes as the network believes in
    them.

    Source: noisy-OR (Viola, Platt, Zhang 2005), in logarithms. As the loss of a set of candidate classes: the
        classifier-consistent method of Feng et al. 2020, "Provably consistent partial-label learning", with independent
        scores instead of a softmax.
    """
    none = (F.softplus(logits) * sets).sum(1).clamp(min=1e-30)  # -log of the probability of none
    return none + torch.log(-torch.expm1(-none))


def _sides_loss(logits: Tensor, distances: Tensor) -> Tensor:
    """(M, 4, reg_max) logits against (M, 4) distances in cells: the two bins around each must share it. (M,)."""
    distances = distances.clamp(0, REG_MAX - 1 - 1e-3)
    low = distances.long()
    part = distances - low
    log = logits.log_softmax(-1)
    loss = -log.gather(2, low[..., None])[..., 0] * (1 - part)
    loss = loss - log.gather(2, low[..., None] + 1)[..., 0] * part
    return loss.mean(-1)


def _mask_losses(output: SiftOutput, targets: Targets, chosen: Assignment) -> dict[str, Tensor]:
    """The best points' masks inside the boxes of their objects."""
    known = _with_masks(targets, chosen)
    width = min(int((known > 0).sum(1).max()), MASKS_PER_IMAGE)
    if width == 0:
        shared_count(torch.zeros((), device=known.device))  # the other processes wait for this one's share
        nothing = (output.prototypes.sum() + output.coefficients.sum()) * 0.0  # every weight keeps a gradient
        return {"mask": nothing, "dice": nothing}
    quality, best = known.topk(width, dim=1)
    owner, index = (quality > 0).nonzero(as_tuple=True)
    point = best[owner, index]
    mine = chosen.objects[owner, point]
    count = shared_count(torch.tensor(float(len(owner)), device=quality.device))
    coefficients = torch.zeros(*best.shape, output.coefficients.shape[2], device=quality.device)
    coefficients = coefficients.index_put((owner, index), output.coefficients[owner, point].float())
    logits = torch.einsum("btk,bkhw->bthw", coefficients, output.prototypes.float())[owner, index]
    truth = targets.proto_masks[owner, mine].float()
    inside = _cells_inside(targets.boxes_xyxy[owner, mine], *logits.shape[1:])
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * inside
    area = inside.sum((1, 2)).clamp(min=1)
    found, truth = logits.sigmoid() * inside, truth * inside
    shared = (found * truth).sum((1, 2))
    dice = 1 - (2 * shared + 1) / (found.sum((1, 2)) + truth.sum((1, 2)) + 1)
    return {
        "mask": MASK_WEIGHT * (entropy.sum((1, 2)) / area).sum() / count,
        "dice": DICE_WEIGHT * dice.sum() / count,
    }


def _with_masks(targets: Targets, chosen: Assignment) -> Tensor:
    """(B, A) quality of the points whose object has a known mask, 0 elsewhere."""
    if targets.partial is None:
        return chosen.quality
    return chosen.quality * targets.partial.masked.gather(1, chosen.objects)


def _cells_inside(boxes: Tensor, height: int, width: int) -> Tensor:
    """(M, 4) relative boxes: (M, height, width) bool, cells of the box grown by one cell."""
    x = torch.arange(width, device=boxes.device)
    y = torch.arange(height, device=boxes.device)
    scale = torch.tensor([width, height, width, height], device=boxes.device)
    left, top, right, bottom = (boxes * scale)[..., None].unbind(1)
    columns = (x >= left - 1) & (x < right + 1)
    rows = (y >= top - 1) & (y < bottom + 1)
    return rows[:, :, None] & columns[:, None, :]
