"""`seasift export CHECKPOINT` and `seasift quantize MODEL DATA`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import DataArgument, ModelArgument, OnnxOutput


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


def quantize(
    model: ModelArgument,
    data: DataArgument,
    output: OnnxOutput,
    scheme: Annotated[str | None, typer.Option(help="Splitting scheme of a prepared data set.")] = None,
    split: Annotated[
        str, typer.Option(help="Split of the scheme; one that the model learned from.")
    ] = "train",
    images: Annotated[int, typer.Option(min=1, help="Number of calibration images, evenly spaced.")] = 300,
) -> None:
    """Quantize a model to 8 bits: smaller, and faster on some processors."""
    from seasift.cli.terminal import progress_bar
    from seasift.core.errors import require
    from seasift.core.files import check_onnx_name
    from seasift.data.prepared import resolve_split
    from seasift.modelfile import bundled

    check_onnx_name(output)
    given = bundled.find(model)
    chosen = resolve_split(data, scheme=scheme, split=split if data.is_dir() else None)
    require("quantize", "nncf", "onnx", "onnxruntime", "onnxscript")
    from seasift.export.card import write_card
    from seasift.export.quantize import quantize as run

    with progress_bar("measuring ranges") as progress:
        info = run(given, output, chosen, images=images, progress=progress)
    size = output.stat().st_size
    write_card(output, info)
    typer.echo(
        f"{output}: {size / 1e6:.1f} MB, {info.quantized}. Evaluate it: seasift evaluate {output} {data}"
    )
