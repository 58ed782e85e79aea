"""`seasift adapt LABELS -o MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import Accelerator


def adapt(
    data: Annotated[Path, typer.Argument(help="COCO annotation file (.json) of the labelled images.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Write this .onnx file, its card and a report beside it; a name without .onnx goes into the models folder.",
        ),
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", help="Begin with this model: a name or a model file.")
    ] = "default",
    minutes: Annotated[float, typer.Option(help="Train for this long in all.")] = 10.0,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of the images.  [default: `images` beside the file, or its own folder]"),
    ] = None,
    accelerator: Accelerator = "auto",
) -> None:
    """Adapt a model to your labelled images and measure on held-out ones whether that helped."""
    given = locals()
    from seasift.adaptation.api import adapt as run
    from seasift.cli.terminal import note, progress_bar

    with progress_bar("adapting") as progress:
        result = run(**given, progress=progress, tell=note)
    judgement = result.judgement
    before, after = judgement.ap(judgement.before), judgement.ap(judgement.after)
    typer.echo(
        f"{judgement.kind} AP on {judgement.images} held-out images: {before:.3f} before, {after:.3f} after"
    )
    if result.model is None:
        typer.echo("no model was written: the base model is as good on held-out images")
    else:
        typer.echo(f"{result.model}: {result.model.stat().st_size / 1e6:.1f} MB")
    typer.echo(f"{result.report}: before and after")
    more = judgement.label_more()
    if more:
        typer.echo(f"label more of: {', '.join(more)}")
    if result.next_command:
        typer.echo(f"next: {result.next_command}")
