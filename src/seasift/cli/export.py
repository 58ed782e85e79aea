"""`seasift export CHECKPOINT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import OnnxOutput


def export(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(
            metavar="CHECKPOINT...",
            help="best.ckpt or last.ckpt of a run; of several of one network the mean of the weights is taken.",
        ),
    ],
    output: OnnxOutput,
    name: Annotated[str | None, typer.Option(help="Name of the model.  [default: of its recipe]")] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Default minimum score of `predict` with this model.")
    ] = 0.3,
    mask_threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Minimum probability of a pixel of an object.  [default: 0.5]",
        ),
    ] = None,
    expected_iou: Annotated[
        bool,
        typer.Option(
            "--expected-iou", help="Cut masks where the expected IoU is largest, and multiply scores by it."
        ),
    ] = False,
    figures: Annotated[
        list[Path] | None,
        typer.Option(help="Write the metrics of this report.json of `seasift evaluate` into the file."),
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            help="report.json of `seasift evaluate` on the checkpoint (with --expected-iou: on a file exported so): its "
            "scores will be probabilities, and its record by class goes into the file for intervals of counts."
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="The data that it learned from, to tell footage unlike it: a prepared folder (of its recipe's split, "
            "train), or a COCO file."
        ),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Begin the card with this Markdown."),
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the weights.")] = None,
    attribution: Annotated[str, typer.Option(help="Credits: data, initial weights.")] = "",
    hardware: Annotated[
        str | None, typer.Option(help="Training hardware, where the checkpoint does not say.")
    ] = None,
    half_weights: Annotated[
        bool, typer.Option("--half-weights", help="Store weights as float16: half the file, same speed.")
    ] = False,
) -> None:
    """Export a checkpoint as a self-describing ONNX file with a model card."""
    given = locals()
    from seasift.cli.terminal import progress_bar
    from seasift.export.api import export as run

    with progress_bar("looking") as progress:
        info = run(**given, progress=progress)
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB, {len(info.categories)} classes")
