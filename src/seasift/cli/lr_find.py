"""`seasift lr-find RECIPE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import Accelerator, Overrides, RecipeArgument, RecipeData


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
