"""`seasift bench [MODEL] [IMAGE…]`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seasift.cli.options import ModelArgument, Threads, Threshold

if TYPE_CHECKING:
    from rich.table import Table

    from seasift.speed.api import MeasuredRow, Measurement


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

    from seasift.cli.terminal import complain, progress_bar
    from seasift.speed.api import bench as run

    with progress_bar("measuring") as progress:
        record = run(**given, progress=progress, warn=complain)
    tell(record)


_WIDTH = 120
_STAGES = {
    "read": "read the file, decode the image",
    "prepare": "prepare",
    "network": "network",
    "decode": "decode (suppression, masks)",
    "write": "write (JSON with masks)",
}


def tell(record: Measurement) -> None:
    """Print what was measured on what, and a column for each configuration."""
    from seasift.cli.terminal import console_of

    console = console_of(_WIDTH)
    machine, versions = record.machine, record.versions
    threads = "threads as the engine chooses" if record.threads is None else f"{record.threads} threads"
    for line in (
        f"{record.model.name} on {machine['processor']}, {machine['cores']} cores, {threads}",
        f"{machine['system']}, Python {machine['python']}, "
        + ", ".join(f"{name} {number}" for name, number in versions.items()),
        f"{record.images}; scores from {record.threshold:g}; medians of {record.repeats} rounds",
    ):
        console.print(line, soft_wrap=True)
    console.print(_table(record.rows))
    for each in record.baselines:
        height, width = each.input[2:]
        console.print(
            f"{each.name}, {width}x{height} px: {each.network_ms:.1f} ms a run, "
            f"{each.network_per_s:.1f} runs/s at once",
            soft_wrap=True,
        )


def _table(rows: list[MeasuredRow]) -> Table:
    from rich.table import Table

    table = Table("", box=None, pad_edge=False)
    for row in rows:
        table.add_column(f"{row.engine} {row.precision}", justify="right")

    def add(name: str, figure: str, value: Callable[[MeasuredRow], float | None]) -> None:
        table.add_row(name, *(figure.format(value(row)) for row in rows))

    for stage, words in _STAGES.items():
        add(f"{words}, ms", "{:.2f}", partial(_stage, stage))
    add("in sequence, ms an image", "{:.2f}", lambda row: row.sum_ms)
    add("one warm image, ms, median", "{:.2f}", lambda row: row.latency_p50_ms)
    add("one warm image, ms, 95 of 100", "{:.2f}", lambda row: row.latency_p95_ms)
    add("network alone, at once, runs/s", "{:.1f}", lambda row: row.network_per_s)
    add("end to end, images/s", "{:.1f}", lambda row: row.end_to_end_per_s)
    add("  ratio to the first", "{:.2f}", lambda row: row.ratio_to_first)
    for name in rows[0].against:
        add(f"  ratio to {name}", "{:.2f}", partial(_one_by_one, name))
        add("    and to as many of it at once", "{:.2f}", partial(_at_once, name))
    if rows[0].start_s is not None:
        add("a whole process, one image, s", "{:.2f}", lambda row: row.start_s)
    add("objects an image", "{:.1f}", lambda row: row.objects)
    return table


def _stage(stage: str, row: MeasuredRow) -> float:
    return row.stages_ms[stage]


def _one_by_one(name: str, row: MeasuredRow) -> float:
    return row.against[name].one_by_one


def _at_once(name: str, row: MeasuredRow) -> float:
    return row.against[name].max_in_flight
