"""The losses, vectorised over the batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seasift.models.sift.assignment import Assignment, assign, assign_by_location, box_iou
from seasift.models.sift.config import REG_MAX
from seasift.models.sift.network import SiftOutput, boxes_of
from seasift.models.targets import Targets, shared_count

CLASS_WEIGHT, BOX_WEIGHT, SIDES_WEIGHT, MASK_WEIGHT, DICE_WEIGHT = 1.0, 2.0, 0.5, 2.0, 1.0
MASKS_PER_IMAGE = 32


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
        assignment: "task" or "place", see `assignment.assign` and `assign_by_location`.
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
    """(M, 4, BINS) logits against (M, 4) distances in cells: the two bins around each must share it. (M,)."""
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
    inside = _inside(targets.boxes_xyxy[owner, mine], *logits.shape[1:])
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


def _inside(boxes: Tensor, height: int, width: int) -> Tensor:
    """(M, 4) relative boxes: (M, height, width) bool, cells of the box grown by one cell."""
    x = torch.arange(width, device=boxes.device)
    y = torch.arange(height, device=boxes.device)
    scale = torch.tensor([width, height, width, height], device=boxes.device)
    left, top, right, bottom = (boxes * scale)[..., None].unbind(1)
    columns = (x >= left - 1) & (x < right + 1)
    rows = (y >= top - 1) & (y < bottom + 1)
    return rows[:, :, None] & columns[:, None, :]
