"""What `seasift review` does."""

from __future__ import annotations

import logging
import os
import socket
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from seasift.cli.terminal import progress_bar
from seasift.core.errors import InputError
from seasift.review.counts import state_of
from seasift.review.folder import Review


def serve_page(
    folder: Path,
    footage: Path | None,
    given: Mapping[str, Any],
    *,
    reviewer: str,
    browser: bool,
    names: str | None = None,
) -> None:
    """Serve the page until a signal.

    Raises:
        InputError: folder or settings cannot be used.
    """
    from seasift.service.review_app import create_review_app
    from seasift.service.server import serve
    from seasift.service.settings import check_reach, read_settings

    settings = read_settings({name: value for name, value in given.items() if value is not None})
    check_reach(settings)
    _check_free(settings.host, settings.port)
    review = Review(folder, footage=footage, names=names)

    def listening(port: int) -> None:
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        typer.echo(f"{summary(review)}; review at {url} (Ctrl+C ends)", err=True)
        if browser:
            webbrowser.open(url)

    app = create_review_app(review, settings, reviewer=reviewer)
    serve(app, settings, log=logging.WARNING, listening=listening)


def _check_free(host: str, port: int) -> None:
    """Raises InputError if something listens there already, such as `seasift serve`."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name == "posix":  # elsewhere it would let two listen
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"{host}:{port} cannot be listened on ({error.strerror}). Give another --port, or 0 for a free one."
            ) from None


def export_data(review: Review, out: Path) -> None:
    """Write the data set and the corrected results, and say what was written.

    Raises:
        InputError: nothing can be written.
    """
    with progress_bar("writing images") as progress:
        made = review.export(out, progress)
    written = review.write()
    typer.echo(f"{made.path}: {made.words()[0]}")
    for line in made.words()[1:]:
        typer.echo(f"note: {line}", err=True)
    typer.echo(f"written, too: {', '.join(str(path) for path in written)}", err=True)
    typer.echo(summary(review), err=True)


def summary(review: Review) -> str:
    """How far the review is, in a line."""
    decisions = review.decisions.all()
    states = [state_of(row.name, decisions.get(row.id)) for row in review.tracks.rows.values()]
    parts = [
        f"{states.count(state)} {state}" for state in ("accepted", "relabelled", "rejected", "undecided")
    ]
    return f"{len(states)} tracks: {', '.join(parts)}"
