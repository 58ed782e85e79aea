"""The losses, vectorised over the batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seasift.models.sift.assignment import Assignment, assign, assign_by_place, box_iou
from seasift.models.sift.config import BINS
from seasift.models.sift.dynamic import dynamic_logits
from seasift.models.sift.network import SiftOutput, boxes_of
from seasift.models.targets import Targets, shared_count

CLASS_WEIGHT, BOX_WEIGHT, SIDES_WEIGHT, MASK_WEIGHT, DICE_WEIGHT = 1.0, 2.0, 0.5, 2.0, 1.0
MASKS_PER_PICTURE = 32
DYNAMIC_MASKS = 128  # of a batch, drawn anew each step


def sift_loss(
    output: SiftOutput, targets: Targets, size_hw: tuple[int, int], assignment: str = "task"
) -> dict[str, Tensor]:
    """Losses with their weights applied; their sum is what training minimises.

    Args:
        output: of the network.
        targets: truth of the same B pictures.
        size_hw: of the input, px.
        assignment: "task" or "place", see `assignment.assign` and `assign_by_place`.
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
        chosen = assign_by_place(logits.shape[2], points, strides, **truth_of)
    else:
        chosen = assign(logits.sigmoid(), boxes, points, strides, **truth_of)
    total = shared_count(chosen.quality.sum())
    positive = chosen.positive
    owner, place = positive.nonzero(as_tuple=True)
    mine = chosen.objects[owner, place]
    weight, truth = chosen.quality[owner, place], true_boxes[owner, mine]
    overlap = box_iou(boxes[owner, place], truth, generalised=True)
    distances = (
        torch.cat([points[place] - truth[:, :2], truth[:, 2:] - points[place]], dim=1) / strides[place]
    )
    return {
        "class": CLASS_WEIGHT * _class_loss(logits, targets.class_ids, chosen) / total,
        "box": BOX_WEIGHT * ((1 - overlap) * weight).sum() / total,
        "sides": SIDES_WEIGHT * (_sides_loss(sides[owner, place], distances) * weight).sum() / total,
        **_mask_losses(output, targets, chosen),
    }


def _class_loss(logits: Tensor, class_ids: Tensor, chosen: Assignment) -> Tensor:
    """Cross-entropy with the quality, weighted by how far the score is from it."""
    truth = torch.zeros_like(logits)
    labels = class_ids.gather(1, chosen.objects).clamp(min=0)
    truth.scatter_(2, labels[..., None], chosen.quality[..., None])
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    far = (truth - logits.sigmoid()).square().detach()
    return (entropy * far * ~chosen.ignored[..., None]).sum()


def _sides_loss(logits: Tensor, distances: Tensor) -> Tensor:
    """(M, 4, BINS) logits against (M, 4) distances in cells: the two bins around each must share it. (M,)."""
    distances = distances.clamp(0, BINS - 1 - 1e-3)
    low = distances.long()
    part = distances - low
    log = logits.log_softmax(-1)
    loss = -log.gather(2, low[..., None])[..., 0] * (1 - part)
    loss = loss - log.gather(2, low[..., None] + 1)[..., 0] * part
    return loss.mean(-1)


def _mask_losses(output: SiftOutput, targets: Targets, chosen: Assignment) -> dict[str, Tensor]:
    """The best points' masks inside the boxes of their objects."""
    width = min(int(chosen.positive.sum(1).max()), MASKS_PER_PICTURE)
    if width == 0:
        nothing = (output.prototypes.sum() + output.coefficients.sum()) * 0.0  # every weight keeps a gradient
        return {"mask": nothing, "dice": nothing}
    quality, best = chosen.quality.topk(width, dim=1)
    owner, place = (quality > 0).nonzero(as_tuple=True)
    if output.dynamic and len(owner) > DYNAMIC_MASKS:
        drawn = torch.multinomial(quality[owner, place], DYNAMIC_MASKS)
        owner, place = owner[drawn], place[drawn]
    point = best[owner, place]
    mine = chosen.objects[owner, point]
    count = shared_count(torch.tensor(float(len(owner)), device=quality.device))
    if output.dynamic:
        logits = _dynamic_logits(output, owner, point)
    else:
        coefficients = torch.zeros(*best.shape, output.coefficients.shape[2], device=quality.device)
        coefficients = coefficients.index_put((owner, place), output.coefficients[owner, point].float())
        logits = torch.einsum("btk,bkhw->bthw", coefficients, output.prototypes.float())[owner, place]
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


def _dynamic_logits(output: SiftOutput, owner: Tensor, point: Tensor) -> Tensor:
    """Logits (M, H/4, W/4) of the masks of some points, relative to the boxes that these give by now."""
    features = output.prototypes.float()
    with torch.no_grad():
        boxes = boxes_of(output.sides[owner, point].float(), output.points[point], output.strides[point])
        boxes = boxes / boxes.new_tensor([4 * features.shape[3], 4 * features.shape[2]] * 2)
    return dynamic_logits(features, owner, output.coefficients[owner, point].float(), boxes)


def _inside(boxes: Tensor, height: int, width: int) -> Tensor:
    """(M, 4) relative boxes: (M, height, width) bool, cells of the box grown by one cell."""
    x = torch.arange(width, device=boxes.device)
    y = torch.arange(height, device=boxes.device)
    scale = torch.tensor([width, height, width, height], device=boxes.device)
    left, top, right, bottom = (boxes * scale)[..., None].unbind(1)
    columns = (x >= left - 1) & (x < right + 1)
    rows = (y >= top - 1) & (y < bottom + 1)
    return rows[:, :, None] & columns[:, None, :]
