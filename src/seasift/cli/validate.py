"""`seasift validate FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
