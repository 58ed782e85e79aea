"""The four losses, vectorised over the batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seasift.models.targets import Targets, shared_count
from seasift.models.yolact.matching import NEUTRAL, Matches, match
from seasift.models.yolact.network import YolactOutput

BOX_WEIGHT, CLASS_WEIGHT, MASK_WEIGHT, SEMANTIC_WEIGHT = 1.5, 1.0, 6.125, 1.0
NEGATIVES_PER_POSITIVE = 3
MASKS_PER_PICTURE = 100
# What binary cross-entropy gives for a certain and wrong answer, as clamped by PyTorch.
CERTAIN_AND_WRONG = 100.0


def yolact_loss(output: YolactOutput, targets: Targets, priors: Tensor) -> dict[str, Tensor]:
    """Losses with their published weights applied; their sum is what training minimises.

    Args:
        output: of the network in training mode.
        targets: truth of the same B pictures.
        priors: (P, 4).
    Returns:
        "box" (smooth L1), "class" (cross-entropy with 3:1 hard negatives), "mask" (cross-entropy inside
        the true box, by its area), each by the number of positive priors; "semantic" by pictures. Scalars.
    Source: Bolya et al. 2019, sections 3.1, 3.2, 4 and the published weights 1.5, 1, 6.125, 1.
    """
    matches = match(targets, priors)
    positives = shared_count(matches.positive.sum())
    losses = {
        "box": BOX_WEIGHT * _box_loss(output.offsets.float(), matches) / positives,
        "class": CLASS_WEIGHT * _class_loss(output.logits.float(), matches) / positives,
        "mask": MASK_WEIGHT * _mask_loss(output, targets, matches) / positives,
    }
    if output.semantic is not None:
        losses["semantic"] = SEMANTIC_WEIGHT * _semantic_loss(output.semantic.float(), targets)
    return losses


def _box_loss(offsets: Tensor, matches: Matches) -> Tensor:
    keep = matches.positive
    return F.smooth_l1_loss(offsets[keep], matches.offsets[keep], reduction="sum")


def _class_loss(logits: Tensor, matches: Matches) -> Tensor:
    """Cross-entropy of the positives and, in each picture, of the three times as many worst negatives."""
    background_loss = (logits.logsumexp(-1) - logits[..., 0]).detach()
    background_loss = background_loss.masked_fill(matches.labels != 0, 0.0)
    order = background_loss.argsort(dim=1, descending=True)
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    rank = torch.empty_like(order).scatter_(1, order, places)
    wanted = NEGATIVES_PER_POSITIVE * matches.positive.sum(1, keepdim=True)
    hard = (rank < wanted.clamp(max=order.shape[1] - 1)) & (matches.labels == 0)
    chosen = matches.positive | hard
    return F.cross_entropy(logits[chosen], matches.labels[chosen], reduction="sum", ignore_index=NEUTRAL)


def _mask_loss(output: YolactOutput, targets: Targets, matches: Matches) -> Tensor:
    """Each positive prior's mask against its object, inside the object's box, by the box's area.

    At most 100 priors of a picture take part, drawn at random, and stand for the rest.
    """
    counts = matches.positive.sum(1)
    width = min(int(counts.max()), MASKS_PER_PICTURE)
    if width == 0:
        return (output.prototypes.sum() + output.coefficients.sum()) * 0.0  # every weight keeps a gradient
    draw = torch.rand(matches.labels.shape, device=matches.labels.device)
    drawn, chosen = draw.masked_fill(~matches.positive, -1.0).topk(width, dim=1)  # (B, T)
    objects = matches.objects.gather(1, chosen)
    weight = (drawn >= 0) * (counts / counts.clamp(1, width))[:, None]

    coefficients = output.coefficients.gather(1, _over(chosen, output.coefficients.shape[2])).float()
    prototypes = output.prototypes.float()
    logits = torch.einsum("btk,bhwk->bthw", coefficients, prototypes)
    truth = targets.proto_masks.gather(1, objects[..., None, None].expand(-1, -1, *logits.shape[2:])).float()
    boxes = targets.boxes_xyxy.gather(1, _over(objects, 4))

    inside = _inside(boxes, logits.shape[2], logits.shape[3])
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    entropy = torch.where(inside, entropy.clamp(max=CERTAIN_AND_WRONG), CERTAIN_AND_WRONG * truth)
    area = (boxes[..., 2:] - boxes[..., :2]).prod(-1).clamp(min=1e-6) * logits.shape[2] * logits.shape[3]
    return (entropy.sum((2, 3)) / area * weight).sum()


def _inside(boxes: Tensor, height: int, width: int) -> Tensor:
    """(B, T, 4) relative boxes: (B, T, height, width) bool, cells of the box grown by one cell."""
    x = torch.arange(width, device=boxes.device)
    y = torch.arange(height, device=boxes.device)
    scale = torch.tensor([width, height, width, height], device=boxes.device)
    left, top, right, bottom = (boxes * scale)[..., None].unbind(2)
    columns = (x >= left - 1) & (x < right + 1)
    rows = (y >= top - 1) & (y < bottom + 1)
    return rows[..., :, None] & columns[..., None, :]


def _semantic_loss(logits: Tensor, targets: Targets) -> Tensor:
    """Every pixel's classes, a mean over pixels summed over classes; classes may overlap."""
    masks = (targets.semantic_masks & targets.present[..., None, None]).flatten(2).float()
    truth = torch.zeros_like(logits).flatten(2)
    classes = targets.class_ids.clamp(min=0)[..., None].expand_as(masks)
    truth.scatter_reduce_(1, classes, masks, reduce="amax")
    entropy = F.binary_cross_entropy_with_logits(logits.flatten(2), truth, reduction="sum")
    return entropy / (logits.shape[0] * logits.shape[2] * logits.shape[3])


def _over(index: Tensor, width: int) -> Tensor:
    return index[..., None].expand(-1, -1, width)
