"""The learning-rate range test."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from seasift.core.errors import RecipeError
from seasift.recipes.recipe import Recipe
from seasift.training.lr_finder import LearningRateFinder, find_rate, steepest, write_lr_finder
from seasift.training.run import Options


@pytest.fixture
def swept(tiny: Recipe, tmp_path: Path) -> LearningRateFinder:
    recipe = tiny.model_copy(update={"optimizer": tiny.optimizer.model_copy(update={"name": "sgd"})})
    return find_rate(recipe, Options(tmp_path, accelerator="cpu"), low=1e-6, high=1e3, steps=40)


def test_the_suggestion_lies_where_the_loss_falls_and_divergence_ends_it(
    swept: LearningRateFinder, tmp_path: Path
) -> None:
    assert swept.diverged
    assert len(swept.rates) == len(swept.losses) < 40
    assert swept.suggestion is not None
    index = swept.rates.index(swept.suggestion)
    assert swept.losses[index + 1] < swept.losses[index - 1]
    settled = 10
    best = settled + int(np.argmin(swept.losses[settled:]))
    assert swept.rates[settled] <= swept.suggestion <= swept.rates[best + 1]
    assert list(tmp_path.iterdir()) == []  # no checkpoint stays behind
    paths = write_lr_finder(swept, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in paths)
    with paths[0].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["lr"]) for row in rows] == list(swept.rates)
    assert paths[1].read_bytes().startswith(b"\x89PNG")
    assert "<svg" in paths[2].read_text(encoding="utf-8")


def test_the_steepest_fall_of_a_known_curve() -> None:
    rates = [10.0 ** (index / 10) for index in range(40)]
    losses = [1 / (1 + np.exp((index - 25) / 2)) for index in range(40)]
    assert steepest(rates, losses) == rates[25]
    assert steepest(rates, [float(index) for index in range(40)]) is None
    assert steepest(rates[:5], losses[:5]) is None


@pytest.mark.parametrize(("low", "high", "steps"), [(1.0, 0.1, 40), (0.0, 0.1, 40), (1e-3, 1.0, 5)])
def test_impossible_sweeps_are_refused(
    tiny: Recipe, tmp_path: Path, low: float, high: float, steps: int
) -> None:
    with pytest.raises(RecipeError):
        find_rate(tiny, Options(tmp_path), low=low, high=high, steps=steps)
