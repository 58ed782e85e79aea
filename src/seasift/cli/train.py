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
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder of the run.")] = None,
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from last.ckpt.")] = False,
    overfit: Annotated[
        int, typer.Option(min=0, help="Learn and judge only this many images, without augmentation.")
    ] = 0,
    max_minutes: Annotated[float | None, typer.Option(help="Stop after this many minutes.")] = None,
    accelerator: Accelerator = "auto",
    devices: Annotated[int, typer.Option(min=1, help="GPUs or processes.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
    logger: Annotated[Logger | None, typer.Option(help="Keep records at Weights & Biases as well.")] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="At the end judge best.ckpt on val and compare with published figures."
        ),
    ] = False,
) -> None:
    """Train a model from a recipe; leaves checkpoints, curve and records in a folder."""
    given = locals()
    from seasift.cli import compare_table, evaluate_table
    from seasift.cli.terminal import progress_bar
    from seasift.training.api import is_first_process
    from seasift.training.api import train as run

    with progress_bar("pictures") as progress:
        result = run(**given, progress=progress, tell=typer.echo)
    if is_first_process():
        typer.echo(f"done: {result.folder} holds best.ckpt, last.ckpt, metrics.csv, tensorboard, recipe.yaml")
    if result.evaluation and result.comparison:
        evaluate_table.tell(result.evaluation.record, result.evaluation.written)
        compare_table.tell(result.comparison, result.written)
