"""`seasift convert IN OUT --to FORMAT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file of annotations or results.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.")],
    to: Annotated[
        str,
        typer.Option(
            help="seasift-tracks, seasift-predictions, coco, kwcoco, viame-csv, biigle-csv, cvat, label-studio, "
            "megadetector, ifdo, fathomnet-csv, darwin-core, geojson."
        ),
    ],
    source_format: Annotated[
        str | None, typer.Option("--from", help="Format of IN.  [default: by its name and content]")
    ] = None,
    masks: Annotated[
        str,
        typer.Option(
            help="polygons, or rle for exact masks in COCO, KWCOCO and predictions; DIVE shows no RLE."
        ),
    ] = "polygons",
    simplify: Annotated[
        float, typer.Option(help="Simplify outlines of masks by up to this many px; 0 keeps every vertex.")
    ] = 1.0,
    video: Annotated[
        str | None, typer.Option(help="Only this file of the document: its name, with or without folders.")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(help="Frames a second, where IN has frame numbers or times but not both.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT of the images in px, where IN does not say.")
    ] = None,
    animal: Annotated[
        list[str] | None,
        typer.Option(
            help="CLASS=SCIENTIFIC_NAME: an animal, for darwin-core and fathomnet-csv; may be given again."
        ),
    ] = None,
) -> None:
    """Turn annotations of one tool into those of another, without the images.

    What OUT's format cannot hold, and what had to be assumed, is said in a line each. Examples:

    seasift convert tracks.json dive.csv --to viame-csv

    seasift convert tracks.json reviewed.xml --to cvat --video dive3.mp4

    seasift convert annotations.xml train.json --to coco --fps 25

    seasift convert tracks.json occurrence.csv --to darwin-core --animal "animal_eel=Conger conger"
    """
    from seasift.cli.convert_options import parse_animals, parse_fps, parse_masks, parse_size
    from seasift.formats.exchange.content import ReadOptions, WriteOptions
    from seasift.formats.exchange.convert import convert as run

    report = run(
        source,
        target,
        to=to,
        source_format=source_format,
        video=video,
        reading=ReadOptions(parse_fps(fps), parse_size(size)),
        writing=WriteOptions(parse_masks(masks), simplify, parse_animals(animal or [])),
    )
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    if report.lost:
        typer.echo(f"{report.target} cannot hold, so left out: {', '.join(report.lost)}", err=True)
    counts = ", ".join(
        f"{count:,} {name if count != 1 else name[:-1]}" for name, count in report.counts.items()
    )
    written = ", ".join(map(str, report.written))
    typer.echo(f"{written}: {report.target}, from {report.source} with {counts}")
