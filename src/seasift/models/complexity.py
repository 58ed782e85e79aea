"""What a network costs: counted, not measured."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils.flop_counter import FlopCounterMode

from seasift.core.types import SizeHW
from seasift.models.catalog import FAMILIES, Config, build
from seasift.models.sift.config import STRIDES
from seasift.models.sift.network import Sift


@dataclass(frozen=True)
class Complexity:
    """Size and work of a network.

    Attributes:
        parameters: all of them.
        trainable: those that training moves.
        bytes: of parameters and buffers, as float32 where they are.
        gflops: of one image from input to the exported outputs, 10^9, a multiply-add counted as two.
        priors: anchor boxes of one image, or the points that stand in for them.
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
    """Count a network of the catalog without computing anything: only shapes are followed."""
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
            priors=_priors(network, graph),
            size_hw=size_hw,
        )


def _priors(network: nn.Module, graph: nn.Module) -> int:
    if isinstance(network, Sift):
        height, width = network.config.size_hw
        return sum(height // stride * (width // stride) for stride in STRIDES)
    boxes: Any = network.priors if hasattr(network, "priors") else graph.anchors
    return int(boxes.shape[0])
