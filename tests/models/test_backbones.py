"""What the backbones do beyond what timm does."""

import copy

import pytest
import torch
from torch import nn

from seasift.models.backbones import Features


def _depthwise(features: Features) -> list[nn.Conv2d]:
    return [m for m in features.modules() if isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1]


@pytest.mark.parametrize("index", [0, 3], ids=["same padding, stride 2", "plain"])
def test_depthwise_convolutions_learn_in_full_precision_under_autocast(index: int) -> None:
    torch.manual_seed(0)
    module = [m for m in _depthwise(Features("efficientnet-lite0")) if m.weight.requires_grad][index]
    exact = copy.deepcopy(module)
    x = torch.randn(2, module.in_channels, 17, 17)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = module(x)
    upstream = torch.randn_like(y)
    y.backward(upstream)
    exact(x).backward(upstream.float())
    assert y.dtype == torch.bfloat16
    assert isinstance(module.weight.grad, torch.Tensor)
    assert isinstance(exact.weight.grad, torch.Tensor)
    torch.testing.assert_close(module.weight.grad, exact.weight.grad, rtol=1e-6, atol=1e-6)


def test_a_frozen_depthwise_convolution_keeps_the_speed_of_bf16() -> None:
    module = _depthwise(Features("efficientnet-lite0", frozen_reduction=4))[0]
    assert not module.weight.requires_grad
    x = torch.randn(1, module.in_channels, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        wanted = nn.functional.conv2d(x, module.weight, padding=1, groups=module.groups)
        assert torch.equal(module(x), wanted)
