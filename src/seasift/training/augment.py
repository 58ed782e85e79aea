"""Augmentation batched on the training device: images, boxes and masks together.

Source: Liu et al. 2016 (SSD), section 2.2, taken over by Bolya et al. 2019, section 5 ("all
augmentations of SSD"). Geometry is one window into the image a sample: expansion is a window that
reaches outside (filled with the mean), a crop one that lies inside; both compose.

Copy-paste cuts objects from one image of a batch by their masks and puts them into another.

First the part of an image that a sample shows, its window.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from seasift.models.family import Targets
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


LEAST_LEFT = 0.3
SCALE = (0.6, 1.5)


def copy_paste(batch: Batch, chance: float, random: Generator) -> Batch:
    """Put objects of each image, each with this chance, into another of the batch, resized, moved and mirrored.

    What is covered loses that part of its mask and its box shrinks; an object of which less than 0.3 is left is
    no longer asked for. An object without a mask stays where it is.

    Source: Ghiasi et al. 2021 (Simple Copy-Paste), section 3.
    """
    count, device = len(batch.file_names), batch.images_rgb_u8.device
    chosen = (torch.rand(batch.present.shape, generator=random) < chance).to(device) & batch.present
    if batch.partial is not None:
        chosen &= batch.partial.masked
    scale = torch.rand(count, 1, generator=random) * (SCALE[1] - SCALE[0]) + SCALE[0]
    corner = torch.rand(count, 2, generator=random) * (1 - 1 / scale)
    window = torch.cat([corner, corner + 1 / scale], dim=1).to(device)
    flip = (torch.rand(count, generator=random) < 0.5).to(device)
    shift = int(torch.randint(1, max(count, 2), (1,), generator=random))
    source, slot = chosen.nonzero(as_tuple=True)
    if count < 2 or not len(source):
        return batch
    size_hw = (batch.masks.shape[2], batch.masks.shape[3])
    moved = look_through(batch.masks[source, slot][:, None].float(), window[source], flip[source], size_hw)
    masks = moved[:, 0] > 0.5
    whole = batch.masks[source, slot].sum((1, 2)) / window_area(window[source])
    good = masks.sum((1, 2)) > LEAST_LEFT * whole
    source, slot, masks = source[good], slot[good], masks[good]
    target = (source + shift) % count
    cover = torch.zeros(count, *size_hw, dtype=torch.int32, device=device)
    cover = cover.index_add(0, target, masks.int()) > 0
    loaded = batch.images_rgb_u8.permute(0, 3, 1, 2).float()
    loaded = look_through(loaded, window, flip, size_hw).round().to(torch.uint8).permute(0, 2, 3, 1)
    images = torch.where(cover[..., None], loaded.roll(shift, 0), batch.images_rgb_u8)
    covered = _covered(replace(batch, images_rgb_u8=images), cover)
    return _appended(covered, target, source, slot, masks)


def window_area(window: Tensor) -> Tensor:
    """(B, 4) relative windows: (B,)."""
    return (window[:, 2:] - window[:, :2]).prod(1)


def _covered(batch: Batch, cover: Tensor) -> Batch:
    owner, slot = batch.present.nonzero(as_tuple=True)
    before = batch.masks[owner, slot]
    after = before & ~cover[owner]
    size, left = before.sum((1, 2)), after.sum((1, 2))
    keep, shrunk = left >= (LEAST_LEFT * size).clamp(min=1), left < size
    boxes, present, masks = batch.boxes_xyxy.clone(), batch.present.clone(), batch.masks.clone()
    present[owner, slot] = keep
    masks[owner, slot] = after
    changed = keep & shrunk
    boxes[owner[changed], slot[changed]] = tight_boxes(after[changed])
    return replace(batch, boxes_xyxy=boxes, present=present, masks=masks)


def _appended(batch: Batch, target: Tensor, source: Tensor, slot: Tensor, masks: Tensor) -> Batch:
    """The batch with more objects in the images `target`: those at (source, slot), with new masks."""
    if not len(target):
        return batch
    index = (target[:, None] == target[None, :]).tril(-1).sum(1)  # how many came to the same image before
    width = int(index.max()) + 1

    def grown(part: Tensor, values: Tensor) -> Tensor:
        more = torch.zeros(len(part), width, *part.shape[2:], dtype=part.dtype, device=part.device)
        more[target, index] = values
        return torch.cat([part, more], dim=1)

    yes = torch.ones_like(target, dtype=torch.bool)
    partial = batch.partial
    if partial is not None:
        partial = replace(
            partial,
            class_sets=grown(partial.class_sets, partial.class_sets[source, slot]),
            masked=grown(partial.masked, yes),
            tight=grown(partial.tight, yes),
        )
    return replace(
        batch,
        partial=partial,
        boxes_xyxy=grown(batch.boxes_xyxy, tight_boxes(masks)),
        class_ids=grown(batch.class_ids, batch.class_ids[source, slot]),
        present=grown(batch.present, yes),
        crowd=grown(batch.crowd, ~yes),
        masks=grown(batch.masks, masks),
    )


def tight_boxes(masks: Tensor) -> Tensor:
    """(M, H, W) bool, none empty, to (M, 4) x1, y1, x2, y2 relative to the grid."""
    found = []
    for axis in (1, 2):
        line = masks.any(axis)
        first = line.float().argmax(1)
        last = line.shape[1] - line.flip(1).float().argmax(1)
        found += [first / line.shape[1], last / line.shape[1]]
    x1, x2, y1, y2 = found
    return torch.stack([x1, y1, x2, y2], dim=1)


SMALLEST_SIDE = 4 / 550
MOST_HAZE = 0.6
WATER = ((0, 40, 60), (90, 170, 190))  # darkest and brightest backscatter, RGB


class Augment:
    """Turns a cached batch into the network's input and targets.

    Args:
        recipe: which steps to take.
        mean: of R, G, B in pixel units.
        std: of R, G, B in pixel units.
        mask_targets: "binary" or "area", see `TrainingRecipe`.
        full_masks: give masks on the input's own grid as well.
    """

    def __init__(
        self,
        recipe: AugmentRecipe,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        mask_targets: str = "binary",
        *,
        full_masks: bool = False,
    ) -> None:
        self.recipe, self._by_area, self._full = recipe, mask_targets == "area", full_masks
        self._mean, self._std = torch.tensor(mean).view(1, 3, 1, 1), torch.tensor(std).view(1, 3, 1, 1)

    @torch.no_grad()
    def __call__(self, batch: Batch, seed: int) -> tuple[Tensor, Targets]:
        """Draw everything from `seed`, on the CPU, so that every device sees the same image.

        Returns:
            Normalised images (B, 3, H, W) float32 in channels_last, and their targets.
        """
        random = Generator().manual_seed(seed)
        device = batch.images_rgb_u8.device
        if self.recipe.paste:
            batch = copy_paste(batch, self.recipe.paste, random)
        images = batch.images_rgb_u8.permute(0, 3, 1, 2).float()
        if self.recipe.photometric:
            images = photometric(images, random)
        if self.recipe.haze:
            images = haze(images, self.recipe.haze, random)
        window = draw_windows(batch, self.recipe, random).to(device)
        flipped = torch.rand(len(images), generator=random) < 0.5
        flip = flipped.to(device) if self.recipe.flip else torch.zeros_like(flipped, device=device)
        images = (images - self._mean.to(device)) / self._std.to(device)
        size_hw = self.recipe.size or (images.shape[2], images.shape[3])
        images = look_through(images, window, flip, size_hw)
        targets = _targets(batch, window, flip, size_hw, by_area=self._by_area, full=self._full)
        return images.contiguous(memory_format=torch.channels_last), targets


def photometric(images: Tensor, random: Generator) -> Tensor:
    """Brightness, contrast, saturation and hue, each with probability 1/2, for (B, 3, H, W) in 0..255.

    Contrast comes before or after the colour steps. Hue turns the colour plane of YIQ, which needs no
    branch a pixel; saturation stretches the same plane.
    """
    count, device = len(images), images.device

    def draw(low: float, high: float, neutral: float) -> Tensor:
        value = torch.rand(count, generator=random) * (high - low) + low
        used = torch.rand(count, generator=random) < 0.5
        return torch.where(used, value, neutral).view(-1, 1, 1, 1).to(device)

    brightness, contrast = draw(-32, 32, 0), draw(0.5, 1.5, 1)
    saturation, hue = draw(0.5, 1.5, 1), draw(-18, 18, 0) * (math.pi / 180)
    first = (torch.rand(count, generator=random) < 0.5).view(-1, 1, 1, 1).to(device)
    images = (images + brightness) * torch.where(first, contrast, 1.0)
    images = _turn_colours(images, saturation.flatten(), hue.flatten())
    return (images * torch.where(first, 1.0, contrast)).clamp(0, 255)


def haze(images: Tensor, chance: float, random: Generator) -> Tensor:
    """Turbid water before (B, 3, H, W) in 0..255: some of the light gives way to blue or green backscatter."""
    count, device = len(images), images.device
    used = (torch.rand(count, 1, generator=random) < chance).float()
    share = used * torch.rand(count, 1, generator=random) * MOST_HAZE
    low, high = torch.tensor(WATER).float()
    water = low + torch.rand(count, 3, generator=random) * (high - low)
    share, water = (part[..., None, None].to(device) for part in (share, water))
    return images * (1 - share) + water * share


def _turn_colours(images: Tensor, saturation: Tensor, hue: Tensor) -> Tensor:
    to_yiq = images.new_tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    cosine, sine = saturation * hue.cos(), saturation * hue.sin()
    turn = torch.zeros(len(images), 3, 3, device=images.device)
    turn[:, 0, 0] = 1
    turn[:, 1, 1], turn[:, 1, 2], turn[:, 2, 1], turn[:, 2, 2] = cosine, -sine, sine, cosine
    matrix = torch.linalg.inv(to_yiq) @ turn @ to_yiq
    return torch.einsum("bij,bjhw->bihw", matrix, images)


def _targets(
    batch: Batch, window: Tensor, flip: Tensor, size_hw: tuple[int, int], *, by_area: bool, full: bool
) -> Targets:
    """Objects as seen through the windows: those whose centre is inside, clipped to it."""
    boxes = (batch.boxes_xyxy - window[:, :2].repeat(1, 2)[:, None]) / (window[:, 2:] - window[:, :2]).repeat(
        1, 2
    )[:, None]
    mirrored = torch.stack([1 - boxes[..., 2], boxes[..., 1], 1 - boxes[..., 0], boxes[..., 3]], dim=-1)
    boxes = torch.where(flip[:, None, None], mirrored, boxes)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    seen = ((centre > 0) & (centre < 1)).all(-1)
    boxes = boxes.clamp(0, 1)
    seen &= ((boxes[..., 2:] - boxes[..., :2]) > SMALLEST_SIDE).all(-1)
    present = batch.present & seen
    height, width = size_hw
    owner, slot = present.nonzero(as_tuple=True)
    masks = batch.masks[owner, slot][:, None].float()
    grids = []
    for reduction, soft in ((4, by_area), (8, False), *(((1, False),) if full else ())):
        size = (-(-height // reduction), -(-width // reduction))
        grid = torch.zeros(
            *present.shape, *size, dtype=torch.float32 if soft else torch.bool, device=present.device
        )
        if len(owner):
            grid[owner, slot] = _on_grid(masks, window[owner], flip[owner], size, soft=soft)
        grids.append(grid)
    return Targets(boxes, batch.class_ids, present, batch.crowd & seen, *grids, partial=batch.partial)


def _on_grid(masks: Tensor, window: Tensor, flip: Tensor, size_hw: tuple[int, int], *, soft: bool) -> Tensor:
    """Masks (M, 1, H, W) through windows, on a coarse grid: (M, h, w), binary or as the share of each cell."""
    if not soft:
        return look_through(masks, window, flip, size_hw)[:, 0] > 0.5
    fine = look_through(masks, window, flip, (4 * size_hw[0], 4 * size_hw[1]))
    return F.avg_pool2d(fine, 4)[:, 0]
