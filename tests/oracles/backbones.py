"""ResNet-101 and DarkNet-53 as plain functions over a state dict with the published names.

He et al. 2016, figure 5 and table 1 (the stride in the 3x3 convolution, as PyTorch's and the published weights have it);
Redmon and Farhadi 2018, table 1, leaky ReLU with slope 0.1.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]


def published_backbone(state: State, image: Tensor, kind: str) -> list[Tensor]:
    """C3, C4 and C5 of `resnet101` or `darknet53`."""
    return _darknet53(state, image) if kind == "darknet53" else _resnet101(state, image)


def _norm(state: State, name: str, x: Tensor) -> Tensor:
    mean, var, weight, bias = (
        state[f"{name}.{part}"].view(1, -1, 1, 1)
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias


def _darknet53(state: State, x: Tensor) -> list[Tensor]:
    def convolution(name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = state[f"{name}.0.weight"]
        return F.leaky_relu(
            _norm(state, f"{name}.1", F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)), 0.1
        )

    x, levels = convolution("backbone._preconv", x), []
    for stage, blocks in enumerate((1, 2, 8, 8, 4)):
        x = convolution(f"backbone.layers.{stage}.0", x, stride=2)
        for block in range(1, blocks + 1):
            name = f"backbone.layers.{stage}.{block}"
            x = x + convolution(f"{name}.conv2", convolution(f"{name}.conv1", x))
        levels.append(x)
    return levels[2:]


def _resnet101(state: State, x: Tensor) -> list[Tensor]:
    x = F.conv2d(x, state["backbone.conv1.weight"], stride=2, padding=3)
    x, levels = F.max_pool2d(F.relu(_norm(state, "backbone.bn1", x)), 3, 2, padding=1), []
    for stage, blocks in enumerate((3, 4, 23, 3)):
        for block in range(blocks):
            name = f"backbone.layers.{stage}.{block}"
            stride = 2 if block == 0 and stage > 0 else 1
            y = F.relu(_norm(state, f"{name}.bn1", F.conv2d(x, state[f"{name}.conv1.weight"])))
            y = F.conv2d(y, state[f"{name}.conv2.weight"], stride=stride, padding=1)
            y = F.relu(_norm(state, f"{name}.bn2", y))
            y = _norm(state, f"{name}.bn3", F.conv2d(y, state[f"{name}.conv3.weight"]))
            if block == 0:
                x = F.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
                x = _norm(state, f"{name}.downsample.1", x)
            x = F.relu(x + y)
        levels.append(x)
    return levels[1:]
