"""`seasift convert IN OUT --to FORMAT` and `seasift validate FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import command_of
from seasift.formats.exchange.options import ConvertOptions

_HELP = """Turn annotations of one tool into those of another, without the images.

Each loss and each assumption is printed on a line. Examples:

seasift convert tracks.json dive.csv --to viame-csv

seasift convert tracks.json reviewed.xml --to cvat --video dive3.mp4

seasift convert annotations.xml train.json --to coco --fps 25

seasift convert tracks.json occurrence.csv --to darwin-core --animal "animal_eel=Conger conger"
"""


def _run(options: ConvertOptions) -> None:
    from seasift.formats.exchange.convert import run

    report = run(options)
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    if report.lost:
        typer.echo(f"{report.target} cannot hold, so left out: {', '.join(report.lost)}", err=True)
    counts = ", ".join(
        f"{count:,} {name if count != 1 else name[:-1]}" for name, count in report.counts.items()
    )
    written = ", ".join(map(str, report.written))
    typer.echo(f"{written}: {report.target}, from {report.source} with {counts}")


convert = command_of(ConvertOptions, _run, _HELP)
convert.__name__ = "convert"


def validate(
    file: Annotated[Path, typer.Argument(help="A JSON document of `seasift predict`.")],
    every: Annotated[bool, typer.Option("--all", help="List all problems, not only the first.")] = False,
) -> None:
    """Check a result document; list problems and exit 2."""
    from seasift.formats import validation

    if every:
        problems = validation.list_problems(file)
        for problem in problems:
            typer.echo(f"{file}: {problem}", err=True)
        if problems:
            raise typer.Exit(2)
    document = validation.read(file)
    objects = sum(len(image.objects) for image in document.images)
    typer.echo(
        f"{file}: valid {document.schema_version}; {len(document.images)} images, {objects} objects, "
        f"{len(document.failures)} failures"
    )
