"""`seasift survey DIVE…`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seasift.cli.options import Classes, ModelOption, Precision

if TYPE_CHECKING:
    from seasift.survey.api import SurveyResult


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
    given = locals()
    from seasift.cli.terminal import complain, progress_bar
    from seasift.survey.api import survey as run

    with progress_bar("surveying") as progress:
        result = run(**given, progress=progress, warn=complain)
    _print(result)
    if not result.complete:
        raise typer.Exit(2)


def _print(result: SurveyResult) -> None:
    """The counts, gaps and files on standard error; warnings were printed before."""
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    if result.counts:
        table = Table("class", box=None, pad_edge=False)
        for column in ("unique", "95% interval", "MaxN"):
            table.add_column(column, justify="right")
        for name, count in result.counts.items():
            table.add_row(name, f"{count.unique:,}", count.interval or "none", f"{count.maxn:,}")
        console.print(table)
    for gap in result.gaps:
        end = "the end" if gap.to_s is None else f"{gap.to_s:.2f} s"
        console.print(f"{gap.file}: nothing from {gap.from_s:.2f} s to {end}: {gap.reason}")
    if result.counts:
        console.print(result.interval_note)
    unique = sum(count.unique for count in result.counts.values())
    console.print(f"{result.frames:,} frames, {unique:,} objects (model {result.model})")
    console.print("written: " + ", ".join(str(path) for path in result.written))
