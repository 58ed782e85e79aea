"""`seasift bench [MODEL] [IMAGE…]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import ModelArgument, Threads, Threshold


def bench(
    model: ModelArgument = "default",
    images: Annotated[
        list[str] | None, typer.Argument(help="Images, folders or globs.  [default: drawn images]")
    ] = None,
    config: Annotated[
        list[str] | None,
        typer.Option(
            help="Measure this ENGINE:PRECISION; may be repeated; ratios refer to the first.  [default: all]"
        ),
    ] = None,
    threads: Threads = None,
    threshold: Threshold = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of images, evenly spaced.")] = 64,
    repeats: Annotated[
        int, typer.Option(min=1, help="Number of measured rounds, after a warm-up round.")
    ] = 5,
    cold: Annotated[
        bool, typer.Option("--cold/--no-cold", help="Also time whole processes on one image.")
    ] = True,
    baseline: Annotated[
        list[Path] | None,
        typer.Option(
            help="Also run this foreign ONNX network (1, 3, H, W) bare on OpenVINO; may be repeated."
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the measurements to this file.")
    ] = None,
) -> None:
    """Measure how fast a model runs on this machine.

    Times each stage, one warm image, end to end, and a whole process.

    Everything runs in turn in one process, so ratios hold where absolute times do not.
    """
    given = locals()
    from seasift.cli.bench_table import tell
    from seasift.cli.terminal import complain, progress_bar
    from seasift.speed.api import bench as run

    with progress_bar("measuring") as progress:
        record = run(**given, progress=progress, warn=complain)
    tell(record)
