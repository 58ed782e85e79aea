"""R-CNN's inference as one graph of fixed shapes, which exports with a dynamic batch.

torchvision's own inference filters lists of images and boxes, whose sizes depend on the data; engines without
PyTorch cannot run that, or only one image at a time. Here suppressed boxes stay in the output with a score of 0.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops import nms, roi_align

from seasift.models.rcnn.network import Rcnn

CANDIDATES = 1000  # scores above the threshold that take part in the last suppression
_SMALLEST_BOX = 1e-2


class RcnnGraph(nn.Module):
    """What is exported: the network up to boxes, scores, classes and masks inside the boxes.

    Args:
        network: in evaluation mode. Numbers of proposals and detections and thresholds are torchvision's.
    """

    anchors: Tensor

    def __init__(self, network: Rcnn) -> None:
        super().__init__()
        self.network = network
        self.size_hw = network.config.size_hw
        layout = network.layout()
        self.register_buffer("anchors", layout.anchors, persistent=False)
        self._counts = layout.counts
        self._pooled = [
            (name, layout.octaves[name])
            for name in network.roi_heads.box_roi_pool.featmap_names
            if name in layout.octaves
        ]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Normalised images (B, 3, H, W) float32 to detections, best first.

        Returns:
            boxes (B, N, 4) relative x1, y1, x2, y2; scores (B, N), 0 where there is no object; classes
            (B, N) float; for Mask R-CNN also masks (B, N, M, M), probabilities.
        """
        features = self.network.features(images)
        proposals, proposed = self._propose(features)
        boxes, scores, classes = self._detect(features, proposals, proposed)
        scale = boxes.new_tensor([self.size_hw[1], self.size_hw[0]] * 2)
        found = (boxes / scale, scores, classes.to(boxes.dtype))
        return (*found, self._masks(features, boxes, classes)) if self.network.has_masks else found

    def _propose(self, features: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Proposals (B, n, 4) in px and which of them are real (B, n)."""
        rpn = self.network.rpn
        objectness, deltas = rpn.head(list(features.values()))
        boxes, scores, groups = [], [], []
        for level, anchors in enumerate(torch.split(self.anchors, self._counts)):
            flat = objectness[level].permute(0, 2, 3, 1).flatten(1)
            moves = deltas[level].permute(0, 2, 3, 1).reshape(flat.shape[0], -1, 4)
            best, indices = flat.topk(min(rpn.pre_nms_top_n(), self._counts[level]), dim=1)
            boxes.append(self._decode(rpn.box_coder, moves.gather(1, _wide(indices, 4)), anchors[indices]))
            scores.append(best.sigmoid())
            groups += [level] * best.shape[1]
        box, score = torch.cat(boxes, 1), torch.cat(scores, 1)
        score = score.masked_fill(~_large(box, rpn.min_size), -1.0)
        group = torch.tensor(groups, device=box.device).expand(score.shape)
        score = self._suppress(box, score, group, len(boxes), rpn.nms_thresh)
        best, indices = score.topk(min(rpn.post_nms_top_n(), score.shape[1]), dim=1)
        return box.gather(1, _wide(indices, 4)), best > 0

    def _detect(
        self, features: dict[str, Tensor], proposals: Tensor, proposed: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes (B, N, 4) in px, scores (B, N) and classes (B, N) int64, best first."""
        heads = self.network.roi_heads
        count, classes = proposals.shape[1], self.network.config.classes
        pooled = self._pool(features, proposals, heads.box_roi_pool)
        logits, deltas = heads.box_predictor(heads.box_head(pooled))
        scores = logits.float().softmax(-1)[:, 1:].reshape(-1, count, classes)
        moves = deltas.float().reshape(-1, count, classes + 1, 4)[:, :, 1:]
        start = proposals[:, :, None].expand(-1, -1, classes, -1)
        boxes = self._decode(heads.box_coder, moves, start)
        fine = (scores > heads.score_thresh) & proposed[..., None] & _large(boxes, _SMALLEST_BOX)
        best, indices = (
            scores.masked_fill(~fine, -1.0).flatten(1).topk(min(CANDIDATES, count * classes), dim=1)
        )
        kinds = indices % classes
        boxes = boxes.flatten(1, 2).gather(1, _wide(indices, 4))
        best = self._suppress(boxes, best, kinds, classes, heads.nms_thresh)
        best, indices = best.topk(min(heads.detections_per_img, best.shape[1]), dim=1)
        return boxes.gather(1, _wide(indices, 4)), best.clamp(min=0), kinds.gather(1, indices)

    def _masks(self, features: dict[str, Tensor], boxes: Tensor, classes: Tensor) -> Tensor:
        """Probabilities (B, N, M, M) of each object's own class."""
        heads = self.network.roi_heads
        pooled = self._pool(features, boxes, heads.mask_roi_pool)
        logits = heads.mask_predictor(heads.mask_head(pooled)).float()
        index = (classes.flatten() + 1)[:, None, None, None].expand(-1, 1, *logits.shape[2:])
        own: Tensor = logits.gather(1, index)
        return own.sigmoid().reshape(*boxes.shape[:2], *logits.shape[2:])

    def _pool(self, features: dict[str, Tensor], boxes: Tensor, pool: nn.Module) -> Tensor:
        """RoI align on the level that a box's size asks for (Lin et al. 2017, equation 1): (B * n, F, S, S)."""
        count = boxes.shape[1]
        owner = torch.arange(boxes.shape[0], device=boxes.device, dtype=boxes.dtype)
        rois = torch.cat([owner[:, None, None].expand(-1, count, 1), boxes], dim=2).flatten(0, 1)
        side: int = pool.output_size[0]  # type: ignore[index,assignment]
        by_level: list[Tensor] = [
            roi_align(
                features[name], rois, side, spatial_scale=2.0**-octave, sampling_ratio=pool.sampling_ratio
            )
            for name, octave in self._pooled
        ]
        if len(by_level) == 1:
            return by_level[0]
        finest, coarsest = self._pooled[0][1], self._pooled[-1][1]
        area = (rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])
        level = torch.floor(4 + torch.log2(area.clamp(min=1e-12).sqrt() / 224) + 1e-6)
        level = (level - finest).clamp(0, coarsest - finest)[:, None, None, None]
        pooled = by_level[0]
        for number, other in enumerate(by_level[1:], start=1):
            pooled = torch.where(level == number, other, pooled)
        return pooled

    def _decode(self, coder: nn.Module, moves: Tensor, start: Tensor) -> Tensor:
        """Move boxes (..., 4) as an R-CNN box coder does and clip them to the input."""
        weights: tuple[float, ...] = coder.weights  # type: ignore[assignment]
        dx, dy, dw, dh = (moves[..., i] / weights[i] for i in range(4))
        limit: float = coder.bbox_xform_clip  # type: ignore[assignment]
        size = start[..., 2:] - start[..., :2]
        centre = start[..., :2] + 0.5 * size
        centre = centre + torch.stack([dx, dy], -1) * size
        half = torch.stack([dw, dh], -1).clamp(max=limit).exp() * size * 0.5
        low, high = centre - half, centre + half
        edge = moves.new_tensor([self.size_hw[1], self.size_hw[0]])
        return torch.cat([low.clamp(min=0).minimum(edge), high.clamp(min=0).minimum(edge)], -1)

    def _suppress(self, boxes: Tensor, scores: Tensor, group: Tensor, groups: int, iou: float) -> Tensor:
        """Non-maximum suppression within each image and group: scores (B, n), -1 for what falls."""
        own = torch.arange(boxes.shape[0], device=boxes.device)[:, None] * groups + group
        apart = (max(self.size_hw) + 1) * own.to(boxes.dtype)
        kept = nms((boxes + apart[..., None]).flatten(0, 1), scores.flatten(), iou)
        flags = torch.zeros_like(scores).flatten().index_fill(0, kept, 1.0).reshape(scores.shape)
        return torch.where(flags > 0, scores, -1.0)


def _large(boxes: Tensor, least: float) -> Tensor:
    return (boxes[..., 2] - boxes[..., 0] >= least) & (boxes[..., 3] - boxes[..., 1] >= least)


def _wide(indices: Tensor, width: int) -> Tensor:
    return indices[..., None].expand(-1, -1, width)
