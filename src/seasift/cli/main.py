"""Entry point: collects the commands and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer
import typer.core

from seasift import __version__
from seasift.cli.adapt import adapt
from seasift.cli.bench import bench
from seasift.cli.client import client
from seasift.cli.compare import compare
from seasift.cli.convert import convert, validate
from seasift.cli.data import data
from seasift.cli.evaluate import evaluate
from seasift.cli.export import export, quantize
from seasift.cli.models import models
from seasift.cli.predict import predict
from seasift.cli.review import review
from seasift.cli.serve import serve
from seasift.cli.survey import survey
from seasift.cli.terminal import CLOSED
from seasift.cli.train import lr_find, train
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

FIND, EXCHANGE, SERVE, TRAIN, MODELS = (
    "Find and count",
    "Review and exchange",
    "Serve",
    "Data and training",
    "Models",
)


class _Grouped(typer.core.TyperGroup):
    """Lists the commands in groups, in order of use. Plain text: rich would cost half of the time that help takes."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        widest = max(map(len, self.commands))
        for name, command in self.commands.items():
            panel = getattr(command, "rich_help_panel", None)
            group = panel if isinstance(panel, str) else "Commands"
            room = formatter.width - widest - 6
            groups.setdefault(group, []).append((name.ljust(widest), command.get_short_help_str(room)))
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl(rows)


app = typer.Typer(
    name="seasift",
    cls=_Grouped,
    help="Find, outline and count trash, animals, plants and vehicle parts in underwater images.",
    no_args_is_help=True,
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


app.command(rich_help_panel=FIND)(predict)
app.command(rich_help_panel=FIND)(survey)
app.command(rich_help_panel=EXCHANGE)(review)
app.command(rich_help_panel=EXCHANGE)(convert)
app.command(rich_help_panel=EXCHANGE)(validate)
app.command(rich_help_panel=SERVE)(serve)
app.command(rich_help_panel=SERVE)(client)
app.add_typer(data, rich_help_panel=TRAIN)
app.command(rich_help_panel=TRAIN)(adapt)
app.command(rich_help_panel=TRAIN)(train)
app.command("lr-find", rich_help_panel=TRAIN)(lr_find)
app.command(rich_help_panel=TRAIN)(evaluate)
app.command(rich_help_panel=TRAIN)(compare)
app.add_typer(models, rich_help_panel=MODELS)
app.command(rich_help_panel=MODELS)(export)
app.command(rich_help_panel=MODELS)(quantize)
app.command(rich_help_panel=MODELS)(bench)


def main() -> None:
    """Run the command line; exit 0 done, 2 bad input, 1 failure, 130 interrupted."""
    _open_closed_streams()
    try:
        code = app(prog_name="seasift", standalone_mode=False)
    except SeasiftError as error:
        code = _complain(str(error), error.exit_code)
    except _ClickException as error:
        code = _wrong_use(error)
    except OSError as error:
        code = _complain(*_of_system(error))
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    if code == _INTERRUPTED:  # newer versions of typer return it
        _complain("interrupted; run the same command again to go on", code)
    sys.exit(code if isinstance(code, int) else 0)


def _open_closed_streams() -> None:
    """Give a standard stream that the caller closed (`>&-`) to the null device.

    Otherwise, the next file that is opened takes its number, and what is printed lands in that file.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
            CLOSED.add(name)


def _wrong_use(error: Any) -> int:
    """Show the usage of the command before the message; help where a command was given nothing at all."""
    context = getattr(error, "ctx", None)
    if context is None:
        return _complain(error.format_message(), error.exit_code)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(context.get_help())
        return 0
    print(context.get_usage(), file=sys.stderr)
    print(f"Try '{context.command_path} --help' for help.\n", file=sys.stderr)
    return _complain(error.format_message(), int(error.exit_code))


def _of_system(error: OSError) -> tuple[str, int]:
    """What to say of a file that cannot be read or written; bad input where another path would help."""
    reason = error.strerror or str(error)
    if error.filename and error.errno in _ANOTHER_PATH:
        return f"{error.filename}: cannot be read or written ({reason}). Check the path, or give another.", 2
    return f"{error.filename or 'a file'}: {reason}", 1


def _complain(message: str, code: int) -> int:
    print("seasift: " + " ".join(message.split()), file=sys.stderr)
    return code
