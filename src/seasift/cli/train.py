"""`seasift train RECIPE` and `seasift lr-find RECIPE`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import Accelerator, Overrides, RecipeArgument, RecipeData


class Logger(StrEnum):
    """Where records go beside metrics.csv and TensorBoard."""

    WANDB = "wandb"


def train(
    recipe: RecipeArgument,
    data: RecipeData = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the run into this folder.")
    ] = None,
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume from last.ckpt.")] = False,
    overfit: Annotated[
        int, typer.Option(min=0, help="Train and evaluate on only this many images, without augmentation.")
    ] = 0,
    max_minutes: Annotated[float | None, typer.Option(help="Stop after this many minutes.")] = None,
    accelerator: Accelerator = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Number of GPUs or processes.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Number of machines.")] = 1,
    logger: Annotated[Logger | None, typer.Option(help="Also log to Weights & Biases.")] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="At the end evaluate best.ckpt on val and compare with published results."
        ),
    ] = False,
) -> None:
    """Train a model from a recipe; write checkpoints and curves."""
    given = locals()
    from seasift.cli.compare import tell as tell_comparison
    from seasift.cli.evaluate import tell as tell_evaluation
    from seasift.cli.terminal import progress_bar
    from seasift.training.api import is_first_process
    from seasift.training.api import train as run

    with progress_bar("images") as progress:
        result = run(**given, progress=progress, tell=typer.echo)
    if is_first_process():
        typer.echo(f"done: {result.folder} holds best.ckpt, last.ckpt, metrics.csv, tensorboard, recipe.yaml")
    if result.evaluation and result.comparison:
        tell_evaluation(result.evaluation.record, result.evaluation.written)
        tell_comparison(result.comparison, result.written)


def lr_find(
    recipe: RecipeArgument,
    data: RecipeData = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write curve and plot into this folder.")
    ] = None,
    overrides: Overrides = None,
    low: Annotated[float, typer.Option(help="First learning rate.")] = 1e-6,
    high: Annotated[float, typer.Option(help="Last learning rate.")] = 1.0,
    steps: Annotated[int, typer.Option(help="Number of steps between them.")] = 100,
    accelerator: Accelerator = "auto",
) -> None:
    """Find the learning rate at which the loss falls fastest (range test)."""
    from seasift.cli.terminal import progress_bar
    from seasift.core.errors import require
    from seasift.recipes.recipe import load_recipe
    from seasift.training.api import with_data

    wanted = load_recipe(recipe, with_data(overrides, data))
    require("train", "torch", "lightning", "timm", "tensorboard")
    from seasift.training.lr_finder import find_rate, write_lr_finder
    from seasift.training.run import Options

    folder = output or Path("runs") / f"{wanted.name}-lr-find"
    with progress_bar("decoding images") as progress:
        options = Options(folder, accelerator=accelerator, progress=progress)
        test = find_rate(wanted, options, low=low, high=high, steps=steps)
    paths = write_lr_finder(test, folder)
    ended = f"diverged at {test.rates[-1]:.2e}" if test.diverged else "did not diverge"
    if test.suggestion is None:
        typer.echo(f"the loss never fell and {ended}; try lower rates: --low, --high")
    else:
        typer.echo(f"suggested optimizer.lr: {test.suggestion:.2e} (steepest fall of the loss; {ended})")
    typer.echo(f"curve and plot: {', '.join(str(path) for path in paths)}")
