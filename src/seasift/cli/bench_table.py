"""What `seasift bench` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

_WIDTH = 120
_STAGES = {
    "read": "read the file, decode the image",
    "prepare": "prepare",
    "network": "network",
    "decode": "decode (suppression, masks)",
    "write": "write (JSON with masks)",
}


def tell(record: Mapping[str, Any]) -> None:
    """Print what was measured on what, and a column for each way."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=_WIDTH)
    machine, versions = record["machine"], record["versions"]
    threads = "threads as the engine chooses" if record["threads"] is None else f"{record['threads']} threads"
    for line in (
        f"{record['model']['name']} on {machine['processor']}, {machine['cores']} cores, {threads}",
        f"{machine['system']}, Python {machine['python']}, "
        + ", ".join(f"{name} {number}" for name, number in versions.items()),
        f"{record['pictures']}; scores from {record['threshold']:g}; medians of {record['repeats']} rounds",
    ):
        console.print(line, soft_wrap=True)
    console.print(_table(record["rows"]))
    for each in record["beside"]:
        height, width = each["input"][2:]
        console.print(
            f"{each['name']}, {width}x{height} px: {each['network_ms']:.1f} ms a run, "
            f"{each['network_per_s']:.1f} runs/s at once",
            soft_wrap=True,
        )


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table("", box=None, pad_edge=False)
    for row in rows:
        table.add_column(f"{row['engine']} {row['precision']}", justify="right")

    def add(name: str, figure: str, *path: str) -> None:
        table.add_row(name, *(figure.format(_at(row, path)) for row in rows))

    for stage, words in _STAGES.items():
        add(f"{words}, ms", "{:.2f}", "stages_ms", stage)
    add("in sequence, ms an image", "{:.2f}", "sum_ms")
    add("one warm image, ms, median", "{:.2f}", "latency_p50_ms")
    add("one warm image, ms, 95 of 100", "{:.2f}", "latency_p95_ms")
    add("network alone, at once, runs/s", "{:.1f}", "network_per_s")
    add("end to end, pictures/s", "{:.1f}", "end_to_end_per_s")
    add("  ratio to the first", "{:.2f}", "ratio_to_first")
    for name in rows[0]["against"]:
        add(f"  ratio to {name}", "{:.2f}", "against", name, "one_by_one")
        add("    and to as many of it at once", "{:.2f}", "against", name, "at_once")
    if "start_s" in rows[0]:
        add("a whole process, one image, s", "{:.2f}", "start_s")
    add("objects an image", "{:.1f}", "objects")
    return table


def _at(row: Any, path: tuple[str, ...]) -> float:
    for key in path:
        row = row[key]
    return float(row)
