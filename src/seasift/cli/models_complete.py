"""`seasift models complete MODEL -o FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seasift.data.prepared import DataSplit


def complete(
    model: Annotated[str, typer.Argument(help="A model file (.onnx), or the name of a bundled model.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Write this model file; may be the same.")],
    calibrate: Annotated[
        Path | None,
        typer.Option(
            help="report.json of `seasift evaluate` on data it did not learn from: scores will be probabilities."
        ),
    ] = None,
    figures: Annotated[
        list[Path] | None,
        typer.Option(help="report.json of `seasift evaluate`: for the file, and a card beside it."),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Begin the card with this Markdown."),
    ] = None,
    operating_points: Annotated[
        Path | None,
        typer.Option(
            help="report.json of `seasift evaluate` on data it did not learn from: for intervals of counts."
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="Data that it learned from, a prepared folder or COCO file: to tell footage unlike it."
        ),
    ] = None,
    rollup: Annotated[
        Path | None,
        typer.Option(
            help="Fit with this report.json of `seasift evaluate`, on held-out data, from which scores an object is named by "
            "its class, its supercategory, or as an object."
        ),
    ] = None,
    right: Annotated[
        float, typer.Option(help="Probability that a name of --rollup is right: 0.5, 0.6 ... 0.9.")
    ] = 0.7,
    scheme: Annotated[
        str | None, typer.Option(help="Splitting scheme of the prepared data.  [default: its own]")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the scheme.")] = "train",
) -> None:
    """Add calibration, metrics and survey statistics to a model file.

    The graph stays unchanged.
    """
    from seasift.cli.terminal import progress_bar
    from seasift.core.errors import InputError
    from seasift.core.files import check_onnx_name
    from seasift.export.card import calibration_of, read_report, read_words, write_card
    from seasift.export.complete import complete as write
    from seasift.modelfile import bundled
    from seasift.modelfile.info import read_model_file

    if not (calibrate or figures or operating_points or reference or rollup):
        raise InputError(
            "nothing to add; expected --calibrate, --figures, --operating-points, --reference or --rollup."
        )
    if about and not figures:
        raise InputError("--about begins a card, which is written with --figures only. Give both.")
    check_onnx_name(output)
    given = bundled.find(model)
    expected_iou = read_model_file(given).info.decode.expected_iou
    fitted = calibration_of(read_report(calibrate), expected_iou=expected_iou) if calibrate else None
    evaluated = [read_report(path) for path in figures or []]
    words = read_words(about) if about else ""
    with progress_bar("looking") as progress:
        info = write(
            given,
            output,
            calibration=fitted,
            figures=evaluated,
            operating_points=read_report(operating_points) if operating_points else None,
            reference=_images(reference, scheme, split) if reference else None,
            rollup=read_report(rollup) if rollup else None,
            right=right,
            progress=progress,
        )
    if evaluated:
        write_card(output, info, evaluated, words)
    added = [f"scores calibrated on {fitted.fitted_on}"] if fitted else []
    added += [f"figures on {report.data.name}" for report in evaluated]
    added += [f"counts on {info.counting.data}"] if operating_points and info.counting else []
    added += (
        [f"statistics of {info.looks.pictures:,} images of {info.looks.data}"]
        if reference and info.looks
        else []
    )
    added += [f"roll-up fitted on {info.rollup.fitted_on}"] if rollup and info.rollup else []
    typer.echo(f"{output}: {info.name}, {', '.join(added)}")


def _images(reference: Path, scheme: str | None, split: str) -> DataSplit:
    from seasift.data.prepared import resolve_split

    return resolve_split(reference, scheme=scheme, split=split if reference.is_dir() else None)
