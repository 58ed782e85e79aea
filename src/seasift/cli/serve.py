"""`seasift serve`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from seasift.cli.options import Engine, Host, ModelOption, OpenToAll, Port, Precision, Threads


def serve(
    model: ModelOption = "default",
    host: Host = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option(help="Number of worker threads.  [default: 2]")] = None,
    jobs: Annotated[str | None, typer.Option(help="Keep jobs in this folder.  [default: no jobs]")] = None,
    open_to_all: OpenToAll = False,
    limits: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting as NAME=VALUE; see docs/reference/service.md."),
    ] = None,
    engine: Engine = "openvino",
    precision: Precision = "auto",
    threads: Threads = None,
) -> None:
    """Serve a model and its page over HTTP; nothing leaves this machine.

    Each setting can also be an environment variable: SEASIFT_PORT, SEASIFT_TOKEN and so on.
    """
    import signal

    # Until the server handles it; the first process of a container has no default.
    signal.signal(signal.SIGTERM, _end)

    from seasift.core.errors import InputError
    from seasift.inference.predictor import load_predictor
    from seasift.modelfile.bundled import card_of
    from seasift.service.app import create_app
    from seasift.service.server import page_url
    from seasift.service.server import serve as run
    from seasift.service.settings import check_reach, read_settings

    given: dict[str, Any] = {}
    for item in limits or ():
        name, equals, value = item.partition("=")
        if not equals:
            raise InputError(f"--set {item}: expected NAME=VALUE.")
        given[name.strip()] = value.strip()
    options = {
        "host": host,
        "port": port,
        "workers": workers,
        "jobs": jobs,
        "open_to_all": open_to_all or None,
    }
    given.update({name: value for name, value in options.items() if value is not None})
    settings = read_settings(given)
    check_reach(settings)
    predictor = load_predictor(
        model, engine=engine, precision=precision, threads=threads, batch_size=settings.batch
    )

    def listening(port: int) -> None:
        # Standard error holds the log, one JSON object on each line.
        typer.echo(f"open {page_url(settings, port)} (Ctrl+C ends)")

    run(create_app(predictor, settings, card=card_of(model)), settings, listening=listening)


def _end(_number: int, _frame: object) -> None:
    """Nothing is under way yet."""
    sys.exit(0)
