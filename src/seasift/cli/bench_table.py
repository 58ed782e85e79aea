"""What `seasift bench` prints."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.table import Table

from seasift.speed.record import MeasuredRow, Measurement

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
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=_WIDTH)
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
    add("end to end, pictures/s", "{:.1f}", lambda row: row.end_to_end_per_s)
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
