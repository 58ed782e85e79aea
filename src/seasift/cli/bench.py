"""`seasift bench [MODEL] [IMAGE…]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.options import ModelArgument, Threads, Threshold


def bench(
    model: ModelArgument = "default",
    images: Annotated[
        list[str] | None, typer.Argument(help="Images, folders or globs.  [default: some are drawn]")
    ] = None,
    way: Annotated[
        list[str] | None,
        typer.Option(
            help="ENGINE:PRECISION, repeated; the first is what ratios refer to.  [default: all there are]"
        ),
    ] = None,
    threads: Threads = None,
    threshold: Threshold = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many images, evenly spaced.")] = 64,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds that count, after one that does not.")] = 5,
    cold: Annotated[
        bool, typer.Option("--cold/--no-cold", help="Time whole processes on one image, too.")
    ] = True,
    beside: Annotated[
        list[Path] | None,
        typer.Option(
            help="A foreign ONNX network (1, 3, H, W), run bare on OpenVINO in the same rounds; repeated."
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file, too.")
    ] = None,
) -> None:
    """Measure how fast a model runs here: each stage, one warm image, end to end, and a whole process.

    Everything runs in turn in one process, so ratios hold where absolute times do not.
    """
    given = locals()
    from seasift.cli.bench_table import tell
    from seasift.cli.terminal import complain, progress_bar
    from seasift.speed.api import bench as run

    with progress_bar("measuring") as progress:
        record = run(**given, progress=progress, warn=complain)
    tell(record)
