"""What a batch of images holds, padded to one shape, on the network's grids."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class PartialTargets:
    """What is known of B images with at most N objects each, where that is less than everything.

    Attributes:
        class_sets: (B, N, C) bool, the classes that each object may be of; one where it is known.
        masked: (B, N) bool, objects whose mask is known.
        tight: (B, N) bool, objects whose box has exact edges.
        labelled: (B,) bool, images on which every object is annotated.
    """

    class_sets: Tensor
    masked: Tensor
    tight: Tensor
    labelled: Tensor

    def to(self, device: torch.device) -> PartialTargets:
        """The same on another device."""
        return PartialTargets(*(getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)))

    @property
    def coarse(self) -> Tensor:
        """(B, N) bool: objects that may be of several classes."""
        return self.class_sets.sum(2) > 1


@dataclass(frozen=True)
class Targets:
    """Truth of B images with at most N objects each.

    Attributes:
        boxes_xyxy: (B, N, 4) float32, relative to the image.
        class_ids: (B, N) int64, without background; any value where not `present`.
        present: (B, N) bool, objects to learn.
        crowd: (B, N) bool, regions that are neither object nor background; never also `present`.
        proto_masks: (B, N, H', W') on the grid of the prototypes: bool, or float32 in 0..1, the share of a
            cell that is covered.
        semantic_masks: (B, N, H'', W'') bool, on the grid of the semantic branch.
        full_masks: (B, N, H, W) bool, on the input's own grid, for networks that ask for them.
        partial: what is not known of classes, masks, boxes and background; None if everything is. A mask that is not
            known is filled as its box.
    """

    boxes_xyxy: Tensor
    class_ids: Tensor
    present: Tensor
    crowd: Tensor
    proto_masks: Tensor
    semantic_masks: Tensor
    full_masks: Tensor | None = None
    partial: PartialTargets | None = None

    def to(self, device: torch.device) -> Targets:
        """The same on another device."""
        moved: dict[str, Any] = {
            f.name: part.to(device, non_blocking=True) if isinstance(part, Tensor) else part.to(device)
            for f in fields(self)
            if (part := getattr(self, f.name)) is not None
        }
        return Targets(**moved)


def shared_count(count: Tensor) -> Tensor:
    """What to divide by so that the mean over processes is the loss of all their images together; at least 1."""
    if not (dist.is_available() and dist.is_initialized()):
        return count.clamp(min=1)
    total = count.float()
    dist.all_reduce(total)
    return total.clamp(min=1) / dist.get_world_size()
