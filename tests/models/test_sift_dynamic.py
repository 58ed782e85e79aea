"""Dynamic masks in PyTorch say what they say in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from seasift.core import dynamic_masks
from seasift.core.dynamic_masks import FEATURES, PARAMETERS
from seasift.models.sift.dynamic import dynamic_logits, start_dynamic


@pytest.mark.parametrize(("height", "width"), [(9, 7), (1, 5), (12, 16)])
def test_torch_and_numpy_agree(height: int, width: int) -> None:
    torch.manual_seed(0)
    features, parameters = torch.randn(3, FEATURES, height, width), torch.randn(5, PARAMETERS)
    low = torch.rand(5, 2)
    boxes = torch.cat([low, low + torch.rand(5, 2)], 1)
    boxes[4, 2:] = boxes[4, :2]  # a box without area
    owner = torch.tensor([2, 0, 0, 1, 2])
    found = dynamic_logits(features, owner, parameters, boxes)
    assert found.shape == (5, height, width)
    for k, image in enumerate(owner.tolist()):
        (expected,) = dynamic_masks.dynamic_logits(
            features[image].permute(1, 2, 0).numpy(),
            parameters[k : k + 1].numpy(),
            boxes[k : k + 1].numpy(),
            [((0, height), (0, width))],
        )
        np.testing.assert_allclose(found[k].numpy(), expected, rtol=1e-4, atol=1e-4)


def test_a_gradient_passes_from_the_start() -> None:
    torch.manual_seed(0)
    controller = nn.Conv2d(16, PARAMETERS, 1)
    start_dynamic([controller])
    features = torch.randn(1, FEATURES, 12, 12, requires_grad=True)
    parameters = controller(torch.randn(1, 16, 2, 1)).flatten(2)[0].T
    boxes = torch.tensor([[0.1, 0.1, 0.6, 0.9], [0.3, 0.2, 0.9, 0.8]])
    dynamic_logits(features, torch.tensor([0, 0]), parameters, boxes).sum().backward()
    assert features.grad is not None
    assert controller.weight.grad is not None
    assert float(features.grad.abs().mean()) > 1e-3
    assert float(controller.weight.grad.abs().mean()) > 1e-3
