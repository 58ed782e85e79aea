"""`seasift evaluate MODEL DATA`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from seasift.cli.options import command_of
from seasift.evaluation.options import EvaluateOptions

if TYPE_CHECKING:
    from rich.table import Table

    from seasift.evaluation.document import Evaluation
    from seasift.evaluation.tables import Table as TextTable


_HELP = """Evaluate a model by the COCO metrics of boxes and masks, overall and by class.

With -o it also writes a page with curves, a confusion matrix and the worst images.
"""


def _run(options: EvaluateOptions) -> None:
    from dataclasses import replace

    from seasift.cli.terminal import progress_bar
    from seasift.evaluation.api import run

    with progress_bar("evaluating") as progress:
        result = run(replace(options, progress=progress))
    tell(result.record, result.written)


evaluate = command_of(EvaluateOptions, _run, _HELP)
evaluate.__name__ = "evaluate"

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
