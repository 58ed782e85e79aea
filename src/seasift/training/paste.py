"""Objects cut from one picture of a batch by their masks and put into another."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Generator, Tensor

from seasift.training.batches import Batch
from seasift.training.windows import look_through

LEAST_LEFT = 0.3
SCALE = (0.6, 1.5)


def paste(batch: Batch, chance: float, random: Generator) -> Batch:
    """Put objects of each picture, each with this chance, into another of the batch, resized, moved and mirrored.

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
    pictures = batch.images_rgb_u8.permute(0, 3, 1, 2).float()
    pictures = look_through(pictures, window, flip, size_hw).round().to(torch.uint8).permute(0, 2, 3, 1)
    images = torch.where(cover[..., None], pictures.roll(shift, 0), batch.images_rgb_u8)
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
    """The batch with more objects in the pictures `target`: those at (source, slot), with new masks."""
    if not len(target):
        return batch
    place = (target[:, None] == target[None, :]).tril(-1).sum(1)  # how many came to the same picture before
    width = int(place.max()) + 1

    def grown(part: Tensor, values: Tensor) -> Tensor:
        more = torch.zeros(len(part), width, *part.shape[2:], dtype=part.dtype, device=part.device)
        more[target, place] = values
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
