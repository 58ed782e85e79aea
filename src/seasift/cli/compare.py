"""`seasift compare RUN...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.core.files import check_folder


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of `seasift evaluate -o`, or training runs that hold one named `evaluation`."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Data the runs were evaluated on (prepared data set or COCO file); adds intervals."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Write compare.html, compare.json and compare.md into this folder."
        ),
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=20, help="Number of resamples of the videos for the intervals.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.")] = 0,
    group: Annotated[
        str | None,
        typer.Option(
            help="Regular expression for an image's video in its file name.  [default: the data set's own]"
        ),
    ] = None,
) -> None:
    """Compare evaluated models with each other and with published results.

    With --data every AP has a 95% interval, from resampled whole videos, and so has the difference of any two
    runs on the same split.
    """
    from seasift.cli.compare_table import tell
    from seasift.evaluation.compare import Settings
    from seasift.evaluation.compare import compare as hold_together
    from seasift.evaluation.compare_page import write_comparison
    from seasift.evaluation.runs import read_runs

    if output:
        check_folder(output)
    comparison = hold_together(read_runs(runs), Settings(data, resamples, seed, group))
    tell(comparison, write_comparison(output, comparison) if output else ())
