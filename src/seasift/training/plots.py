"""Images of a run beside it: losses, AP over the steps, AP of each class. As PNG and SVG."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from seasift.core.files import replacing

_COLOURS = ("#0b6e99", "#c2571a", "#3d8b37", "#8e44ad", "#b8860b", "#5d6d7e", "#c0392b")
_MASKS, _BOXES = _COLOURS[:2]


def draw_run(metrics: Path, per_class: Mapping[str, Mapping[str, Any]], folder: Path) -> tuple[Path, ...]:
    """Draw what a run's metrics.csv and its last validation hold.

    Args:
        metrics: the CSV file.
        per_class: class name to {"objects", "boxes", "masks"} as in `evaluation.coco_metrics.Metrics`.
        folder: gets losses, ap and classes, each as .png and .svg.
    Returns:
        The files, each whole or not at all.
    """
    with metrics.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figures = {"losses": _losses(rows), "ap": _ap(rows), "classes": _classes(per_class)}
    paths = tuple(folder / f"{name}.{suffix}" for name in figures for suffix in ("png", "svg"))
    for path in paths:
        with replacing(path) as part:
            figures[path.stem].savefig(part, format=path.suffix[1:], dpi=120)
    return paths


def _losses(rows: Sequence[Mapping[str, str]]) -> Figure:
    figure, axes = _one(6.4, 4.0)
    seen = [row for row in rows if row.get("loss/total")]
    names = [name for name in (seen[0] if seen else {}) if name.startswith("loss/") and seen[0][name]]
    for colour, name in zip(_COLOURS, names, strict=False):
        steps = [int(row["step"]) for row in seen]
        axes.plot(steps, [float(row[name]) for row in seen], color=colour, label=name[5:], linewidth=1.4)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    if names:
        axes.legend(frameon=False)
    return figure


def _ap(rows: Sequence[Mapping[str, str]]) -> Figure:
    figure, axes = _one(6.4, 4.0)
    for kind, colour in (("mask", _MASKS), ("box", _BOXES)):
        for name, style in (("AP", "-o"), ("AP50", "--o")):
            seen = [row for row in rows if row.get(f"val/{kind}_{name}")]
            if seen:
                steps, values = (
                    [int(row["step"]) for row in seen],
                    [float(row[f"val/{kind}_{name}"]) for row in seen],
                )
                axes.plot(steps, values, style, color=colour, label=f"{kind} {name}", markersize=3)
    axes.set(xlabel="step", ylabel="on val", ylim=(0, None))
    if axes.lines:
        axes.legend(frameon=False)
    return figure


def _classes(per_class: Mapping[str, Mapping[str, Any]]) -> Figure:
    shown = {name: row for name, row in per_class.items() if row["objects"]}
    figure, axes = _one(6.4, 1.2 + 0.3 * max(len(shown), 1))
    for shift, kind, colour in ((-0.2, "masks", _MASKS), (0.2, "boxes", _BOXES)):
        values = [(row[kind] or {}).get("AP") or 0.0 for row in shown.values()]
        axes.barh(
            [index + shift for index in range(len(shown))], values, height=0.38, color=colour, label=kind
        )
    axes.set_yticks(
        range(len(shown)), [f"{name} ({row['objects']})" for name, row in shown.items()], fontsize=8
    )
    axes.invert_yaxis()
    axes.set(xlabel="AP at the last validation (objects in brackets)", xlim=(0, None))
    if shown:
        axes.legend(frameon=False)
    return figure


def _one(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.grid(color="#e3e6e8", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes
