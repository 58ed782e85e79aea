"""`seasift export CHECKPOINT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import OnnxOutput
from seasift.core.files import check_onnx_name


def export(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(
            metavar="CHECKPOINT...",
            help="best.ckpt or last.ckpt of a run; several of one network: the mean of their weights.",
        ),
    ],
    output: OnnxOutput,
    name: Annotated[str | None, typer.Option(help="Of the model.  [default: of its recipe]")] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Score that predict asks for unless told otherwise.")
    ] = 0.3,
    mask_threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="A pixel belongs to an object if its probability is above this.  [default: 0.5]",
        ),
    ] = None,
    expected_iou: Annotated[
        bool,
        typer.Option(
            "--expected-iou", help="Cut masks where the IoU to expect is largest; it multiplies scores."
        ),
    ] = False,
    figures: Annotated[
        list[Path] | None,
        typer.Option(help="report.json of `seasift evaluate`, to be written into the file."),
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            help="report.json of `seasift evaluate` on the checkpoint (with --expected-iou: on a file exported so): its "
            "scores will be probabilities, and its record by class goes into the file for intervals of counts."
        ),
    ] = None,
    looks: Annotated[
        Path | None,
        typer.Option(
            help="The data that it learned from, to tell footage unlike it: a prepared folder (of its recipe's split, "
            "train), or a COCO file."
        ),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Markdown that the card begins with."),
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Of the weights.")] = None,
    attribution: Annotated[str, typer.Option(help="Whom to credit: data, initial weights.")] = "",
    hardware: Annotated[
        str | None, typer.Option(help="That it was trained on, where the checkpoint does not say.")
    ] = None,
    half_weights: Annotated[
        bool, typer.Option("--half-weights", help="Store weights as float16: half the file, same speed.")
    ] = False,
) -> None:
    """Write a checkpoint as a self-describing ONNX file with a model card beside it."""
    check_onnx_name(output)
    from seasift.cli.terminal import progress_bar
    from seasift.core.errors import BadInput
    from seasift.core.extras import require

    if expected_iou and mask_threshold is not None:
        raise BadInput(
            "--mask-threshold and --expected-iou both say where masks are cut; expected one of them."
        )

    require("train", "torch", "lightning", "timm", "onnx", "onnxscript")
    from seasift.data.prepared import resolve_part
    from seasift.export.card import calibration_of, figures_of, read_report, read_words, write_card
    from seasift.export.complete import complete
    from seasift.export.to_onnx import LICENCE, export_checkpoint

    calibration = read_report(calibrate) if calibrate else None
    reports = [read_report(path) for path in figures or []]
    words = read_words(about) if about else ""
    info = export_checkpoint(
        checkpoints,
        output,
        name=name,
        threshold=threshold,
        mask_threshold=0.5 if mask_threshold is None else mask_threshold,
        expected_iou=expected_iou,
        figures=dict(figures_of(report) for report in reports),
        calibration=calibration_of(calibration, expected_iou=expected_iou) if calibration else None,
        licence=licence or LICENCE,
        attribution=attribution,
        half_weights=half_weights,
        hardware=hardware,
    )
    counting = calibration if calibration and calibration.get("counting") else None
    if counting or looks:
        split = info.training["recipe"]["data"]["split"] if looks and looks.is_dir() else None
        part = resolve_part(looks, split=split, part="train" if looks.is_dir() else None) if looks else None
        with progress_bar("looking") as progress:
            info = complete(output, output, counting=counting, looks=part, progress=progress)
    write_card(output, info, reports, words)
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB, {len(info.categories)} classes")
