"""`seasift predict INPUT…`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import (
    Classes,
    Engine,
    ModelOption,
    Precision,
    Threads,
    Threshold,
    TileOverlap,
    TileWhole,
)


def predict(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Images, folders, globs, videos, - for an image on standard input, rtsp://… or /dev/video0."
        ),
    ],
    model: ModelOption = "default",
    threshold: Threshold = None,
    max_objects: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="At most so many an image.  [default: the model's; with --tile that many a tile, 10,000 in all]",
        ),
    ] = None,
    classes: Classes = None,
    once: Annotated[
        bool, typer.Option("--once", help="Each object under its best class only: for counting.")
    ] = False,
    names: Annotated[
        str | None,
        typer.Option(
            help="class; or rollup: the class if it is sure enough, else trash, animal ..., else object.  "
            "[default: rollup with a model that has thresholds for it]"
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            help="json, csv, coco, overlay (images), video (MP4); comma separated or repeated.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A folder; or a file for one format.")
    ] = None,
    masks: Annotated[
        str, typer.Option(help="In JSON and COCO: rle (exact) or polygons (outlines, holes filled).")
    ] = "rle",
    like: Annotated[
        Path | None, typer.Option(help="COCO ground truth that gives the ids for --format coco.")
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look into the folders of folders.")
    ] = False,
    every: Annotated[
        str, typer.Option(help="Frames of a video: 30 is each 30th, 2s one for each two seconds.")
    ] = "1s",
    start: Annotated[
        str | None, typer.Option(help="Of each video only what comes from this time: 90, 1:30 or 00:01:30.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="And before this time.")] = None,
    tile: Annotated[
        str | None,
        typer.Option(
            help="Look at large images in tiles: a side, WIDTHxHEIGHT in px of the image, or auto, the model's "
            "input size.  [default: whole images]"
        ),
    ] = None,
    tile_overlap: TileOverlap = None,
    tile_whole: TileWhole = False,
    engine: Engine = "openvino",
    precision: Precision = "auto",
    threads: Threads = None,
) -> None:
    """Find and outline objects in images and videos.

    Bad files are reported and left out; the exit code is then 2. A killed run with -o FOLDER goes on when the
    same command is given again.
    """
    from seasift.cli.predict_run import run
    from seasift.cli.predict_task import Options

    options = Options(
        inputs=tuple(inputs),
        model=model,
        threshold=threshold,
        max_objects=max_objects,
        classes=tuple(classes or ()),
        once=once,
        names=names,
        formats=tuple(formats or ("json",)),
        output=output,
        masks=masks,
        like=like,
        recursive=recursive,
        every=every,
        start=start,
        end=end,
        tile=tile,
        tile_overlap=tile_overlap,
        tile_whole=tile_whole,
        engine=engine,
        precision=precision,
        threads=threads,
    )
    if run(options):
        raise typer.Exit(2)
