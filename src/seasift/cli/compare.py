"""`seasift compare RUN...`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from seasift.evaluation.comparison import Comparison
    from seasift.evaluation.tables import Table as TextTable


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of `seasift evaluate -o`, or training runs that hold one named `evaluation`."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Data the runs were evaluated on (prepared data set or COCO file); adds intervals."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Write compare.html, compare.json and compare.md into this folder."
        ),
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=20, help="Number of resamples of the videos for the intervals.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.")] = 0,
    group: Annotated[
        str | None,
        typer.Option(
            help="Regular expression for an image's video in its file name.  [default: the data set's own]"
        ),
    ] = None,
) -> None:
    """Compare evaluated models with each other and with published results.

    With --data every AP has a 95% interval, from resampled whole videos, and so has the difference of any two
    runs on the same split.
    """

    from seasift.core.files import check_folder
    from seasift.evaluation.compare import CompareSettings
    from seasift.evaluation.compare import compare as hold_together
    from seasift.evaluation.compare_page import write_comparison
    from seasift.evaluation.runs import read_runs

    if output:
        check_folder(output)
    comparison = hold_together(read_runs(runs), CompareSettings(data, resamples, seed, group))
    tell(comparison, write_comparison(output, comparison) if output else ())


_WIDTH = 200


def tell(comparison: Comparison, written: Sequence[Path]) -> None:
    """Print the tables and notes on standard output, where things lie on standard error."""
    from seasift.cli.terminal import console_of
    from seasift.evaluation.compare_page import tables

    console = console_of(_WIDTH)
    for table in tables(comparison):
        console.print(_shown(table))
        console.print()
    for note in comparison.notes:
        console.print(f"note: {note}", soft_wrap=True)
    if written:
        locations = ", ".join(str(path) for path in written)
        typer.echo(f"written: {locations}", err=True)


def _shown(table: TextTable) -> RichTable:
    from rich.table import Table as RichTable

    shown = RichTable(title=table.title, title_justify="left", box=None, pad_edge=False, title_style="bold")
    for location, head in enumerate(table.heads):
        is_text = location in table.texts
        shown.add_column(head, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    for row in table.rows:
        shown.add_row(*row)
    return shown
