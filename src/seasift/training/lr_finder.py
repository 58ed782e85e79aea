"""Learning-rate range test: in training mode, on augmented batches, with the losses that training minimises."""

from __future__ import annotations

import csv
import io
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.tuner.tuning import Tuner
from torch import Tensor
from torch.utils.data import DataLoader

from seasift.core.errors import RecipeError
from seasift.core.files import replacing, write_text
from seasift.recipes.recipe import Recipe
from seasift.training.batches import Batch, BatchStream
from seasift.training.data import data_splits, open_images
from seasift.training.initial import initialise
from seasift.training.module import NonFiniteLossError, TrainingModule
from seasift.training.run import PRECISIONS, Options, quieten

_SKIPPED = 10  # the first losses, in which the running mean has not settled
_DIVERGED = 4.0  # times the best loss


@dataclass(frozen=True)
class LearningRateFinder:
    """What a range test found.

    Attributes:
        rates: (S,) learning rates, growing exponentially.
        losses: (S,) running mean of the total loss at each.
        suggestion: the rate at which the loss falls most steeply; None if it never falls.
        diverged: whether the test ended early because the loss grew beyond four times its best.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float | None
    diverged: bool


class _Probe(TrainingModule):
    """Training that answers a loss which is not finite with infinity, so that the test ends there."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        try:
            return super().training_step(batch, batch_idx)
        except NonFiniteLossError:
            return torch.tensor(float("inf"), requires_grad=True)


def find_rate(recipe: Recipe, options: Options, *, low: float, high: float, steps: int) -> LearningRateFinder:
    """Train for `steps` with a rate that grows from `low` to `high`; nothing of the training is kept.

    Raises:
        RecipeError: no data, rates in the wrong order, or fewer steps than it takes to see a slope.
    Source: Smith 2017, "Cyclical learning rates for training neural networks", section 3.3; Lightning's tuner.
    """
    if not 0 < low < high:
        raise RecipeError(f"rates from {low:g} to {high:g}; expected a lower one above 0, then a higher one")
    if steps < 2 * _SKIPPED:
        raise RecipeError(f"{steps} steps; expected at least {2 * _SKIPPED} to see a slope")
    quieten()
    seed_everything(recipe.seed, verbose=False)
    learn, _ = data_splits(recipe)
    module = _Probe(recipe, learn.coco.categories)
    initialise(module, recipe.model.weights)
    cache = open_images(learn, module.input_spec, recipe, options.progress)
    stop = steps * recipe.training.accumulate + 1
    stream = BatchStream(cache, batch_size=recipe.training.batch_size, seed=recipe.seed, start=0, stop=stop)
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*`trainer.logger`.*|.*no `val_dataloader`.*|.*validation_step.*")
        trainer = Trainer(
            accelerator=options.accelerator,
            devices=1,
            precision=PRECISIONS[recipe.training.precision],
            max_steps=steps,
            accumulate_grad_batches=recipe.training.accumulate,
            gradient_clip_val=recipe.optimizer.clip_norm,
            default_root_dir=scratch,
            limit_val_batches=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        found = Tuner(trainer).lr_find(
            module,
            train_dataloaders=DataLoader(stream, batch_size=None),
            min_lr=low,
            max_lr=high,
            num_training=steps,
            early_stop_threshold=_DIVERGED,
            update_attr=False,
        )
    assert found is not None
    rates, losses = found.results["lr"][: len(found.results["loss"])], found.results["loss"]
    return LearningRateFinder(tuple(rates), tuple(losses), steepest(rates, losses), len(losses) < steps)


def steepest(rates: list[float], losses: list[float]) -> float | None:
    """The rate at which the loss falls fastest per step of the sweep, past its unsettled beginning."""
    slopes = (
        np.gradient(np.array(losses[_SKIPPED:-1], dtype=np.float64)) if len(losses) > _SKIPPED + 3 else None
    )
    if slopes is None or not (slopes < 0).any():
        return None
    return float(rates[_SKIPPED + int(np.nanargmin(np.where(np.isfinite(slopes), slopes, np.nan)))])


def write_lr_finder(test: LearningRateFinder, folder: Path) -> tuple[Path, ...]:
    """Write lr-find.csv, lr-find.png and lr-find.svg, each whole or not at all."""
    from matplotlib.figure import Figure

    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("lr", "loss"))
    writer.writerows(zip(test.rates, test.losses, strict=True))
    paths = tuple(folder / f"lr-find.{suffix}" for suffix in ("csv", "png", "svg"))
    write_text(paths[0], table.getvalue())
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.plot(test.rates, test.losses, color="#0b6e99")
    if test.suggestion is not None:
        axes.axvline(
            test.suggestion, color="#c2571a", linestyle="--", label=f"steepest: {test.suggestion:.2e}"
        )
        axes.legend()
    axes.set(xscale="log", xlabel="learning rate", ylabel="total loss, running mean")
    finite = [loss for loss in test.losses if np.isfinite(loss)]
    if finite:
        axes.set_ylim(0.9 * min(finite), min(max(finite), _DIVERGED * min(finite)) * 1.05)
    for path in paths[1:]:
        with replacing(path) as part:
            figure.savefig(part, format=path.suffix[1:], dpi=120)
    return paths
