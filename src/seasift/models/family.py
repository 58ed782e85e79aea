"""The description of one family of networks for training, export and prediction, and the targets of a batch.

Targets of a batch of images are padded to one shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from seasift.core.prepare import InputSpec
from seasift.core.types import SizeHW


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
    partial: PartialTargets | None = field(default=None, kw_only=True)

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


class Config(Protocol):
    """The shape of a network of any family."""

    @property
    def arch(self) -> str:
        """Name of the family."""

    @property
    def backbone(self) -> str:
        """One of the family's `backbones`."""

    @property
    def classes(self) -> int:
        """C, without background."""


ConfigT = TypeVar("ConfigT", bound=Config)
NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True)
class ClassRows:
    """Where a layer with an output for each class keeps it: rows of its weight and bias, (anchors, classes, values).

    Attributes:
        background: whether the background has the first place among the classes.
        values: numbers of each class, such as 4 for a box.
    """

    background: bool = False
    values: int = 1

    def of(self, class_id: int | None, rows: int, classes: int) -> list[int]:
        """Rows of a class (None: of the background) in a layer of so many rows for so many classes."""
        index = 0 if class_id is None else class_id + self.background
        wide = (classes + self.background) * self.values
        return [
            start + index * self.values + value
            for start in range(0, rows, wide)
            for value in range(self.values)
        ]


@dataclass(frozen=True, kw_only=True)
class Family(Generic[ConfigT, NetworkT]):
    """One family of networks. A family's package makes one of these; `catalog.FAMILIES` collects them.

    Attributes:
        name: in recipes.
        output: kind of output of its graph, a key of `core.outputs.OUTPUTS`.
        config: class of its configuration, a dataclass.
        backbones: names that recipes can give.
        backbone_of: the name of a configuration's feature extractor, where a size of the network implies it.
        configure: (backbone, classes, size, **other fields) to a configuration. The size is in px: one number for a
            square, (height, width), or None for the family's own. Raises RecipeError.
        input_spec: what the network wants to see.
        build: a network with random weights; `.config` is its configuration.
        load_backbone: fills a network's backbone from the file of an ImageNet classifier.
        losses: (network in training mode, normalised images, targets) to scalars by name. Training minimises their sum.
        graph: what is exported: normalised images to the outputs of its kind, in their order.
        candidates: boxes among which a network chooses in one image: priors, anchors or points.
        class_layers: layers with rows for each class, and where those are.
        full_masks: whether its losses want masks on the input's own grid.
        partial_labels: what its losses can do without, of `data.partial_labels`' kinds.
    """

    name: str
    output: str
    config: type[ConfigT]
    backbones: tuple[str, ...]
    backbone_of: Callable[[ConfigT], str]
    configure: Callable[..., ConfigT]
    input_spec: Callable[[ConfigT], InputSpec]
    build: Callable[[ConfigT], NetworkT]
    load_backbone: Callable[[NetworkT, Path], None]
    losses: Callable[[NetworkT, Tensor, Targets], dict[str, Tensor]]
    graph: Callable[[NetworkT], nn.Module]
    candidates: Callable[[NetworkT], int]
    class_layers: Mapping[str, ClassRows]
    full_masks: bool = False
    partial_labels: tuple[str, ...] = ()


def class_rows(family: Family[Any, Any], entry: str) -> ClassRows | None:
    """Where an entry of a network's state dict keeps its classes; None if it has no rows of classes."""
    layer = entry.rpartition(".")[0]
    return next(
        (rows for name, rows in family.class_layers.items() if f".{layer}".endswith(f".{name}")), None
    )


def sides_of(size: int | SizeHW | None, *, default: SizeHW) -> SizeHW:
    """Height and width, px, of a size that a recipe may leave out or give as the side of a square."""
    if size is None:
        return default
    return (size, size) if isinstance(size, int) else size
