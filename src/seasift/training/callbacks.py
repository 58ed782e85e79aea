"""What happens beside the steps: checkpoints, the time limit, the curve, the progress line.

Lightning's classes serve where they can. Each class here says what its counterpart in Lightning cannot do.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Timer, WeightAveraging
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from seasift.core.files import replacing
from seasift.recipes.recipe import TrainingRecipe

LAST, BEST = "last.ckpt", "best.ckpt"
CURVE = "metrics.csv"


class Checkpoints(Callback):
    """Writes last.ckpt every few minutes and best.ckpt at each better validation, whole or not at all.

    Lightning's `ModelCheckpoint` saves between the batches of one accumulated step, from which a resumed run gives
    another curve; it ignores the validation after training that a time limit asks for; and it writes by way of the
    folder for temporary files, from where a move to another disk is not atomic.

    Args:
        folder: of the run.
        recipe: for the minutes, and the batches that make one optimizer step.
    """

    def __init__(self, folder: Path, recipe: TrainingRecipe) -> None:
        self._folder, self._recipe = folder, recipe
        self._saved_at = time.monotonic()
        self.best_score = -1.0

    def state_dict(self) -> dict[str, Any]:
        """Goes into checkpoints."""
        return {"best_score": self.best_score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Comes from a checkpoint."""
        self.best_score = state_dict["best_score"]

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save `last` if it is time; never between the parts of one accumulated step."""
        due = time.monotonic() - self._saved_at > self._recipe.checkpoint_minutes * 60
        if trainer.strategy.broadcast(due) and (batch.number + 1) % self._recipe.accumulate == 0:
            self.save(trainer, LAST)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Save `best` if the score is."""
        score = trainer.callback_metrics.get("val/score")
        if score is not None and float(score) > self.best_score:
            self.best_score = float(score)
            self.save(trainer, BEST)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Save `last`."""
        self.save(trainer, LAST)

    def save(self, trainer: Trainer, name: str) -> None:
        """Write one checkpoint; every process takes part, the first one writes."""
        if trainer.is_global_zero:
            with replacing(self._folder / name) as part:
                trainer.save_checkpoint(part)
        else:
            trainer.save_checkpoint(self._folder / name)
        if name == LAST:
            self._saved_at = time.monotonic()


def moving_average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """How averages move: from themselves, the latest values and the number of steps, in place.

    Args:
        decay: what it rises to. After n steps it is at most (1 + n) / (10 + n), so that a young average is not
            made of the initial weights.
    """

    def average(means: Sequence[Tensor], latest: Sequence[Tensor], steps: Tensor | int) -> None:
        if not means[0].is_floating_point():  # the batches that batch norm has counted
            torch._foreach_copy_(list(means), list(latest))
            return
        share = min(decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_mul_(list(means), share)
        torch._foreach_add_(list(means), list(latest), alpha=1 - share)

    return average


class MovingAverage(WeightAveraging):
    """An exponential moving average of the weights, with which the model is validated and saved; see `moving_average`."""

    def __init__(self, decay: float) -> None:
        super().__init__(multi_avg_fn=moving_average(decay))


class TimeLimit(Timer):
    """Ends training after some minutes, as if all steps were done.

    Lightning's `Timer` counts on over resumes. This one gives a resumed run all its minutes again.
    """

    def __init__(self, minutes: float) -> None:
        super().__init__(timedelta(minutes=minutes), verbose=False)

    def state_dict(self) -> dict[str, Any]:
        """Nothing goes into checkpoints."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing comes out of checkpoints."""


class Curve(Callback):
    """Appends losses and metrics to metrics.csv; a resumed run drops the rows it will write again.

    Lightning's `CSVLogger` deletes the file of an earlier run instead of continuing it, and rewrites the whole file
    where a new column appears.

    Args:
        folder: of the run.
        start: optimizer step at which this run begins.
        every: steps between rows of losses.
    """

    COLUMNS = (
        *("step", "pictures", "lr", "loss/total", "loss/box", "loss/class", "loss/mask", "loss/semantic"),
        *("loss/objectness", "loss/proposal", "loss/sides", "loss/dice"),
        *("val/score", "val/mask_AP", "val/mask_AP50", "val/box_AP", "val/box_AP50"),
    )

    def __init__(self, folder: Path, *, start: int, every: int = 10) -> None:
        self._path, self._every, self._start, self._images = folder / CURVE, every, start, 0

    def on_fit_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Begin the file, or go on with what a resumed run keeps of it."""
        if not trainer.is_global_zero:
            return
        rows: list[dict[str, str]] = []
        if self._start and self._path.exists():
            with self._path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= self._start]
        with replacing(self._path) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.COLUMNS)
            writer.writeheader()
            writer.writerows(rows)

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One row every few optimizer steps."""
        self._images = (batch.number + 1) * len(batch.file_names) * trainer.world_size
        stepped = (batch.number + 1) % trainer.accumulate_grad_batches == 0
        if stepped and trainer.global_step % self._every == 0:
            self._append(trainer, "loss/")

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        """One row a validation."""
        self._append(trainer, "val/")

    def _append(self, trainer: Trainer, start: str) -> None:
        if not trainer.is_global_zero:
            return
        row: dict[str, Any] = {"step": trainer.global_step, "pictures": self._images}
        row["lr"] = trainer.optimizers[0].param_groups[0]["lr"] if trainer.optimizers else ""
        metrics = trainer.callback_metrics
        row |= {
            name: f"{float(metrics[name]):.8g}"
            for name in self.COLUMNS
            if name.startswith(start) and name in metrics
        }
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.COLUMNS).writerow(row)


class ProgressLine(Callback):
    """Losses, images a second and remaining time: a bar on a terminal, a line a minute elsewhere.

    Lightning's `RichProgressBar` counts batches of an epoch, so it knows no end of a stream of batches, and it writes
    nothing readable into a log file.

    Args:
        max_steps: optimizer steps in all.
        max_minutes: of a time limit.
    """

    def __init__(self, max_steps: int, max_minutes: float | None = None) -> None:
        self._max_steps, self._max_minutes = max_steps, max_minutes
        self._console = Console(stderr=True)
        columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, TextColumn("{task.description}"), console=self._console)
        self._task = self._bar.add_task("", total=max_steps)
        self._since, self._images, self._first_step = time.monotonic(), 0, 0
        self._said_at = 0.0
        self._rate = 0.0

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Start the clock."""
        self._first_step = trainer.global_step
        self._since = time.monotonic()
        if self._console.is_terminal and trainer.is_global_zero:
            self._bar.start()

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Refresh, now and then: reading a loss waits for the GPU."""
        now = time.monotonic()
        self._images += len(batch.file_names) * trainer.world_size
        self._rate = self._images / max(now - self._since, 1e-9)
        terminal = self._console.is_terminal
        if now - self._said_at < (1 if terminal else 60):
            return
        self._said_at = now
        text = self._text(trainer)
        if terminal:
            self._bar.update(self._task, completed=trainer.global_step, description=text)
        elif trainer.is_global_zero:
            left = (now - self._since) / max(trainer.global_step - self._first_step, 1)
            minutes = left * (self._max_steps - trainer.global_step) / 60
            if self._max_minutes is not None:
                minutes = min(minutes, max(self._max_minutes - (now - self._since) / 60, 0))
            print(
                f"step {trainer.global_step}/{self._max_steps}  {text}  {minutes:.0f} min left",
                file=sys.stderr,
                flush=True,
            )

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Show the metrics."""
        metrics = {k[4:]: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("val/")}
        figures = "  ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        if trainer.is_global_zero:
            self._console.print(f"step {trainer.global_step}: {figures}", highlight=False, soft_wrap=True)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Close the bar."""
        self._bar.stop()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        """Close the bar."""
        self._bar.stop()

    def _text(self, trainer: Trainer) -> str:
        losses = {k[5:]: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("loss/")}
        return (
            " ".join(f"{name} {value:.2f}" for name, value in losses.items()) + f"  {self._rate:.1f} images/s"
        )
