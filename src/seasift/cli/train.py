"""`seasift train RECIPE`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import Accelerator, Overrides, RecipeArgument, RecipeData, with_data


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
        int, typer.Option(min=0, help="Learn and judge only this many pictures, without augmentation.")
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
    from seasift.cli.terminal import progress_bar
    from seasift.cli.train_compare import check, judge_and_compare
    from seasift.core.extras import require
    from seasift.recipes.recipe import load_recipe

    changes = with_data(overrides, data)
    if max_minutes is not None:
        changes.append(f"training.max_minutes={max_minutes}")
    if overfit:
        changes.append(f"data.overfit={overfit}")
        changes += [f"augment.{step}=false" for step in ("photometric", "expand", "crop", "flip")]
    wanted = load_recipe(recipe, changes)
    if compare:
        check(wanted)
    require("train", "torch", "lightning", "timm", "tensorboard")
    if logger is Logger.WANDB:
        require("wandb", "wandb")
    from seasift.training.run import Options
    from seasift.training.run import train as run

    folder = output or Path("runs") / wanted.name
    with progress_bar("decoding pictures") as progress:
        options = Options(
            folder, resume, accelerator, devices, nodes, progress, logger is Logger.WANDB, tell=typer.echo
        )
        run(wanted, options)
    if os.environ.get("LOCAL_RANK", "0") == "0":  # Lightning starts this command once a process
        typer.echo(f"done: {folder} holds best.ckpt, last.ckpt, metrics.csv, tensorboard, recipe.yaml")
        if compare:
            judge_and_compare(wanted, folder)
