"""What `seasift evaluate` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from seasift.evaluation.document import Evaluation
from seasift.evaluation.level_tables import tables_of
from seasift.evaluation.text_table import Table as TextTable

_WIDTH = 120
_SHOWN = ("AP", "AP50", "AP75", "AR100")


def tell(record: Evaluation, written: Sequence[Path]) -> None:
    """Print the 12 lines, the classes and the notes on standard output, where things lie on standard error."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=_WIDTH)
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
        f"{seconds['predict']:.1f} s to predict, {seconds['judge']:.2f} s to judge",
        soft_wrap=True,
    )
    if written:
        locations = ", ".join(str(path) for path in written)
        Console(stderr=True, highlight=False, markup=False).print(f"written: {locations}", soft_wrap=True)


def _summary(record: Evaluation) -> Table:
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
    shown = Table(table.heads[0], box=None, pad_edge=False, header_style=None)
    for head in table.heads[1:]:
        shown.add_column(head, justify="right")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def _interval(record: Evaluation, kind: str, key: str) -> str:
    if not record.intervals:
        return ""
    limits = record.intervals.limits.of_figure(kind, key)
    return " [{:.3f}, {:.3f}]".format(*limits) if limits else " " * len(" [0.000, 0.000]")


def _classes(record: Evaluation) -> Table:
    table = Table("class", box=None, pad_edge=False, header_style=None)
    for title in ("objects", *(f"{kind}\n{key}" for kind in ("masks", "boxes") for key in _SHOWN)):
        table.add_column(title, justify="right", no_wrap=True)
    for row in record.per_class:
        figures = [_figure(row.line(kind)[key]) for kind in ("masks", "boxes") for key in _SHOWN]
        mark = " few" if row.few and row.objects else ""
        table.add_row(row.name, f"{row.objects}{mark}", *figures)
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
