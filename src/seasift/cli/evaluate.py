"""`seasift evaluate MODEL DATA`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.choices import choice
from seasift.cli.options import DataArgument, Threads, TileOverlap, TileWhole
from seasift.core.choices import EngineName, PrecisionName


def evaluate(
    model: Annotated[
        str,
        typer.Argument(help="A model file, the name of a bundled model, or a checkpoint (.ckpt, .pt)."),
    ],
    data: DataArgument,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for report.html, report.json and predictions.json."),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Label set of a prepared data set: instance or material.")
    ] = None,
    masks: Annotated[str | None, typer.Option(help="Its masks: exact or polygons.")] = None,
    scheme: Annotated[
        str | None, typer.Option(help="Splitting scheme: dive-free, official, ...  [default: the data set's]")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split of the scheme: train, val or test.  [default: val]")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of the images of a COCO file.")] = None,
    map: Annotated[
        str | None,
        typer.Option(
            help="The model's classes as classes or supercategories of the data: fish=animal_fish,net=trash or a text "
            "file with one a line; only these are evaluated.  [default: the same names]"
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out lower scores; low, since AP wants the whole curve.")
    ] = 0.05,
    max_objects: Annotated[int, typer.Option(min=1, help="At most so many an image.")] = 100,
    confidence: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Score from which an object counts as found, for precision and recall, the confusion matrix and "
            "the worst images.  [default: what predict uses with this model, else 0.3]",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="A quick look at so many images, evenly spaced.")
    ] = None,
    resamples: Annotated[
        int,
        typer.Option(min=0, help="Draws of whole videos for the 95% intervals of AP; 0 leaves them out."),
    ] = 1000,
    tile: Annotated[
        str | None,
        typer.Option(help="Look at the images in tiles: a side, WIDTHxHEIGHT in px, or auto; see predict."),
    ] = None,
    tile_overlap: TileOverlap = None,
    tile_whole: TileWhole = False,
    engine: Annotated[
        str | None,
        choice(
            EngineName,
            "--engine",
            option="--engine",
            help="Engine that runs a model file.  [default: openvino]",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        choice(
            PrecisionName,
            "--precision",
            option="--precision",
            help="Numbers to compute with; bf16 and f16 need openvino.  [default: f32]",
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Evaluate a model by the COCO metrics of boxes and masks, overall and by class.

    With -o it also writes a page with curves, a confusion matrix and the worst images.
    """
    given = locals()
    from seasift.cli.evaluate_table import tell
    from seasift.cli.terminal import progress_bar
    from seasift.evaluation.api import evaluate as run

    with progress_bar("evaluating") as progress:
        result = run(**given, progress=progress)
    tell(result.record, result.written)
