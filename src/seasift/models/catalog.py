"""The networks that recipes can name, by family, and what each costs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils.flop_counter import FlopCounterMode

from seasift.core.errors import RecipeError, expected
from seasift.core.outputs import OUTPUTS
from seasift.core.types import SizeHW
from seasift.models import rcnn, sift, yolact
from seasift.models.backbones import BACKBONES
from seasift.models.family import Config, Family

FAMILIES: dict[str, Family[Any, Any]] = {
    family.name: family for family in (yolact.FAMILY, sift.FAMILY, rcnn.MASK_RCNN, rcnn.FASTER_RCNN)
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
        RecipeError: an unknown name (the nearest is named), or a setting that the family does not have.
    """
    if arch not in FAMILIES:
        raise RecipeError(f"model.arch: got {arch!r}; {expected(arch, FAMILIES)}")
    family = FAMILIES[arch]
    if backbone not in family.backbones:
        raise RecipeError(
            f"model.backbone: got {backbone!r}; {expected(backbone, family.backbones)} for {arch}"
        )
    for key in shape:
        if key not in family.config.__dataclass_fields__:
            raise RecipeError(f"model.{key}: {arch} has no such setting. Remove it")
    config: Config = family.configure(backbone, classes, size, **shape)
    return config


def backbone_of(config: Config) -> str:
    """The name of a network's feature extractor."""
    return FAMILIES[config.arch].backbone_of(config)


def build(config: Config) -> nn.Module:
    """A network with random weights; `.config` is its configuration."""
    network: nn.Module = FAMILIES[config.arch].build(config)
    return network


def named_outputs(arch: str, outputs: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
    """The outputs of a family's graph by name."""
    return dict(zip(OUTPUTS[FAMILIES[arch].output].outputs, outputs, strict=True))


def weights_note(config: Config) -> str:
    """Where initial weights for a network come from, and their licence."""
    name = backbone_of(config)
    package = BACKBONES[name].package if name in BACKBONES else None
    if package:
        return f"ImageNet backbone in the package {package[0].replace('_', '-')}, Apache-2.0"
    return "none are included; model.weights takes the path of an ImageNet backbone (.pth), under its own licence"


@dataclass(frozen=True)
class Complexity:
    """Size and work of a network.

    Attributes:
        parameters: all of them.
        trainable: those that training moves.
        bytes: of parameters and buffers in float32.
        gflops: of one image from input to the exported outputs, 10^9; a multiply-add counts as two.
        priors: boxes among which it chooses in one image: priors, anchors or points.
        size_hw: of the input, px.
    """

    parameters: int
    trainable: int
    bytes: int
    gflops: float
    priors: int
    size_hw: SizeHW

    def as_dict(self) -> dict[str, Any]:
        """For a report."""
        return asdict(self)


def describe(config: Config) -> Complexity:
    """Count what a network costs. Nothing is computed: only shapes are followed."""
    family = FAMILIES[config.arch]
    size_hw = family.input_spec(config).size_hw
    with warnings.catch_warnings(), FakeTensorMode(shape_env=ShapeEnv()), torch.no_grad():
        warnings.simplefilter("ignore", FutureWarning)  # of torchvision's own shape of NMS
        network = build(config).eval()
        graph = family.graph(network)
        with FlopCounterMode(display=False) as counter:
            graph(torch.zeros(1, 3, *size_hw))
        return Complexity(
            parameters=sum(p.numel() for p in network.parameters()),
            trainable=sum(p.numel() for p in network.parameters() if p.requires_grad),
            bytes=sum(t.numel() * t.element_size() for t in (*network.parameters(), *network.buffers())),
            gflops=counter.get_total_flops() / 1e9,
            priors=family.candidates(network),
            size_hw=size_hw,
        )
