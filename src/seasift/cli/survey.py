"""`seasift survey DIVE…`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seasift.cli.options import Classes, ModelOption, Precision, choice
from seasift.core.choices import ObjectNames, SurveyEngine

if TYPE_CHECKING:
    from rich.table import Table

    from seasift.survey.api import ClassCount, SurveyResult


def survey(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="DIVE…", help="Videos of one dive, folders of them, globs; or rtsp://… or /dev/video0."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Write tables, images and the report into this folder.")
    ],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Search subfolders.")] = False,
    every: Annotated[
        str, typer.Option(help="Sample every 30th frame (30) or one frame every 2 seconds (2s).")
    ] = "0.5s",
    keyframes: Annotated[
        bool,
        typer.Option(
            "--keyframes",
            help="Take the first keyframe of each --every, where there is one: decodes little else.",
        ),
    ] = False,
    start: Annotated[
        str | None, typer.Option(help="Skip the dive before this time: 90, 1:30 or 01:02:03.5.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Skip the dive from this time on.")] = None,
    start_utc: Annotated[
        str | None,
        typer.Option(help="Start of the dive: 2026-05-01T12:30:00Z.  [default: from the files' metadata]"),
    ] = None,
    navigation: Annotated[Path | None, typer.Option(help="Positions by time: CSV, GPX or NMEA.")] = None,
    navigation_gap: Annotated[
        float, typer.Option(min=0, help="Give no position between fixes more than this many seconds apart.")
    ] = 60.0,
    model: ModelOption = "default",
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Minimum score that starts a track.  [default: the model's]"),
    ] = None,
    max_objects: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of objects per frame.  [default: the model's]")
    ] = None,
    classes: Classes = None,
    names: Annotated[
        ObjectNames | None,
        typer.Option(
            help="class; or rollup: the class of a track if it is sure enough, else trash, animal ..., else object.  "
            "[default: rollup if the model has thresholds for it]"
        ),
    ] = None,
    unconfirmed: Annotated[
        bool,
        typer.Option(
            "--unconfirmed", help="Also write tracks too short to count into tracks.json; they never count."
        ),
    ] = False,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            help="Also write these formats of `seasift convert`: viame-csv, kwcoco …",
        ),
    ] = None,
    video: Annotated[
        bool, typer.Option("--video", help="Also write annotated.mp4: the sampled frames with outlines.")
    ] = False,
    raw_csv: Annotated[
        bool,
        typer.Option(
            "--raw-csv",
            help="Leave texts in CSV that begin with = + - @ as they are: a spreadsheet computes them.",
        ),
    ] = False,
    engine: Annotated[
        str,
        choice(
            SurveyEngine,
            "--engine",
            option="--engine",
            help="Engine that runs the model: in this process, or with ray on a cluster; local is openvino.",
        ),
    ] = "local",
    precision: Precision = "auto",
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="CPU threads; with ray per worker.  [default: the engine's choice; 1]"),
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option(
            help="Run on this Ray cluster: auto, HOST:6379 or ray://HOST:10001.  [default: this machine]"
        ),
    ] = None,
    ray_workers: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of workers.  [default: as many as fit]")
    ] = None,
) -> None:
    """Track and count the objects of a dive; write tables and a report.

    Unreadable parts are skipped, listed under Gaps, and set exit code 2. A killed run resumes when the same command
    is given again. A live camera (rtsp://… or /dev/video0) ends with --end or Ctrl-C.
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
    """The counts, gaps and files on standard error; last the warnings, as they scrolled away, and what to do next."""
    import shlex

    from rich.console import Console

    from seasift.cli.terminal import complain

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    if result.unique:
        console.print(_table(result))
    for gap in result.gaps:
        end = "the end" if gap.to_s is None else f"{gap.to_s:.2f} s"
        console.print(f"{gap.file}: nothing from {gap.from_s:.2f} s to {end}: {gap.reason}")
    if result.unique:
        console.print(result.interval_note)
    counted = (("frame", result.frames), ("object", result.unique))
    words = ", ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for noun, count in counted)
    console.print(f"{words} (model {result.model})")
    console.print("written: " + ", ".join(str(path) for path in result.written))
    for warning in result.warnings:
        complain(warning)
    console.print(f"open {result.output / 'report.html'}")
    console.print(f"seasift review {shlex.quote(str(result.output))}")


def _table(result: SurveyResult) -> Table:
    """Counts by supercategory, each with its classes and with the tracks whose class is uncertain."""
    from rich.table import Table

    from seasift.core.classes import group_of
    from seasift.core.rollup import ANYTHING

    table = Table("supercategory, class" if result.supercategories else "class", box=None, pad_edge=False)
    for column in ("unique", "95% interval", "MaxN"):
        table.add_column(column, justify="right")

    def add(name: str, count: ClassCount) -> None:
        table.add_row(name, f"{count.unique:,}", count.interval or "none", f"{count.maxn:,}")

    if not result.supercategories:
        for name, count in result.counts.items():
            add(name, count)
    groups = result.supercategories.items()
    for group, whole in sorted(groups, key=lambda item: (item[0] == ANYTHING, -item[1].unique)):
        add(group, whole)
        classes = {name: count for name, count in result.counts.items() if group_of(name) == group}
        for name, count in classes.items():
            add(f"  {name}", count)
        uncertain = whole.unique - sum(count.unique for count in classes.values())
        if uncertain and classes:
            table.add_row("  class uncertain", f"{uncertain:,}", "", "")
    return table
