"""`seasift review FOLDER`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import Host, OpenToAll, Port
from seasift.core.choices import ObjectNames


def review(
    folder: Annotated[Path, typer.Argument(help="A folder that `seasift survey` wrote.")],
    export: Annotated[
        Path | None,
        typer.Option(help="Write the accepted tracks as a COCO data set into this folder; no page."),
    ] = None,
    footage: Annotated[
        Path | None, typer.Option(help="Folder of the videos, if they are not where the survey found them.")
    ] = None,
    names: Annotated[
        ObjectNames | None,
        typer.Option(
            help="Show the likeliest class of each track (class), or its rolled-up name.  [default: as the survey]"
        ),
    ] = None,
    reviewer: Annotated[str, typer.Option(help="Who decides; kept with each decision.")] = "",
    host: Host = None,
    port: Port = None,
    open_to_all: OpenToAll = False,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Accept, reject and relabel the tracks of a survey in a page, by keys; no model is needed.

    Every decision is kept in the survey's folder at once. Examples:

    seasift review out

    seasift review out --export reviewed && seasift data check reviewed/annotations.json
    """
    from seasift.cli.review_run import export_data, serve_page
    from seasift.review.folder import Review

    given = {"host": host, "port": port, "open_to_all": open_to_all or None}
    if export is not None:
        export_data(Review(folder, footage=footage, names=names), export)
        return
    serve_page(folder, footage, given, reviewer=reviewer, browser=browser, names=names)
