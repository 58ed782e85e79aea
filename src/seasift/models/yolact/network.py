"""The network of YOLACT: configuration, priors and box code, layers, and the exported graph.

`load_published` reads checkpoints of the published implementation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seasift.models.backbones import Features
from seasift.models.weights import load_exactly

ASPECT_RATIOS = (1.0, 0.5, 2.0)
LEVELS = 5


@dataclass(frozen=True)
class YolactConfig:
    """Shape of the network.

    Attributes:
        backbone: name in `seasift.models.backbones.BACKBONES`.
        classes: C, without background.
        size: side of the square input, px.
        fpn_channels: width of the feature pyramid and of the heads.
        proto_channels: width of the prototype network.
        prototypes: K.
        frozen_reduction: backbone stages up to this reduction keep their initial weights (0: none do).
        frozen_batch_norm: batch norm of the backbone keeps its initial statistics.
        whole_prior_scales: cut prior scales to whole pixels, as the published settings for 400 and 700 px do.
    """

    arch: ClassVar[str] = "yolact"

    backbone: str
    classes: int
    size: int = 550
    fpn_channels: int = 256
    proto_channels: int = 256
    prototypes: int = 32
    frozen_reduction: int = 0
    frozen_batch_norm: bool = False
    whole_prior_scales: bool = False

    @property
    def prior_scales_px(self) -> tuple[float, ...]:
        """Side of the square prior at each pyramid level, px: 24 to 384 at 550, growing with the input.

        Source: section 4 (areas 24², 48², ... on P3 to P7) and the published settings for other sizes.
        """
        scales = (24 * 2**level * self.size / 550 for level in range(LEVELS))
        return tuple(float(int(scale)) if self.whole_prior_scales else scale for scale in scales)


VARIANCES = (0.1, 0.2)


def make_priors(level_sizes_hw: Sequence[tuple[int, int]], scales_px: Sequence[float], size: int) -> Tensor:
    """Priors of all levels, row by row, three aspect ratios a cell.

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


class YolactOutput(NamedTuple):
    """What the network says.

    Attributes:
        offsets: (B, P, 4) box offsets from the priors.
        logits: (B, P, 1 + C) class logits, background first.
        coefficients: (B, P, K), after tanh.
        prototypes: (B, H', W', K), after ReLU; a quarter of the input.
        semantic: (B, C, H'', W'') logits, an eighth of the input; None in evaluation mode.
    """

    offsets: Tensor
    logits: Tensor
    coefficients: Tensor
    prototypes: Tensor
    semantic: Tensor | None


class Yolact(nn.Module):
    """YOLACT. Source: Bolya et al. 2019, sections 3 and 4.

    Args:
        config: shape of the network.
    """

    priors: Tensor

    def __init__(self, config: YolactConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = Features(
            config.backbone,
            frozen_reduction=config.frozen_reduction,
            frozen_batch_norm=config.frozen_batch_norm,
        )
        self.fpn = FeaturePyramid(self.backbone.channels, config.fpn_channels)
        self.prototype_net = PrototypeNet(config.fpn_channels, config.proto_channels, config.prototypes)
        self.head = PredictionHead(config.fpn_channels, config.classes, config.prototypes)
        self.semantic = nn.Conv2d(config.fpn_channels, config.classes, 1)
        for part in (self.fpn, self.prototype_net, self.head, self.semantic):
            _initialise(part)
        sizes = self._level_sizes()
        priors = make_priors(sizes, config.prior_scales_px, config.size)
        self.register_buffer("priors", priors, persistent=False)

    def forward(self, images: Tensor) -> YolactOutput:
        """Normalised images (B, 3, size, size) to raw output."""
        levels = self.fpn(self.backbone(images))
        offsets, logits, coefficients = self.head(levels)
        semantic = self.semantic(levels[0]) if self.training else None
        return YolactOutput(offsets, logits, coefficients, self.prototype_net(levels[0]), semantic)

    def _level_sizes(self) -> list[tuple[int, int]]:
        was_training = self.training
        self.eval()
        with torch.no_grad():
            maps = self.backbone(torch.zeros(1, 3, self.config.size, self.config.size))
        self.train(was_training)
        sides = [feature.shape[-1] for feature in maps]
        sides += [(sides[-1] + 1) // 2, ((sides[-1] + 1) // 2 + 1) // 2]
        return [(side, side) for side in sides]


class FeaturePyramid(nn.Module):
    """P3 to P7 from C3 to C5 (Lin et al. 2017), P6 and P7 by strided convolutions (section 4)."""

    def __init__(self, channels: list[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in channels)
        self.down = nn.ModuleList(nn.Conv2d(width, width, 3, stride=2, padding=1) for _ in range(2))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Three maps, finest first, to five of equal width."""
        merged = [lateral(feature) for lateral, feature in zip(self.lateral, maps, strict=True)]
        for coarse, fine in pairwise(reversed(range(len(merged)))):
            size = merged[fine].shape[-2:]
            up = F.interpolate(merged[coarse], size=size, mode="bilinear", align_corners=False)
            merged[fine] = merged[fine] + up
        levels = [F.relu(smooth(feature)) for smooth, feature in zip(self.smooth, merged, strict=True)]
        for down in self.down:
            levels.append(down(levels[-1]))
        return levels


class PrototypeNet(nn.Module):
    """K prototypes at twice the resolution of P3. Source: section 3.1, figure 3."""

    def __init__(self, width_in: int, width: int, prototypes: int) -> None:
        super().__init__()
        self.before = nn.ModuleList(
            nn.Conv2d(width_in if index == 0 else width, width, 3, padding=1) for index in range(3)
        )
        self.after = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, prototypes, 1)

    def forward(self, finest: Tensor) -> Tensor:
        """P3 (B, F, H, W) to (B, 2H, 2W, K)."""
        for convolution in self.before:
            finest = F.relu(convolution(finest))
        doubled = F.interpolate(finest, scale_factor=2.0, mode="bilinear", align_corners=False)
        prototypes = self.last(F.relu(self.after(F.relu(doubled))))
        return F.relu(prototypes).permute(0, 2, 3, 1)


class PredictionHead(nn.Module):
    """Boxes, classes and coefficients from every level with the same weights. Source: section 3.2, figure 4."""

    def __init__(self, width: int, classes: int, prototypes: int) -> None:
        super().__init__()
        ratios = len(ASPECT_RATIOS)
        self.classes, self.prototypes = classes, prototypes
        self.shared = nn.Conv2d(width, width, 3, padding=1)
        self.box = nn.Conv2d(width, ratios * 4, 3, padding=1)
        self.classify = nn.Conv2d(width, ratios * (classes + 1), 3, padding=1)
        self.coefficient = nn.Conv2d(width, ratios * prototypes, 3, padding=1)

    def forward(self, levels: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Five maps to offsets (B, P, 4), logits (B, P, 1 + C), coefficients (B, P, K)."""
        shared = [F.relu(self.shared(level)) for level in levels]
        offsets = torch.cat([_flat(self.box(x), 4) for x in shared], dim=1)
        logits = torch.cat([_flat(self.classify(x), self.classes + 1) for x in shared], dim=1)
        coefficients = torch.cat([_flat(self.coefficient(x), self.prototypes) for x in shared], dim=1)
        return offsets, logits, torch.tanh(coefficients)


def _flat(x: Tensor, width: int) -> Tensor:
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, width)


def _initialise(part: nn.Module) -> None:
    """Xavier for every convolution, biases zero, as the published implementation starts."""
    for module in part.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class YolactGraph(nn.Module):
    """What is exported: the network up to decoded boxes, scores, coefficients and prototypes.

    Args:
        network: in evaluation mode.
    """

    def __init__(self, network: Yolact) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Normalised images (B, 3, H, W) float32 to what `core.outputs` lists.

        Returns:
            boxes (B, P, 4) relative x1, y1, x2, y2; scores (B, P, C) without background; coefficients
            (B, P, K); prototypes (B, H', W', K).
        """
        output = self.network(images)
        boxes = decode(output.offsets, self.network.priors)
        scores = output.logits.softmax(-1)[..., 1:]
        return boxes, scores, output.coefficients, output.prototypes


BACKBONES = ("resnet50", "resnet101", "darknet53")

_RULES: tuple[tuple[str, str], ...] = (
    # The published pyramid keeps its layers coarsest first.
    (r"^fpn\.lat_layers\.(\d)\.", "fpn.lateral.{2-}."),
    (r"^fpn\.pred_layers\.(\d)\.", "fpn.smooth.{2-}."),
    (r"^fpn\.downsample_layers\.(\d)\.", "fpn.down.{}."),
    (r"^proto_net\.([024])\.", "prototype_net.before.{/2}."),
    (r"^proto_net\.8\.", "prototype_net.after."),
    (r"^proto_net\.10\.", "prototype_net.last."),
    (r"^prediction_layers\.0\.upfeature\.0\.", "head.shared."),
    (r"^prediction_layers\.0\.bbox_layer\.", "head.box."),
    (r"^prediction_layers\.0\.conf_layer\.", "head.classify."),
    (r"^prediction_layers\.0\.mask_layer\.", "head.coefficient."),
    (r"^semantic_seg_conv\.", "semantic."),
    # DarkNet: a strided convolution, then the blocks; each convolution is followed by its batch norm.
    (r"^backbone\._preconv\.(0|1)\.", "backbone.body.stem_conv1.{conv|bn}."),
    (r"^backbone\.layers\.(\d)\.0\.([01])\.", "backbone.body.stages_{}.conv_down.{conv|bn}."),
    (
        r"^backbone\.layers\.(\d)\.(\d)\.(conv\d)\.([01])\.",
        "backbone.body.stages_{}.blocks.{-1}.{}.{conv|bn}.",
    ),
    (r"^backbone\.layers\.(\d)\.", "backbone.body.layer{+1}."),
    (r"^backbone\.(conv1|bn1)\.", "backbone.body.{}."),
)


def our_name(published: str) -> str:
    """The name of an entry in our network; an entry that no rule knows keeps its name (and will not fit)."""
    for pattern, template in _RULES:
        match = re.match(pattern, published)
        if match:
            return _fill(template, match) + published[match.end() :]
    return published


def load_published(network: Yolact, state: Mapping[str, Tensor], *, source: str) -> None:
    """Load a published checkpoint (ResNet or DarkNet). `num_batches_tracked` is optional: old files lack it.

    Raises:
        WeightsError: entries that do not fit, named in our spelling.
    """
    renamed = {our_name(name): value for name, value in state.items()}
    for name, value in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            renamed.setdefault(name, value)
    load_exactly(network, renamed, source=source)


def _fill(template: str, match: re.Match[str]) -> str:
    """Put what a pattern's groups hold into the marks of a template, in order."""
    parts = re.split(r"(\{.*?\})", template)
    marks = parts[1::2]
    parts[1::2] = [_FORMS[mark](text) for mark, text in zip(marks, match.groups(), strict=True)]
    return "".join(parts)


_FORMS: dict[str, Callable[[str], str]] = {
    "{}": str,
    "{2-}": lambda text: str(2 - int(text)),
    "{/2}": lambda text: str(int(text) // 2),
    "{+1}": lambda text: str(int(text) + 1),
    "{-1}": lambda text: str(int(text) - 1),
    "{conv|bn}": lambda text: ("conv", "bn")[int(text)],
}
