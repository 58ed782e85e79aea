"""`seasift predict INPUT…`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from seasift.cli.options import command_of
from seasift.prediction.options import PredictOptions

if TYPE_CHECKING:
    from rich.table import Table

    from seasift.formats.document import Document

_HELP = """Find and outline objects in images and videos.

Inputs that cannot be read are reported and skipped; the exit code is then 2. A killed run with -o FOLDER resumes when
the same command is given again.
"""


def _run(options: PredictOptions) -> None:
    from dataclasses import replace

    from seasift.cli.terminal import CLOSED, note, progress_bar
    from seasift.core.errors import InputError
    from seasift.formats.document import FailedFile
    from seasift.prediction.run import run

    def complain(failed: FailedFile) -> None:
        print(f"seasift: {failed.error}", file=sys.stderr)  # not echo: the bar moves down for print

    if "stdin" in CLOSED and isinstance(options.inputs, list | tuple) and "-" in options.inputs:
        raise InputError("-: standard input is closed; expected an image there.")
    if "stdout" in CLOSED and (str(options.output) == "-" or options.output is None):
        raise InputError("standard output is closed; expected a place for results. Give -o.")
    if options.output is None and options.formats and sys.stdout.isatty():
        raise InputError(
            f"--format {options.formats[0]}: got no file for it; a terminal is no place for a document. Name a file with -o, "
            "or print it with -o -."
        )
    with progress_bar("predicting") as progress:
        result = run(replace(options, progress=progress, on_failure=complain, on_note=note))
    if not result.written and (
        str(options.output) == "-" or not sys.stdout.isatty()
    ):  # a person reads the table instead
        for part in result.text(result.formats[0]):
            typer.echo(part.encode(), nl=False)
    show(result.document, result.written, asked_precision=options.precision)
    if result.failures:
        raise typer.Exit(2)


predict = command_of(PredictOptions, _run, _HELP)
predict.__name__ = "predict"


def show(result: Document, indices: Sequence[Path], *, asked_precision: str) -> None:
    """Print on standard error a table of what was found, how it was computed, and where the results are."""
    from rich.console import Console

    from seasift.inference.engines import AUTO

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    objects: Counter[str] = Counter()
    images: Counter[str] = Counter()
    for image in result.images:
        names = [found.rollup.name if found.rollup else found.name for found in image.objects]
        objects.update(names)
        images.update(set(names))
    if objects:
        console.print(_table(objects, images))
    if asked_precision not in (AUTO, result.precision):
        console.print(
            f"note: --precision {asked_precision} was asked for; "
            f"on this machine {result.engine} computes in {result.precision}"
        )
    failed = f", {_count(len(result.failures), 'input')} failed" if result.failures else ""
    console.print(
        f"{_count(len(result.images), 'image')}, {_count(objects.total(), 'object')} with scores from "
        f"{result.threshold:g}"
        f"{failed} (model {result.model.name}, {result.engine}, {result.precision})"
    )
    if result.tile:
        tile, whole = result.tile, " and as a whole" if result.tile.whole else ""
        console.print(
            f"looked at in tiles of {tile.width}x{tile.height} px that share "
            f"{tile.overlap_x} and {tile.overlap_y} px{whole}"
        )
    if indices:
        console.print("written: " + ", ".join(str(path) for path in indices))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _table(objects: Counter[str], images: Counter[str]) -> Table:
    from rich.table import Table

    table = Table("class", box=None, pad_edge=False)
    table.add_column("objects", justify="right")
    table.add_column("images", justify="right")
    for name, count in sorted(objects.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(name, str(count), str(images[name]))
    return table
