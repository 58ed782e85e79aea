"""Families of networks and the networks that recipes can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from seasift.core.errors import BadRecipe
from seasift.core.heads import HEADS
from seasift.core.prepare import InputSpec
from seasift.core.spelling import expected
from seasift.core.types import SizeHW
from seasift.models.backbones import BACKBONES, load_backbone_weights
from seasift.models.rcnn.backbones import RCNN_BACKBONES
from seasift.models.rcnn.config import MEAN, SIZE_HW, STD, RcnnConfig
from seasift.models.rcnn.graph import RcnnGraph
from seasift.models.rcnn.network import Rcnn, load_rcnn_backbone
from seasift.models.targets import Targets
from seasift.models.yolact.config import YolactConfig
from seasift.models.yolact.inference import YolactGraph
from seasift.models.yolact.loss import yolact_loss
from seasift.models.yolact.network import Yolact

Config = YolactConfig | RcnnConfig


@dataclass(frozen=True)
class Family:
    """What training, export and prediction need to know of one kind of network.

    Attributes:
        backbones: names that `build` knows.
        build: a network with random weights from its configuration.
        losses: (network in training mode, normalised images, targets) to scalars by name; their sum is
            minimised.
        graph: what is exported: normalised images to the outputs of the head in `core.heads`.
        input_spec: what the network wants to see.
        load_backbone: fills a network's backbone from the file of an ImageNet classifier.
        full_masks: whether its losses want masks on the input's own grid.
    """

    backbones: tuple[str, ...]
    build: Callable[[Any], nn.Module]
    losses: Callable[[Any, Tensor, Targets], dict[str, Tensor]]
    graph: Callable[[Any], nn.Module]
    input_spec: Callable[[Any], InputSpec]
    load_backbone: Callable[[Any, Path], None]
    full_masks: bool = False


def _yolact_losses(network: Yolact, images: Tensor, targets: Targets) -> dict[str, Tensor]:
    return yolact_loss(network(images), targets, network.priors)


def _yolact_input(config: YolactConfig) -> InputSpec:
    backbone = BACKBONES[config.backbone]
    return InputSpec((config.size, config.size), backbone.mean, backbone.std)


def _yolact_backbone(network: Yolact, path: Path) -> None:
    load_backbone_weights(network.backbone, path)


def _rcnn_losses(network: Rcnn, images: Tensor, targets: Targets) -> dict[str, Tensor]:
    losses: dict[str, Tensor] = network(images, targets)
    return losses


def _rcnn_input(config: RcnnConfig) -> InputSpec:
    return InputSpec(config.size_hw, MEAN, STD, config.resize)


def _rcnn(arch: str, *, full_masks: bool) -> Family:
    names = tuple(name for name, entry in RCNN_BACKBONES.items() if arch in entry.archs)
    return Family(names, Rcnn, _rcnn_losses, RcnnGraph, _rcnn_input, load_rcnn_backbone, full_masks)


FAMILIES: dict[str, Family] = {
    "yolact": Family(tuple(BACKBONES), Yolact, _yolact_losses, YolactGraph, _yolact_input, _yolact_backbone),
    "mask-rcnn": _rcnn("mask-rcnn", full_masks=True),
    "faster-rcnn": _rcnn("faster-rcnn", full_masks=False),
}


def catalog() -> dict[str, tuple[str, str]]:
    """Names of all networks, each with its family and backbone."""
    return {
        f"{arch}-{backbone}": (arch, backbone)
        for arch, family in FAMILIES.items()
        for backbone in family.backbones
    }


def make_config(
    arch: str, backbone: str, classes: int, *, size: int | SizeHW | None = None, **shape: Any
) -> Config:
    """The configuration of a network.

    Args:
        arch: key of FAMILIES.
        backbone: one of the family's.
        classes: C, without background.
        size: of the input, px: one number is the side of a square; None is the family's own.
        shape: other fields of `YolactConfig` or `RcnnConfig`.
    Raises:
        BadRecipe: an unknown name (the nearest is named), or a setting that the family does not have.
    """
    if arch not in FAMILIES:
        raise BadRecipe(f"model.arch: got {arch!r}; {expected(arch, FAMILIES)}")
    known = FAMILIES[arch].backbones
    if backbone not in known:
        raise BadRecipe(f"model.backbone: got {backbone!r}; {expected(backbone, known)} for {arch}")
    kind: type[Config] = YolactConfig if arch == "yolact" else RcnnConfig
    for key in shape:
        if key not in kind.__dataclass_fields__:
            raise BadRecipe(f"model.{key}: {arch} has no such setting. Remove it")
    if arch == "yolact":
        side = 550 if size is None else size
        if not isinstance(side, int):
            raise BadRecipe(
                f"model.size: got {list(side)}; expected one number for yolact, whose input is square"
            )
        return YolactConfig(backbone, classes, size=side, **shape)
    size_hw = SIZE_HW if size is None else (size, size) if isinstance(size, int) else size
    return RcnnConfig(arch, backbone, classes, size_hw, **shape)


def build(config: Config) -> nn.Module:
    """A network with random weights; `.config` is its configuration."""
    return FAMILIES[config.arch].build(config)


def named_outputs(arch: str, outputs: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
    """What a family's graph gives, by the names of its head."""
    return dict(zip(HEADS[arch].outputs, outputs, strict=True))


def weights_note(config: Config) -> str:
    """Where initial weights for a network come from, and their licence."""
    package = BACKBONES[config.backbone].package if config.arch == "yolact" else None
    if package:
        return f"ImageNet backbone in the package {package[0].replace('_', '-')}, Apache-2.0"
    return (
        "none come along; model.weights takes the path of an ImageNet backbone (.pth), under its own licence"
    )
