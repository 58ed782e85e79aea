"""The network of sift: configuration, backbone, pyramid, prototypes, an anchor-free head, and the exported graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seasift.core.types import SizeHW
from seasift.models.backbones import Features

STRIDES = (8, 16, 32)
REG_MAX = 16  # Distances to the sides of a box are distributions over 0 to 15 cells of their level.
_RARE = 0.01  # share of points that belong to an object, with which class scores start


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
        size_hw: the largest input, px, multiples of 32; images are fitted into it with their aspect ratio kept.
        prototypes: K.
        frozen_reduction: backbone stages up to this reduction keep their initial weights (0: none do).
        frozen_batch_norm: batch norm of the backbone keeps its initial statistics.
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

    @property
    def variant(self) -> Variant:
        """What the name of the backbone stands for."""
        return VARIANTS[self.backbone]

    @property
    def points(self) -> int:
        """A: points of an image of the full size."""
        height, width = self.size_hw
        return sum(height // stride * (width // stride) for stride in STRIDES)


class SiftOutput(NamedTuple):
    """What the network says; A points, level after level, row by row.

    Attributes:
        points: (A, 2) x, y, px.
        strides: (A, 1) px.
        logits: (B, A, C).
        sides: (B, A, 4, reg_max) logits of the distances to left, top, right, bottom in cells.
        coefficients: (B, A, K).
        prototypes: (B, K, H/4, W/4).
    """

    points: Tensor
    strides: Tensor
    logits: Tensor
    sides: Tensor
    coefficients: Tensor
    prototypes: Tensor


class Sift(nn.Module):
    """Prototypes and coefficients (Bolya et al. 2019) on an anchor-free head (Tian et al. 2019, FCOS).

    Args:
        config: shape of the network.
    """

    def __init__(self, config: SiftConfig) -> None:
        super().__init__()
        self.config = config
        width = config.variant.width
        self.backbone = Features(
            config.variant.backbone,
            reductions=(4, *STRIDES),
            whole_cells=True,
            frozen_reduction=config.frozen_reduction,
            frozen_batch_norm=config.frozen_batch_norm,
        )
        finest, *channels = self.backbone.channels
        self.neck = Neck(channels, width)
        self.prototype_net = SiftPrototypeNet(finest, width, config.prototypes)
        self.heads = nn.ModuleList(Head(width, config.classes, config.prototypes) for _ in STRIDES)

    def forward(self, images: Tensor) -> SiftOutput:
        """Normalised images (B, 3, H, W), sides multiples of 32, to raw output."""
        finest, *maps = self.backbone(images)
        levels = self.neck(maps)
        parts = [head(level) for head, level in zip(self.heads, levels, strict=True)]
        logits, sides, coefficients = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
        sides = sides.reshape(*sides.shape[:2], 4, REG_MAX)
        points, strides = make_points(levels)
        return SiftOutput(points, strides, logits, sides, coefficients, self.prototype_net(levels[0], finest))


class Neck(nn.Module):
    """A feature pyramid (Lin et al. 2017) and a path back down (Liu et al. 2018, PANet)."""

    def __init__(self, channels: list[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(_convolution(count, width, 1) for count in channels)
        self.up = nn.ModuleList(_convolution(width, width, 3) for _ in channels[1:])
        self.down = nn.ModuleList(_convolution(width, width, 3, stride=2) for _ in channels[1:])
        self.out = nn.ModuleList(_convolution(width, width, 3) for _ in channels[1:])

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Three maps, finest first, to three of equal width."""
        levels = [lateral(feature) for lateral, feature in zip(self.lateral, maps, strict=True)]
        for index in range(len(levels) - 2, -1, -1):
            levels[index] = self.up[index](levels[index] + F.interpolate(levels[index + 1], scale_factor=2.0))
        for index, (down, out) in enumerate(zip(self.down, self.out, strict=True)):
            levels[index + 1] = out(levels[index + 1] + down(levels[index]))
        return levels


class SiftPrototypeNet(nn.Module):
    """K prototypes at a quarter of the input, from the finest level and what the backbone sees there."""

    def __init__(self, finest: int, width: int, prototypes: int) -> None:
        super().__init__()
        self.before = _convolution(width, width, 3)
        self.lateral = _convolution(finest, width, 1)
        self.after = _convolution(width, width, 3)
        self.last = nn.Conv2d(width, prototypes, 1)

    def forward(self, level: Tensor, finest: Tensor) -> Tensor:
        """P3 (B, F, H/8, W/8) and C2 (B, ., H/4, W/4) to (B, K, H/4, W/4)."""
        doubled = F.interpolate(self.before(level), scale_factor=2.0, mode="bilinear", align_corners=False)
        prototypes: Tensor = self.last(self.after(doubled + self.lateral(finest)))
        return prototypes


class Head(nn.Module):
    """Classes, boxes and coefficients at every point of one level."""

    def __init__(self, width: int, classes: int, prototypes: int) -> None:
        super().__init__()
        self.class_tower = nn.Sequential(_convolution(width, width, 3), _convolution(width, width, 3))
        self.shape_tower = nn.Sequential(_convolution(width, width, 3), _convolution(width, width, 3))
        self.classify = nn.Conv2d(width, classes, 1)
        self.sides = nn.Conv2d(width, 4 * REG_MAX, 1)
        self.coefficient = nn.Conv2d(width, prototypes, 1)
        nn.init.constant_(self.classify.bias, -math.log((1 - _RARE) / _RARE))  # type: ignore[arg-type]

    def forward(self, level: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, F, h, w) to logits (B, hw, C), sides (B, hw, 4 reg_max), coefficients (B, hw, K)."""
        classes, shape = self.class_tower(level), self.shape_tower(level)
        parts = self.classify(classes), self.sides(shape), self.coefficient(shape)
        logits, sides, coefficients = (part.flatten(2).transpose(1, 2) for part in parts)
        return logits, sides, coefficients


def make_points(levels: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Centres of the cells of all levels, (A, 2) x, y in px, and their strides (A, 1) in px."""
    points, strides = [], []
    for level, stride in zip(levels, STRIDES, strict=True):
        height, width = level.shape[2:]
        y = (torch.arange(height, device=level.device) + 0.5) * stride
        x = (torch.arange(width, device=level.device) + 0.5) * stride
        grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
        points.append(torch.stack([grid_x, grid_y], dim=-1).reshape(-1, 2))
        strides.append(torch.full_like(points[-1][:, :1], stride))
    return torch.cat(points), torch.cat(strides)


def boxes_of(sides: Tensor, points: Tensor, strides: Tensor) -> Tensor:
    """Expected boxes of distributions (B, A, 4, reg_max): (B, A, 4) x1, y1, x2, y2, px.

    Source: Li et al. 2020 (Generalized Focal Loss), section 3.
    """
    cells = torch.arange(REG_MAX, dtype=sides.dtype, device=sides.device)
    distances = (sides.softmax(-1) * cells).sum(-1) * strides
    return torch.cat([points - distances[..., :2], points + distances[..., 2:]], dim=-1)


def _convolution(width_in: int, width: int, side: int, *, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(width_in, width, side, stride=stride, padding=side // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


class SiftGraph(nn.Module):
    """What is exported: the network up to decoded boxes, scores, coefficients and prototypes.

    Args:
        network: in evaluation mode.
    """

    def __init__(self, network: Sift) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Normalised images (B, 3, H, W) float32 to what `core.outputs` lists.

        Returns:
            boxes (B, A, 4) x1, y1, x2, y2 relative to the input; scores (B, A, C); coefficients (B, A, K);
            prototypes (B, H/4, W/4, K).
        """
        output = self.network(images)
        height, width = images.shape[2:]
        corners = boxes_of(output.sides, output.points, output.strides)
        boxes = torch.stack([corners[..., i] / (width, height)[i % 2] for i in range(4)], dim=-1)
        return boxes, output.logits.sigmoid(), output.coefficients, output.prototypes.permute(0, 2, 3, 1)
