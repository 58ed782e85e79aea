"""What training, export and prediction need to know of one family of networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor, nn

from seasift.core.prepare import InputSpec
from seasift.core.types import SizeHW
from seasift.models.targets import Targets


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
