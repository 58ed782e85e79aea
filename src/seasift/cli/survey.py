"""`seasift survey DIVE…`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import Classes, ModelOption, Precision


def survey(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="DIVE…", help="Videos of one dive in their order, folders of them, globs."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="A folder for tables, images and report.")],
    every: Annotated[
        str, typer.Option(help="Frames to look at: 0.5s is two a second, 3 each third, 1 all.")
    ] = "0.5s",
    keyframes: Annotated[
        bool,
        typer.Option(
            "--keyframes",
            help="Take the first keyframe of each --every, where there is one: decodes little else.",
        ),
    ] = False,
    start: Annotated[
        str | None, typer.Option(help="Where to begin: seconds into the dive, or 1:02:03.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Where to end.")] = None,
    start_utc: Annotated[
        str | None,
        typer.Option(
            help="When the dive began: 2026-05-01T12:30:00Z.  [default: what the files' metadata say]"
        ),
    ] = None,
    navigation: Annotated[Path | None, typer.Option(help="Positions by time: CSV, GPX or NMEA.")] = None,
    navigation_gap: Annotated[
        float, typer.Option(min=0, help="No position between fixes that are more seconds apart.")
    ] = 60.0,
    model: ModelOption = "default",
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Score that begins a track.  [default: the model's]")
    ] = None,
    max_objects: Annotated[
        int | None, typer.Option(min=1, help="At most so many a frame.  [default: the model's]")
    ] = None,
    classes: Classes = None,
    unconfirmed: Annotated[
        bool,
        typer.Option(
            "--unconfirmed", help="Tracks too short to count, too, into tracks.json; they never count."
        ),
    ] = False,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            help="Exchange formats to write, too, as `seasift convert` knows them: viame-csv, kwcoco …",
        ),
    ] = None,
    video: Annotated[
        bool, typer.Option("--video", help="Write annotated.mp4, too: the frames looked at, with outlines.")
    ] = False,
    engine: Annotated[
        str,
        typer.Option(
            help="openvino, onnxruntime or onnxruntime-cuda, on this machine (local); ray, or ray:onnxruntime …, on a "
            "cluster."
        ),
    ] = "local",
    precision: Precision = "auto",
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="CPU threads; with ray of each worker.  [default: the engine's choice; 1]"),
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option(help="A Ray cluster: auto, HOST:6379, ray://HOST:10001.  [default: this machine]"),
    ] = None,
    ray_workers: Annotated[
        int | None, typer.Option(min=1, help="At most so many workers.  [default: as there is room for]")
    ] = None,
) -> None:
    """Follow and count what is seen in a dive: tables, images and a report.

    What cannot be read is reported and left out; the exit code is then 2. A killed run goes on when the same
    command is given again. A live camera (rtsp://… or /dev/video0) ends with --end or Ctrl-C.
    """
    from seasift.cli.survey_run import Options, run_survey

    options = Options(
        inputs=tuple(inputs),
        output=output,
        every=f"{every} keyframes" if keyframes else every,
        start=start,
        end=end,
        start_utc=start_utc,
        navigation=navigation,
        navigation_gap=navigation_gap,
        model=model,
        threshold=threshold,
        max_objects=max_objects,
        classes=tuple(classes or ()),
        unconfirmed=unconfirmed,
        video=video,
        formats=tuple(formats or ()),
        engine=engine,
        precision=precision,
        threads=threads,
        ray_address=ray_address,
        ray_workers=ray_workers,
    )
    if run_survey(options):
        raise typer.Exit(2)
