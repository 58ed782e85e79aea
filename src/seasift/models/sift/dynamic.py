"""Dynamic masks in PyTorch: where their weights begin, and what they say of a batch. `core.dynamic_masks` is their definition."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seasift.core.dynamic_masks import FARTHEST, LEAST_SIDE, PARAMETERS, SIZES, layer_slices


def start_dynamic(controllers: Iterable[nn.Conv2d]) -> None:
    """Let all points begin with one small network that passes signals on: He's weights in the controllers' biases.

    With weights near zero instead, no gradient would pass the layers at first.
    """
    start = torch.zeros(PARAMETERS)
    for (weights, _), inputs in zip(layer_slices(), SIZES, strict=False):
        nn.init.normal_(start[weights], std=math.sqrt(2 / inputs))
    for controller in controllers:
        assert controller.bias is not None
        nn.init.normal_(controller.weight, std=0.01)
        with torch.no_grad():
            controller.bias.copy_(start)


def dynamic_logits(features: Tensor, owner: Tensor, parameters: Tensor, boxes_norm: Tensor) -> Tensor:
    """Logits of M masks on the whole grid.

    Args:
        features: (B, FEATURES, H', W').
        owner: (M,) int64, the image of each mask.
        parameters: (M, PARAMETERS).
        boxes_norm: (M, 4) x1, y1, x2, y2 relative to the input.
    Returns:
        (M, H', W').
    """
    height, width = features.shape[2:]
    x, y = _relative(boxes_norm[:, ::2], width), _relative(boxes_norm[:, 1::2], height)
    values = torch.cat(
        [
            features[owner].flatten(2),
            x[:, None].expand(-1, height, -1).flatten(1)[:, None],
            y[:, :, None].expand(-1, -1, width).flatten(1)[:, None],
        ],
        dim=1,
    )
    for (weights, bias), (inputs, outputs) in zip(layer_slices(), pairwise(SIZES), strict=True):
        matrices = parameters[:, weights].reshape(-1, inputs, outputs).transpose(1, 2)
        values = torch.baddbmm(parameters[:, bias, None], matrices, values)
        if outputs > 1:
            values = F.relu(values)
    return values.reshape(-1, height, width)


def _relative(sides_norm: Tensor, cells: int) -> Tensor:
    """Where each cell's centre lies between two sides (M, 2): -1 at the first, 1 at the second. (M, cells)."""
    low, high = (sides_norm * cells).unbind(1)
    half = (high - low).clamp(min=LEAST_SIDE) / 2
    centres = torch.arange(cells, device=sides_norm.device, dtype=sides_norm.dtype) + 0.5
    return ((centres - ((low + high) / 2)[:, None]) / half[:, None]).clamp(-FARTHEST, FARTHEST)
