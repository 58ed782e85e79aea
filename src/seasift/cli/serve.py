"""`seasift serve`."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def serve(
    model: Annotated[
        str, typer.Option("--model", "-m", help="A model file, or the name of a model in the box.")
    ] = "default",
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one.  [default: 8000]")] = None,
    workers: Annotated[int | None, typer.Option(help="Threads that look at pictures.  [default: 2]")] = None,
    jobs: Annotated[str | None, typer.Option(help="Folder that keeps jobs.  [default: no jobs]")] = None,
    open_to_all: Annotated[
        bool, typer.Option("--open-to-all", help="Listen beyond this machine without a token.")
    ] = False,
    limits: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, NAME=VALUE; docs/service.md lists them."),
    ] = None,
    engine: Annotated[str, typer.Option(help="openvino, onnxruntime or onnxruntime-cuda.")] = "openvino",
    precision: Annotated[str, typer.Option(help="f32; with openvino also bf16 or f16.")] = "f32",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads of the engine.  [default: its choice]")
    ] = None,
) -> None:
    """Serve a model over HTTP: pictures in, outlines out. Nothing is sent anywhere else.

    Each setting can also be an environment variable: SEASIFT_PORT, SEASIFT_TOKEN and so on.
    """
    import os

    from seasift.core.errors import BadInput
    from seasift.runtime.box import card_of
    from seasift.runtime.predictor import load_predictor
    from seasift.service.app import create_app
    from seasift.service.server import serve as run
    from seasift.service.settings import check_reach, read_settings

    given: dict[str, Any] = {}
    for item in limits or ():
        name, equals, value = item.partition("=")
        if not equals:
            raise BadInput(f"--set {item}: expected NAME=VALUE.")
        given[name.strip()] = value.strip()
    options = {
        "host": host,
        "port": port,
        "workers": workers,
        "jobs": jobs,
        "open_to_all": open_to_all or None,
    }
    given.update({name: value for name, value in options.items() if value is not None})
    settings = read_settings(os.environ, given)
    check_reach(settings)
    predictor = load_predictor(
        model, engine=engine, precision=precision, threads=threads, batch_size=settings.batch
    )
    run(create_app(predictor, settings, card=card_of(model)), settings)
