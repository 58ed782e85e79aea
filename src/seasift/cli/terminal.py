"""Output of all commands: progress, warnings, notes, wide tables, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on standard error, one a stage, on a terminal only; driven by (what, done, in all)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield progress


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A sign of life on standard error, on a terminal only, for work whose end is not known."""
    from rich.console import Console

    terminal = Console(stderr=True)
    if not terminal.is_terminal:
        yield
        return
    with terminal.status(f"{what} ..."):
        yield


CLOSED: set[str] = set()
"""Standard streams that the caller closed."""


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, shown on a terminal only, driven by (done, in all)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=None, visible=False)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=done < total)

        yield progress


def complain(line: str) -> None:
    """Print a warning on standard error."""
    print(f"seasift: {line}", file=sys.stderr)


def note(line: str) -> None:
    """Print a note on standard error."""
    print(f"note: {line}", file=sys.stderr)


def console_of(width: int) -> Console:
    """Standard output; that wide if it is no terminal, so that tables in files are not cut."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=width)


def print_json(value: Any) -> None:
    """JSON to standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False))
