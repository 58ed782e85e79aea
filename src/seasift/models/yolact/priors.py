"""Priors (anchor boxes) and the two directions of the box code."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seasift.models.yolact.config import ASPECT_RATIOS

VARIANCES = (0.1, 0.2)


def make_priors(level_sizes_hw: Sequence[tuple[int, int]], scales_px: Sequence[float], size: int) -> Tensor:
    """Priors of all levels, row by row, three aspect ratios a place.

    Returns:
        (P, 4) float32: cx, cy, w, h relative to the input.
    Source: Bolya et al. 2019, section 4. Differs as the published implementation does: the prior of
        aspect ratio r is a square of side `scale * sqrt(r)`.
    """
    levels = []
    for (height, width), scale in zip(level_sizes_hw, scales_px, strict=True):
        y = (torch.arange(height, dtype=torch.float64) + 0.5) / height
        x = (torch.arange(width, dtype=torch.float64) + 0.5) / width
        sides = scale * torch.tensor(ASPECT_RATIOS, dtype=torch.float64).sqrt() / size
        grid_y, grid_x, side = torch.meshgrid(y, x, sides, indexing="ij")
        levels.append(torch.stack([grid_x, grid_y, side, side], dim=-1).reshape(-1, 4))
    return torch.cat(levels).float()


def to_corners(boxes_cxcywh: Tensor) -> Tensor:
    """(..., 4) cx, cy, w, h to x1, y1, x2, y2."""
    half = boxes_cxcywh[..., 2:] / 2
    return torch.cat([boxes_cxcywh[..., :2] - half, boxes_cxcywh[..., :2] + half], dim=-1)


def to_centres(boxes_xyxy: Tensor) -> Tensor:
    """(..., 4) x1, y1, x2, y2 to cx, cy, w, h."""
    return torch.cat(
        [(boxes_xyxy[..., :2] + boxes_xyxy[..., 2:]) / 2, boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]], dim=-1
    )


def encode(boxes_xyxy: Tensor, priors: Tensor) -> Tensor:
    """Boxes (..., P, 4) as offsets from their priors (P, 4).

    Source: Liu et al. 2016 (SSD), section 2.2, with variances 0.1 and 0.2.
    """
    centres = to_centres(boxes_xyxy)
    shift = (centres[..., :2] - priors[..., :2]) / (VARIANCES[0] * priors[..., 2:])
    growth = torch.log(centres[..., 2:] / priors[..., 2:]) / VARIANCES[1]
    return torch.cat([shift, growth], dim=-1)


def decode(offsets: Tensor, priors: Tensor) -> Tensor:
    """Offsets (..., P, 4) and priors (P, 4) to boxes (..., P, 4) x1, y1, x2, y2; inverse of `encode`."""
    centre = priors[..., :2] + offsets[..., :2] * VARIANCES[0] * priors[..., 2:]
    side = priors[..., 2:] * torch.exp(offsets[..., 2:] * VARIANCES[1])
    return torch.cat([centre - side / 2, centre + side / 2], dim=-1)
