"""The moving average of the weights."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from seasift.training.callbacks import MovingAverage


class Number(LightningModule):
    """One weight."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(-1000.0))


def test_it_forgets_the_initial_weights_soon_and_ends_at_its_decay() -> None:
    module, average = Number(), MovingAverage(0.9)
    average.setup(Trainer(logger=False, accelerator="cpu", barebones=True), module, "fit")
    mean = average._average_model
    assert mean is not None
    expected = -1000.0
    for step in range(200):
        module.value.data.fill_(step)
        mean.update_parameters(module)
        share = min(0.9, (1 + step) / (10 + step)) if step else 0.0  # the first step is taken as it is
        expected = share * expected + (1 - share) * step
        assert float(mean.module.value.detach()) == pytest.approx(expected, abs=1e-3)
    lag = 0.9 / (1 - 0.9)
    assert float(mean.module.value.detach()) == pytest.approx(199 - lag, abs=0.01)
