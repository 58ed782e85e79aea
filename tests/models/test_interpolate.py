"""Weights between two networks."""

from __future__ import annotations

import pytest
import torch

from seasift.models.catalog import build, make_config
from seasift.models.checkpoint import interpolate


def network(value: float) -> torch.nn.Module:
    made = build(make_config("sift", "s", 3, size=96))
    for tensor in made.state_dict().values():
        tensor.fill_(value)
    return made


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_every_weight_lies_between_but_new_classes_are_the_adapted_ones(share: float) -> None:
    mixed = interpolate(network(2.0), network(6.0), share, new_classes=[1])
    assert not mixed.training
    for name, value in mixed.state_dict().items():
        expected = torch.full_like(value, 2 + 4 * share if value.is_floating_point() else 6)
        if ".classify." in name:
            expected[1] = 6
        assert torch.equal(value, expected), name


def test_neither_network_changes() -> None:
    base, adapted = network(2.0), network(6.0)
    interpolate(base, adapted, 0.5)
    assert all((value == 2).all() for value in base.state_dict().values())
    assert all((value == 6).all() for value in adapted.state_dict().values())
