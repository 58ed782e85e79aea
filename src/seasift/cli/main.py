"""Entry point: collects the commands and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import sys
from typing import Annotated, Any

import typer

from seasift import __version__
from seasift.cli.bench import bench
from seasift.cli.client import client
from seasift.cli.compare import compare
from seasift.cli.convert import convert
from seasift.cli.data import data
from seasift.cli.evaluate import evaluate
from seasift.cli.export import export
from seasift.cli.lr_find import lr_find
from seasift.cli.models import models
from seasift.cli.predict import predict
from seasift.cli.quantize import quantize
from seasift.cli.review import review
from seasift.cli.serve import serve
from seasift.cli.survey import survey
from seasift.cli.train import train
from seasift.cli.validate import validate
from seasift.core.errors import SeasiftError

# Newer versions of typer carry a click of their own; this is the base of that one's errors, or of click's.
_ClickException: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
_INTERRUPTED = 130
_ANOTHER_PATH = frozenset(
    (
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG),
    )
)

app = typer.Typer(
    name="seasift",
    help="Find, outline and count trash, animals, plants and vehicle parts in underwater images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seasift {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


app.add_typer(data)
app.add_typer(models)
app.command()(evaluate)
app.command()(compare)
app.command()(predict)
app.command()(survey)
app.command()(review)
app.command()(export)
app.command()(quantize)
app.command()(serve)
app.command()(client)
app.command()(train)
app.command("lr-find")(lr_find)
app.command()(validate)
app.command()(convert)
app.command()(bench)


def main() -> None:
    """Run the command line; exit 0 done, 2 bad input, 1 failure, 130 interrupted."""
    try:
        code = app(standalone_mode=False)
    except SeasiftError as error:
        code = _complain(str(error), error.exit_code)
    except _ClickException as error:
        code = _complain(error.format_message(), error.exit_code)
    except OSError as error:
        code = _complain(*_of_system(error))
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    if code == _INTERRUPTED:  # newer versions of typer return it
        _complain("interrupted; run the same command again to go on", code)
    sys.exit(code if isinstance(code, int) else 0)


def _of_system(error: OSError) -> tuple[str, int]:
    """What to say of a file that cannot be read or written; bad input where another path would help."""
    reason = error.strerror or str(error)
    if error.filename and error.errno in _ANOTHER_PATH:
        return f"{error.filename}: cannot be read or written ({reason}). Check the path, or give another.", 2
    return f"{error.filename or 'a file'}: {reason}", 1


def _complain(message: str, code: int) -> int:
    print("seasift: " + " ".join(message.split()), file=sys.stderr)
    return code
