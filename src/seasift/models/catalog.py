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
from seasift.models.sift.config import STRIDES, VARIANTS, SiftConfig
from seasift.models.sift.inference import SiftGraph
from seasift.models.sift.loss import sift_loss
from seasift.models.sift.network import Sift
from seasift.models.targets import Targets
from seasift.models.yolact.config import YolactConfig
from seasift.models.yolact.inference import YolactGraph
from seasift.models.yolact.loss import yolact_loss
from seasift.models.yolact.network import Yolact

Config = YolactConfig | SiftConfig | RcnnConfig


@dataclass(frozen=True)
class Family:
    """What training, export and prediction need to know of one kind of network.

    Attributes:
        config: its configuration.
        head: what the graph of a configuration gives, a key of `core.heads.HEADS`.
        backbones: names that `build` knows.
        build: a network with random weights from its configuration.
        losses: (network in training mode, normalised images, targets) to scalars by name; their sum is
            minimised.
        graph: what is exported: normalised images to the outputs of the head in `core.heads`.
        input_spec: what the network wants to see.
        load_backbone: fills a network's backbone from the file of an ImageNet classifier.
        full_masks: whether its losses want masks on the input's own grid.
        class_layers: layers with a row for each class.
        mask_layers: layers whose shape depends on how masks are made.
    """

    config: type[Any]
    head: Callable[[Any], str]
    backbones: tuple[str, ...]
    build: Callable[[Any], nn.Module]
    losses: Callable[[Any, Tensor, Targets], dict[str, Tensor]]
    graph: Callable[[Any], nn.Module]
    input_spec: Callable[[Any], InputSpec]
    load_backbone: Callable[[Any, Path], None]
    full_masks: bool = False
    class_layers: tuple[str, ...] = ()
    mask_layers: tuple[str, ...] = ()


def _yolact_losses(network: Yolact, images: Tensor, targets: Targets) -> dict[str, Tensor]:
    return yolact_loss(network(images), targets, network.priors)


def _yolact_input(config: YolactConfig) -> InputSpec:
    backbone = BACKBONES[config.backbone]
    return InputSpec((config.size, config.size), backbone.mean, backbone.std)


def _own_backbone(network: Yolact | Sift, path: Path) -> None:
    load_backbone_weights(network.backbone, path)


def _sift_head(config: SiftConfig) -> str:
    return "sift-dynamic" if config.mask_head == "dynamic" else "yolact"


def _sift_losses(network: Sift, images: Tensor, targets: Targets) -> dict[str, Tensor]:
    size_hw = images.shape[2], images.shape[3]
    return sift_loss(network(images), targets, size_hw, network.config.assignment)


def _sift_input(config: SiftConfig) -> InputSpec:
    backbone = BACKBONES[config.variant.backbone]
    return InputSpec(config.size_hw, backbone.mean, backbone.std, config.resize)


def _rcnn_losses(network: Rcnn, images: Tensor, targets: Targets) -> dict[str, Tensor]:
    losses: dict[str, Tensor] = network(images, targets)
    return losses


def _rcnn_input(config: RcnnConfig) -> InputSpec:
    return InputSpec(config.size_hw, MEAN, STD, config.resize)


def _rcnn(arch: str, *, full_masks: bool) -> Family:
    names = tuple(name for name, entry in RCNN_BACKBONES.items() if arch in entry.archs)
    layers = ("roi_heads.box_predictor", "roi_heads.mask_predictor")
    return Family(
        RcnnConfig,
        lambda _config: arch,
        names,
        Rcnn,
        _rcnn_losses,
        RcnnGraph,
        _rcnn_input,
        load_rcnn_backbone,
        full_masks,
        layers,
    )


FAMILIES: dict[str, Family] = {
    "yolact": Family(
        YolactConfig,
        lambda _config: "yolact",
        tuple(BACKBONES),
        Yolact,
        _yolact_losses,
        YolactGraph,
        _yolact_input,
        _own_backbone,
        class_layers=("head.classify", "semantic"),
    ),
    "sift": Family(
        SiftConfig,
        _sift_head,
        tuple(VARIANTS),
        Sift,
        _sift_losses,
        SiftGraph,
        _sift_input,
        _own_backbone,
        class_layers=("classify",),
        mask_layers=("coefficient", "prototype_net.last"),
    ),
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
        shape: other fields of the family's configuration.
    Raises:
        BadRecipe: an unknown name (the nearest is named), or a setting that the family does not have.
    """
    if arch not in FAMILIES:
        raise BadRecipe(f"model.arch: got {arch!r}; {expected(arch, FAMILIES)}")
    known = FAMILIES[arch].backbones
    if backbone not in known:
        raise BadRecipe(f"model.backbone: got {backbone!r}; {expected(backbone, known)} for {arch}")
    for key in shape:
        if key not in FAMILIES[arch].config.__dataclass_fields__:
            raise BadRecipe(f"model.{key}: {arch} has no such setting. Remove it")
    if arch == "yolact":
        side = 550 if size is None else size
        if not isinstance(side, int):
            raise BadRecipe(
                f"model.size: got {list(side)}; expected one number for yolact, whose input is square"
            )
        return YolactConfig(backbone, classes, size=side, **shape)
    if arch == "sift":
        size_hw = SiftConfig.size_hw if size is None else (size, size) if isinstance(size, int) else size
        if any(side % STRIDES[-1] for side in size_hw):
            raise BadRecipe(f"model.size: got {list(size_hw)}; expected multiples of {STRIDES[-1]} for sift")
        return SiftConfig(backbone, classes, size_hw, **shape)
    size_hw = SIZE_HW if size is None else (size, size) if isinstance(size, int) else size
    return RcnnConfig(arch, backbone, classes, size_hw, **shape)


def backbone_of(config: Config) -> str:
    """The backbone's own name, where a size of the network stands for it."""
    return config.variant.backbone if isinstance(config, SiftConfig) else config.backbone


def build(config: Config) -> nn.Module:
    """A network with random weights; `.config` is its configuration."""
    return FAMILIES[config.arch].build(config)


def head_of(config: Config) -> str:
    """What the graph of a network gives, a key of `core.heads.HEADS`."""
    return FAMILIES[config.arch].head(config)


def named_outputs(config: Config, outputs: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
    """What a network's graph gives, by the names of its head."""
    return dict(zip(HEADS[head_of(config)].outputs, outputs, strict=True))


def weights_note(config: Config) -> str:
    """Where initial weights for a network come from, and their licence."""
    name = backbone_of(config)
    package = BACKBONES[name].package if name in BACKBONES else None
    if package:
        return f"ImageNet backbone in the package {package[0].replace('_', '-')}, Apache-2.0"
    return (
        "none come along; model.weights takes the path of an ImageNet backbone (.pth), under its own licence"
    )
