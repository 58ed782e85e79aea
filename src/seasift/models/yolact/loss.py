"""What YOLACT learns: which prior learns which object, and the four losses. Both are vectorised over the batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from seasift.models.family import Targets, shared_count
from seasift.models.yolact.network import YolactOutput, encode, to_corners

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
        targets: of B images.
        priors: (P, 4) cx, cy, w, h.
    Source: Bolya et al. 2019, section 4, after Liu et al. 2016, section 2.2; rules for ties and crowds as
        published. Differs: no loop over images; claims that cannot disturb each other are settled at once.
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
        image, which = settled.nonzero(as_tuple=True)
        taken = prior[image, which]
        best_overlap[image, taken] = 2.0
        objects[image, taken] = which
        overlap[image, :, taken] = -1.0
        overlap[image, which] = -1.0
        open_objects &= ~settled


def _iou(boxes: Tensor, corners: Tensor, *, over_second: bool) -> Tensor:
    """(B, N, 4) with (P, 4): (B, N, P); overlap over the union, or over the second box's area."""
    a, b = boxes[:, :, None], corners[None, None]
    sides = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    overlap = sides[..., 0] * sides[..., 1]
    area_a, area_b = (a[..., 2:] - a[..., :2]).prod(-1), (b[..., 2:] - b[..., :2]).prod(-1)
    return overlap / (area_b if over_second else area_a + area_b - overlap)


BOX_WEIGHT, CLASS_WEIGHT, MASK_WEIGHT, SEMANTIC_WEIGHT = 1.5, 1.0, 6.125, 1.0
NEGATIVES_PER_POSITIVE = 3
MASKS_PER_IMAGE = 100
# What binary cross-entropy gives for a certain and wrong answer, as clamped by PyTorch.
CERTAIN_AND_WRONG = 100.0


def yolact_loss(output: YolactOutput, targets: Targets, priors: Tensor) -> dict[str, Tensor]:
    """Losses with their published weights applied; their sum is what training minimises.

    Args:
        output: of the network in training mode.
        targets: truth of the same B images.
        priors: (P, 4).
    Returns:
        "box" (smooth L1), "class" (cross-entropy with 3:1 hard negatives), "mask" (cross-entropy inside
        the true box, by its area), each by the number of positive priors; "semantic" by images. Scalars.
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
    """Cross-entropy of the positives and, in each image, of the three times as many worst negatives."""
    background_loss = (logits.logsumexp(-1) - logits[..., 0]).detach()
    background_loss = background_loss.masked_fill(matches.labels != 0, 0.0)
    order = background_loss.argsort(dim=1, descending=True)
    indices = torch.arange(order.shape[1], device=order.device).expand_as(order)
    rank = torch.empty_like(order).scatter_(1, order, indices)
    wanted = NEGATIVES_PER_POSITIVE * matches.positive.sum(1, keepdim=True)
    hard = (rank < wanted.clamp(max=order.shape[1] - 1)) & (matches.labels == 0)
    chosen = matches.positive | hard
    return F.cross_entropy(logits[chosen], matches.labels[chosen], reduction="sum", ignore_index=NEUTRAL)


def _mask_loss(output: YolactOutput, targets: Targets, matches: Matches) -> Tensor:
    """Each positive prior's mask against its object, inside the object's box, by the box's area.

    At most 100 priors of an image take part, drawn at random, and stand for the rest.
    """
    counts = matches.positive.sum(1)
    width = min(int(counts.max()), MASKS_PER_IMAGE)
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
