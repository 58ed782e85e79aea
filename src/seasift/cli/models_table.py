"""What `seasift models` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from seasift.core.errors import InputError, ModelError, expected
from seasift.core.types import SizeHW
from seasift.modelfile import bundled
from seasift.modelfile.info import read_model_file

if TYPE_CHECKING:
    from seasift.models.catalog import Complexity


def print_bundled() -> None:
    """One row a bundled model."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("bundled model", no_wrap=True)
    for column in ("MB", "classes", "threshold"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("licence")
    for name in bundled.names():
        path = bundled.path_of(name)
        info = read_model_file(path).info
        size = f"{path.stat().st_size / 1e6:.1f}"
        table.add_row(name, size, str(len(info.categories)), f"{info.threshold:.2g}", info.licence)
    Console(width=None if Console().is_terminal else 200).print(table)


def print_own() -> None:
    """One row a model of the user's, with the models that it was adapted from; nothing without any."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("your model", no_wrap=True)
    table.add_column("from", no_wrap=True)
    for column in ("MB", "classes", "threshold"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("file", overflow="fold")
    for name, path in bundled.own().items():
        try:
            info = read_model_file(path).info
        except ModelError:  # an ONNX file of another program
            continue
        parents = " < ".join(info.parents()) or "-"
        size = f"{path.stat().st_size / 1e6:.1f}"
        table.add_row(name, parents, size, str(len(info.categories)), f"{info.threshold:.2g}", str(path))
    if table.row_count:
        console = Console(width=None if Console().is_terminal else 200)
        console.print()
        console.print(table)


def print_table(names: Sequence[str], classes: int) -> None:
    """One row a network."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("network", "parameters", "trainable", "bytes", "GFLOPs", "input px", "priors"):
        table.add_column(column, justify="left" if column == "network" else "right", no_wrap=True)
    table.add_column("weights")
    for name in names:
        facts, weights = _described(name, classes, None)
        table.add_row(name, *_figures(facts), weights)
    Console(width=None if Console().is_terminal else 200).print(table)


def print_one(name: str, classes: int, size: int | SizeHW | None) -> None:
    """One network, a line a fact."""
    facts, weights = _described(name, classes, size)
    labels: tuple[str, ...] = ("parameters", "trainable parameters", "bytes of parameters and buffers")
    labels += ("GFLOPs (multiply-add = 2)", "input (width x height, px)", "priors")
    print(f"{name}, {classes} classes")
    for label, figure in zip(labels, _figures(facts), strict=True):
        print(f"  {label}: {figure}")
    print(f"  weights: {weights}")


def _described(name: str, classes: int, size: int | SizeHW | None) -> tuple[Complexity, str]:
    from seasift.models.catalog import catalog, describe, make_config, weights_note

    known = catalog()
    if name not in known:
        raise InputError(f"{name!r}: no such network; {expected(name, known)}.")
    config = make_config(*known[name], classes, size=size)
    return describe(config), weights_note(config)


def _figures(facts: Complexity) -> tuple[str, ...]:
    height, width = facts.size_hw
    counts = (f"{facts.parameters:,}", f"{facts.trainable:,}", f"{facts.bytes:,}")
    return (*counts, f"{facts.gflops:.1f}", f"{width} x {height}", f"{facts.priors:,}")
