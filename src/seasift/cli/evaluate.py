"""`seasift evaluate MODEL DATA`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seasift.cli.options import DataArgument, Threads, TileOverlap, TileWhole, choice
from seasift.core.choices import EngineName, PrecisionName

if TYPE_CHECKING:
    from rich.table import Table

    from seasift.evaluation.document import Evaluation
    from seasift.evaluation.tables import Table as TextTable


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
        float, typer.Option(min=0, max=1, help="Leave out lower scores; low, since AP needs the whole curve.")
    ] = 0.05,
    max_objects: Annotated[int, typer.Option(min=1, help="Maximum number of objects per image.")] = 100,
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
        int | None, typer.Option(min=1, help="Evaluate only this many images, evenly spaced.")
    ] = None,
    resamples: Annotated[
        int,
        typer.Option(min=0, help="Draws of whole videos for the 95% intervals of AP; 0 leaves them out."),
    ] = 1000,
    tile: Annotated[
        str | None,
        typer.Option(help="Search the images in tiles: a side, WIDTHxHEIGHT in px, or auto; see predict."),
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

    from seasift.cli.terminal import progress_bar
    from seasift.evaluation.api import evaluate as run

    with progress_bar("evaluating") as progress:
        result = run(**given, progress=progress)
    tell(result.record, result.written)


_WIDTH = 120
_SHOWN = ("AP", "AP50", "AP75", "AR100")


def tell(record: Evaluation, written: Sequence[Path]) -> None:
    """Print the 12 lines, the classes and the notes on standard output, where things lie on standard error."""
    from seasift.cli.terminal import console_of
    from seasift.evaluation.tables import tables_of

    console = console_of(_WIDTH)
    data, seconds = record.data, record.seconds
    console.print(f"{record.model.name} on {data.name}", soft_wrap=True)
    console.print(_summary(record))
    for table in tables_of(record):
        console.print(_above(table))
    console.print(_classes(record))
    for note in record.notes:
        console.print(f"note: {note}", soft_wrap=True)
    console.print(
        f"{data.images:,} images, {data.objects:,} objects, {data.crowds:,} crowds; "
        f"{seconds['predict']:.1f} s to predict, {seconds['judge']:.2f} s to evaluate",
        soft_wrap=True,
    )
    if written:
        locations = ", ".join(str(path) for path in written)
        typer.echo(f"written: {locations}", err=True)


def _summary(record: Evaluation) -> Table:
    from rich.table import Table

    table = Table("", box=None, pad_edge=False)
    for kind in ("masks", "boxes"):
        table.add_column(kind, justify="right")
    for key in record.masks:
        table.add_row(
            key,
            *(_figure(record.line(kind)[key]) + _interval(record, kind, key) for kind in ("masks", "boxes")),
        )
    return table


def _above(table: TextTable) -> Table:
    from rich.table import Table

    shown = Table(table.heads[0], box=None, pad_edge=False, header_style=None)
    for head in table.heads[1:]:
        shown.add_column(head, justify="right")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def _interval(record: Evaluation, kind: str, key: str) -> str:
    if not record.intervals:
        return ""
    limits = record.intervals.limits.of_metric(kind, key)
    return " [{:.3f}, {:.3f}]".format(*limits) if limits else " " * len(" [0.000, 0.000]")


def _classes(record: Evaluation) -> Table:
    from rich.table import Table

    table = Table("class", box=None, pad_edge=False, header_style=None)
    for title in ("objects", *(f"{kind}\n{key}" for kind in ("masks", "boxes") for key in _SHOWN)):
        table.add_column(title, justify="right", no_wrap=True)
    for row in record.per_class:
        cells = [_figure(row.line(kind)[key]) for kind in ("masks", "boxes") for key in _SHOWN]
        mark = " few" if row.few and row.objects else ""
        table.add_row(row.name, f"{row.objects}{mark}", *cells)
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
