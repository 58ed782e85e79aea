"""What makes one sift differ from another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from seasift.core.dynamic_masks import FEATURES, PARAMETERS
from seasift.core.types import SizeHW

STRIDES = (8, 16, 32)
# Sides of a box are learnt as distributions over 0 to 15 cells of their level.
BINS = 16


@dataclass(frozen=True)
class Variant:
    """One size of the network.

    Attributes:
        backbone: name in `seasift.models.backbones.BACKBONES`.
        width: channels of the neck, the head and the prototype network.
    """

    backbone: str
    width: int


VARIANTS = {"s": Variant("efficientnet-lite0", 64), "m": Variant("efficientnet-lite2", 64)}


@dataclass(frozen=True)
class SiftConfig:
    """Shape of the network.

    Attributes:
        backbone: key of VARIANTS.
        classes: C.
        size_hw: the largest input, px, multiples of 32; pictures are fitted into it with their aspect ratio kept.
        prototypes: K.
        frozen_reduction: backbone stages up to this reduction keep their initial weights (0: none do).
        frozen_batch_norm: batch norm of the backbone keeps its initial statistics.
        mask_head: how masks are made: "prototypes", combined linearly, or "dynamic", by a small network of each object's
            own (`core.dynamic_masks`).
        assignment: which points learn an object: "task", those that classify and outline it best, or "place".
    """

    arch: ClassVar[str] = "sift"
    resize: ClassVar[str] = "trim"

    backbone: str
    classes: int
    size_hw: SizeHW = (384, 480)
    prototypes: int = 32
    frozen_reduction: int = 0
    frozen_batch_norm: bool = False
    assignment: str = "task"
    mask_head: str = "prototypes"

    @property
    def variant(self) -> Variant:
        """What the name of the backbone stands for."""
        return VARIANTS[self.backbone]

    @property
    def mask_channels(self) -> tuple[int, int]:
        """Numbers of each point for the masks, and channels of the maps that they are applied to."""
        return (PARAMETERS, FEATURES) if self.mask_head == "dynamic" else (self.prototypes, self.prototypes)
