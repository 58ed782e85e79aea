"""`seasift predict INPUT…`."""

from __future__ import annotations

import sys

import typer

from seasift.cli.command_of import command_of
from seasift.prediction.options import PredictOptions

_HELP = """Find and outline objects in images and videos.

Inputs that cannot be read are reported and skipped; the exit code is then 2. A killed run with -o FOLDER resumes when
the same command is given again.
"""


def _run(options: PredictOptions) -> None:
    from dataclasses import replace

    from seasift.cli.predict_table import show
    from seasift.cli.terminal import CLOSED, note, progress_bar
    from seasift.core.errors import InputError
    from seasift.formats.document import FailedFile
    from seasift.prediction.run import run

    def complain(failed: FailedFile) -> None:
        print(f"seasift: {failed.error}", file=sys.stderr)  # not echo: the bar moves down for print

    if "stdin" in CLOSED and "-" in options.inputs:
        raise InputError("-: standard input is closed; expected an image there.")
    if "stdout" in CLOSED and (str(options.output) == "-" or options.output is None):
        raise InputError("standard output is closed; expected a place for results. Give -o.")
    with progress_bar("predicting") as progress:
        result = run(replace(options, progress=progress, on_failure=complain, on_note=note))
    asked = options.formats or str(options.output) == "-"
    if not result.written and (asked or not sys.stdout.isatty()):  # a person reads the table instead
        for part in result.text(result.formats[0]):
            typer.echo(part.encode(), nl=False)
    show(result.document, result.written, asked_precision=options.precision)
    if result.failures:
        raise typer.Exit(2)


predict = command_of(PredictOptions, _run, _HELP)
predict.__name__ = "predict"
