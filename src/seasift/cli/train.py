"""`seasift train RECIPE`."""

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

    with progress_bar("pictures") as progress:
        result = run(**given, progress=progress, tell=typer.echo)
    if is_first_process():
        typer.echo(f"done: {result.folder} holds best.ckpt, last.ckpt, metrics.csv, tensorboard, recipe.yaml")
    if result.evaluation and result.comparison:
        tell_evaluation(result.evaluation.record, result.evaluation.written)
        tell_comparison(result.comparison, result.written)
