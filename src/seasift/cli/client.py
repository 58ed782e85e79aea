"""`seasift client FILE…`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seasift.cli.options import Classes, Threshold, choice
from seasift.core.choices import ServiceFormat

if TYPE_CHECKING:
    from seasift.service.client import Client


def client(
    files: Annotated[list[Path], typer.Argument(help="Images; with --job an archive or a video.")],
    url: Annotated[str, typer.Option(help="Address of `seasift serve`.")] = "http://127.0.0.1:8000",
    token: Annotated[
        str | None, typer.Option(envvar="SEASIFT_TOKEN", help="Token of the server.", show_envvar=True)
    ] = None,
    threshold: Threshold = None,
    classes: Classes = None,
    format: Annotated[
        str | None,
        choice(
            ServiceFormat,
            "--format",
            "-f",
            option="--format",
            help="Fetch this; overlay is of one image.  [default: by the ending of -o; else json]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write this file; with --job this folder.  [default: a table, or JSON into a pipe]",
        ),
    ] = None,
    job: Annotated[
        bool, typer.Option("--job", help="Submit a job, wait for it, and fetch its files.")
    ] = False,
    every: Annotated[
        str, typer.Option(help="With --job: sample every 30th frame (30) or one frame every 2 seconds (2s).")
    ] = "1s",
    overlays: Annotated[
        bool, typer.Option("--overlays", help="With --job: also fetch images with outlines.")
    ] = False,
) -> None:
    """Find objects with a running server."""
    from seasift.core.errors import InputError
    from seasift.core.files import write_bytes
    from seasift.service.client import Client

    server = Client(url, token)
    fields: dict[str, Any] = {"threshold": threshold, "classes": classes}
    if job:
        if len(files) != 1 or output is None:
            raise InputError("--job takes one archive or video, and -o FOLDER for the results.")
        _run_job(server, files[0], output, {**fields, "every": every, "overlays": overlays})
        return
    to_pipe = output is None or str(output) == "-"
    chosen = _format_of(None if to_pipe else output, format)
    if to_pipe and chosen in _BINARY and sys.stdout.isatty():
        raise InputError(f"--format {chosen} gives no text for a terminal; expected a file. Name it with -o.")
    if output is None and format is not None and sys.stdout.isatty():
        raise InputError(
            f"--format {format}: got no file for it; a terminal is no place for a document. Name a file with -o, or print it "
            "with -o -."
        )
    data = server.predict(files, **fields, format=chosen, overlay_type=_overlay_type(output))
    if output is None and sys.stdout.isatty():  # a person reads the table instead
        _show(data)
    elif output is None or to_pipe:
        typer.echo(data, nl=False)
    else:
        write_bytes(output, data)


_ENDINGS = {
    "json": (".json",),
    "coco": (".json",),
    "csv": (".csv",),
    "overlay": (".jpg", ".jpeg", ".png"),
    "zip": (".zip",),
}
_BINARY = ("overlay", "zip")


def _format_of(output: Path | None, asked: str | None) -> str:
    """The format asked for, or that of the file's ending."""
    from seasift.core.errors import InputError

    if output is None:
        return asked or "json"
    ending = output.suffix.lower()
    fitting = [name for name, endings in _ENDINGS.items() if ending in endings]
    if asked in fitting:
        return asked
    if asked:
        raise InputError(f"-o {output}: a file for --format {asked} ends in {' or '.join(_ENDINGS[asked])}.")
    if not fitting:
        known = dict.fromkeys(each for endings in _ENDINGS.values() for each in endings)
        raise InputError(f"-o {output}: unknown ending {ending!r}; expected one of {', '.join(known)}.")
    return fitting[0]


def _show(data: bytes) -> None:
    from seasift.cli.predict import show
    from seasift.formats.document import Document

    result = Document.model_validate_json(data)
    show(result, [], asked_precision=result.precision)


def _overlay_type(output: Path | None) -> str:
    return "png" if output is not None and output.suffix.lower() == ".png" else "jpeg"


def _run_job(server: Client, upload: Path, folder: Path, fields: dict[str, Any]) -> None:
    from seasift.cli.terminal import progress_bar
    from seasift.core.files import write_bytes

    submitted = server.submit(upload, **fields)
    typer.echo(f"job {submitted['id']}", err=True)
    with progress_bar("looking") as progress:
        done = server.wait(submitted["id"], progress)
    for name in done["files"]:
        write_bytes(folder / name, server.fetch(done["id"], name))
        typer.echo(str(folder / name), err=True)
    if done["failures"]:
        typer.echo(
            f"{done['failures']} of {done['done']} images gave no result; predictions.json says why",
            err=True,
        )
        raise typer.Exit(2)
