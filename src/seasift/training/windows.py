"""The part of an image that a sample shows, and looking through it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from seasift.recipes.recipe import AugmentRecipe
from seasift.training.batches import Batch

CROP_TRIALS = 50
MIN_OVERLAPS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
EXPAND_UP_TO = 4.0


def draw_windows(batch: Batch, recipe: AugmentRecipe, random: Generator) -> Tensor:
    """The part of each image that will be seen: (B, 4) x1, y1, x2, y2 relative to the image."""
    count = len(batch.file_names)
    if recipe.scale:
        whole = torch.tensor([batch.images_rgb_u8.shape[2], batch.images_rgb_u8.shape[1]])
        shown = torch.tensor(recipe.size[::-1]) if recipe.size else whole
        low, high = (math.log(factor) for factor in recipe.scale)
        side = shown / whole * torch.exp(-(torch.rand(count, 1, generator=random) * (high - low) + low))
        corner = torch.rand(count, 2, generator=random) * (batch.content.cpu() - side)
        return torch.cat([corner, corner + side], dim=1)
    canvas = torch.tensor([0.0, 0.0, 1.0, 1.0]).repeat(count, 1)
    if recipe.expand:
        ratio = 1 + torch.rand(count, 1, generator=random) * (EXPAND_UP_TO - 1)
        corner = -torch.rand(count, 2, generator=random) * (ratio - 1)
        used = torch.rand(count, 1, generator=random) < 0.5
        canvas = torch.where(used, torch.cat([corner, corner + ratio], dim=1), canvas)
    if not recipe.crop:
        return canvas
    boxes, present = batch.boxes_xyxy.cpu(), batch.present.cpu()
    side = (canvas[:, 2:] - canvas[:, :2]).repeat(1, 2)
    within = (boxes - canvas[:, :2].repeat(1, 2)[:, None]) / side[:, None]
    crop = _draw_crops(within, present, random)
    return canvas[:, :2].repeat(1, 2) + crop * side


def _draw_crops(boxes: Tensor, present: Tensor, random: Generator) -> Tensor:
    """The first of 50 random crops (B, 4) that meets the drawn overlap; the whole where none does.

    A crop has sides of 0.3 to 1 and an aspect ratio of 1/2 to 2, holds the centre of an object and
    overlaps one by at least the drawn IoU.
    """
    count = len(boxes)
    sides = 0.3 + 0.7 * torch.rand(count, CROP_TRIALS, 2, generator=random)
    corner = torch.rand(count, CROP_TRIALS, 2, generator=random) * (1 - sides)
    choice = torch.randint(len(MIN_OVERLAPS) + 1, (count,), generator=random)
    crops = torch.cat([corner, corner + sides], dim=-1)
    ratio = sides[..., 1] / sides[..., 0]
    a, b = crops[:, :, None], boxes[:, None]
    shared = (
        (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    )
    areas = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1)
    overlap = (shared / (areas - shared)).masked_fill(~present[:, None], -1).amax(-1)
    centre = (boxes[..., :2] + boxes[..., 2:])[:, None] / 2
    holds = ((centre > a[..., :2]) & (centre < a[..., 2:])).all(-1) & present[:, None]
    least = torch.tensor([*MIN_OVERLAPS, 2.0])[choice]
    good = (ratio > 0.5) & (ratio < 2) & (overlap >= least[:, None]) & holds.any(-1)
    first = good.float().argmax(dim=1)
    chosen = crops[torch.arange(count), first]
    return torch.where(good.any(dim=1, keepdim=True), chosen, torch.tensor([0.0, 0.0, 1.0, 1.0]))


def look_through(planes: Tensor, window: Tensor, flip: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Sample (B, C, H, W) bilinearly through windows (B, 4), mirrored where `flip`, zero outside."""
    scale = window[:, 2:] - window[:, :2]
    middle = window[:, :2] + window[:, 2:] - 1
    theta = torch.zeros(len(planes), 2, 3, device=planes.device)
    theta[:, 0, 0] = torch.where(flip, -scale[:, 0], scale[:, 0])
    theta[:, 1, 1] = scale[:, 1]
    theta[:, :, 2] = middle
    grid = F.affine_grid(theta, [len(planes), planes.shape[1], *size_hw], align_corners=False)
    return F.grid_sample(planes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
