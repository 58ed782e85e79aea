"""`seasift review FOLDER`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seasift.cli.options import Host, OpenToAll, Port
from seasift.core.choices import ObjectNames

if TYPE_CHECKING:
    from seasift.review.folder import Review


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
    reviewer: Annotated[str, typer.Option(help="Name of the person, stored with each decision.")] = "",
    host: Host = None,
    port: Port = None,
    open_to_all: OpenToAll = False,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Accept, reject and relabel the tracks of a survey in a page, by keys, without a model.

    Every decision is stored in the survey's folder at once. Examples:

    seasift review out

    seasift review out --export reviewed && seasift data check reviewed/annotations.json
    """
    if export is not None:
        _export(folder, footage, export, names)
        return

    from seasift.service.review_app import serve_review

    def listening(review: Review, url: str) -> None:
        typer.echo(f"{review.summary()}; review at {url} (Ctrl+C ends)", err=True)
        if browser:
            import webbrowser

            webbrowser.open(url)

    given = {"host": host, "port": port, "open_to_all": open_to_all or None}
    serve_review(folder, given, footage=footage, names=names, reviewer=reviewer, listening=listening)


def _export(folder: Path, footage: Path | None, out: Path, names: ObjectNames | None) -> None:
    from seasift.cli.terminal import note, progress_bar
    from seasift.review.folder import Review

    review = Review(folder, footage=footage, names=names)
    with progress_bar("writing images") as progress:
        made = review.export(out, progress)
    written = review.write()
    typer.echo(f"{made.path}: {made.words()[0]}")
    for line in made.words()[1:]:
        note(line)
    typer.echo(f"written: {', '.join(str(path) for path in written)}", err=True)
    typer.echo(review.summary(), err=True)
