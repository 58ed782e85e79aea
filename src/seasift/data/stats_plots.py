"""Plots of a data set's statistics as SVG. matplotlib is loaded by the functions, not by the module."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from seasift.data.coco import CocoDataset
from seasift.data.stats import SIZES, Stats

_PART_COLOURS = ("#0b6e99", "#c2571a", "#5a8f29", "#7d5ba6", "#a08020", "#666666")
_SIZE_COLOURS = ("#9ecae1", "#4292c6", "#084594")


def class_bars(stats: Stats) -> str:
    """Objects of each class as a share of the class in each part: even bars mean an even split."""
    parts = [part for part in stats.parts if part != "all"] or list(stats.parts)
    figure, axes = _figure((10.4, 0.26 * len(stats.classes) + 1.3))
    rows, left = np.arange(len(stats.classes)), np.zeros(len(stats.classes))
    totals = np.array([sum(stats.by_class[name][part].objects for part in parts) for name in stats.classes])
    for number, part in enumerate(parts):
        counts = np.array([stats.by_class[name][part].objects for name in stats.classes])
        shares = 100 * counts / np.maximum(totals, 1)
        colour = _PART_COLOURS[number % len(_PART_COLOURS)]
        axes.barh(rows, shares, left=left, color=colour, label=part, height=0.75)
        for row, (count, share) in enumerate(zip(counts, shares, strict=True)):
            if share > 4:
                place = left[row] + share / 2
                axes.text(place, row, f"{count:,}", ha="center", va="center", fontsize=7.5, color="white")
        left += shares
    axes.set_yticks(rows, stats.classes, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the class's objects; numbers are objects")
    axes.legend(ncols=len(parts), loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=9)
    return _svg(figure, "classes")


def size_bars(stats: Stats) -> str:
    """Small, medium and large objects of each class."""
    last = list(stats.parts)[-1]
    figure, axes = _figure((10.4, 0.26 * len(stats.classes) + 1.3))
    rows, left = np.arange(len(stats.classes)), np.zeros(len(stats.classes))
    totals = np.array([max(stats.by_class[name][last].objects, 1) for name in stats.classes])
    for size, colour in zip(SIZES, _SIZE_COLOURS, strict=True):
        shares = (
            100 * np.array([getattr(stats.by_class[name][last], size) for name in stats.classes]) / totals
        )
        axes.barh(rows, shares, left=left, color=colour, label=size, height=0.75)
        left += shares
    axes.set_yticks(rows, stats.classes, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the class's objects; small: below 32² px, large: from 96² px")
    axes.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=9)
    return _svg(figure, "sizes")


def size_histogram(parts: Mapping[str, CocoDataset]) -> str:
    """Square root of the area of all objects, part by part."""
    sides = {
        part: np.sqrt([a.area for a in coco.annotations if not a.iscrowd and a.area > 0])
        for part, coco in parts.items()
    }
    figure, axes = _figure((5.1, 3.2))
    largest = max((float(values.max()) for values in sides.values() if len(values)), default=1.0)
    edges = np.geomspace(1, max(largest, 2.0), 40)
    for number, (part, values) in enumerate(sides.items()):
        weights = np.full(len(values), 100 / max(len(values), 1))
        colour = _PART_COLOURS[number % len(_PART_COLOURS)]
        axes.hist(values, edges, weights=weights, histtype="step", color=colour, label=part, linewidth=1.5)
    for border in (32, 96):
        axes.axvline(border, color="#999999", linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_xticks([1, 3, 10, 32, 96, 300], ["1", "3", "10", "32", "96", "300"])
    axes.minorticks_off()
    axes.set_xlim(1, max(largest, 2.0))
    axes.set_xlabel("square root of an object's area, px")
    axes.set_ylabel("% of the part's objects")
    axes.legend(frameon=False, fontsize=9)
    return _svg(figure, "histogram")


def objects_per_picture(stats: Stats) -> str:
    """How many pictures hold 0, 1, 2 ... objects, in % of the part."""
    parts = [part for part in stats.parts if part != "all"] or list(stats.parts)
    most = max(len(stats.objects_per_picture[part]) for part in parts)
    shown = min(most, 11)
    figure, axes = _figure((5.1, 3.2))
    width = 0.8 / len(parts)
    for number, part in enumerate(parts):
        counts = np.zeros(max(most, shown))
        counts[: len(stats.objects_per_picture[part])] = stats.objects_per_picture[part]
        heights = np.append(counts[: shown - 1], counts[shown - 1 :].sum())
        places = np.arange(shown) + (number - (len(parts) - 1) / 2) * width
        colour = _PART_COLOURS[number % len(_PART_COLOURS)]
        axes.bar(places, 100 * heights / max(counts.sum(), 1), width, color=colour, label=part)
    labels = [str(count) for count in range(shown)]
    if most > shown:
        labels[-1] = f"{shown - 1}+"
    axes.set_xticks(np.arange(shown), labels)
    axes.set_xlabel("objects in a picture")
    axes.set_ylabel("% of the part's pictures")
    axes.legend(frameon=False, fontsize=9)
    return _svg(figure, "per picture")


def _figure(size_inches: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_inches, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any, salt: str) -> str:
    """The same figure gives the same bytes: no date, no random ids."""
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.hashsalt": salt}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
