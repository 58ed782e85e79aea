"""The page of `seasift data stats`: one self-contained HTML file.

It shows plots of the statistics as SVG, and example images with their masks. matplotlib is loaded by the functions, not by
the module.
"""

from __future__ import annotations

import colorsys
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from seasift.core.errors import DatasetError, ImageError, InputError
from seasift.core.files import write_text
from seasift.core.image import jpeg_uri, read_image, svg_uri
from seasift.core.page import render_template
from seasift.core.types import UInt8
from seasift.data.coco import CocoDataset, CocoImage
from seasift.data.prepared import open_prepared
from seasift.data.stats import SIZES, Described, Stats

_FILL = 0.35
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Example:
    """An image to show.

    Attributes:
        split: it is from.
        image: in that split.
        classes: class_id to count of its objects.
    """

    split: str
    image: CocoImage
    classes: Mapping[int, int]


def colour_of(class_id: int) -> tuple[int, int, int]:
    """Red, green, blue of a class: light, and distinct from its neighbours."""
    red, green, blue = colorsys.hsv_to_rgb(class_id * 0.618034 % 1, 0.55 + 0.35 * (class_id % 2), 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def choose_examples(splits: Mapping[str, CocoDataset], *, most: int) -> list[Example]:
    """Few images that show all classes: repeatedly the one with most new classes, rare ones first.

    Args:
        splits: split name to images and objects.
        most: maximum number of images.
    """
    first = next(iter(splits.values()))
    index = {category.id: number for number, category in enumerate(first.categories)}
    candidates = []
    totals: dict[int, int] = {}
    for split, coco in splits.items():
        for image in coco.images:
            counts: dict[int, int] = {}
            for annotation in coco.annotations_of(image.id):
                if annotation.is_coarse:
                    continue
                class_id = index[annotation.category_id]
                counts[class_id] = counts.get(class_id, 0) + 1
                totals[class_id] = totals.get(class_id, 0) + 1
            candidates.append(Example(split, image, counts))
    chosen: list[Example] = []
    missing = {class_id for example in candidates for class_id in example.classes}
    while missing and len(chosen) < most:
        best = max(candidates, key=lambda e: sum(1 / totals[c] for c in e.classes.keys() & missing))
        chosen.append(best)
        missing -= best.classes.keys()
    return chosen


def draw_truth(image_rgb_u8: UInt8, example: Example, coco: CocoDataset) -> UInt8:
    """A copy of the image with a light fill and an outline of each mask; holes stay holes.

    An object without a mask gets the outline of its box; an object with several possible classes is white.

    Raises:
        DatasetError: a mask that cannot be decoded.
    """
    canvas = image_rgb_u8.copy()
    index = {category.id: number for number, category in enumerate(coco.categories)}
    size_hw = (canvas.shape[0], canvas.shape[1])
    annotations = sorted(coco.annotations_of(example.image.id), key=lambda a: -a.area)
    for annotation in annotations:
        colour = WHITE if annotation.is_coarse else colour_of(index[annotation.category_id])
        if not annotation.has_mask:
            x, y, width, height = (round(value) for value in annotation.bbox_xywh)
            cv2.rectangle(canvas, (x, y), (x + width - 1, y + height - 1), colour, 1)
            continue
        bitmap = annotation.mask(example.image.size_hw).bitmap(size_hw)
        canvas[bitmap] = np.round((1 - _FILL) * canvas[bitmap] + _FILL * np.array(colour)).astype(np.uint8)
        outlines, _ = cv2.findContours(bitmap.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, outlines, -1, colour, 1, cv2.LINE_AA)
    return canvas


_PART_COLOURS = ("#0b6e99", "#c2571a", "#5a8f29", "#7d5ba6", "#a08020", "#666666")
_SIZE_COLOURS = ("#9ecae1", "#4292c6", "#084594")


def class_bars(stats: Stats) -> str:
    """Objects of each class as a share of the class in each split: even bars mean an even split."""
    splits = [split for split in stats.splits if split != "all"] or list(stats.splits)
    figure, axes = _figure((10.4, 0.26 * len(stats.classes) + 1.3))
    rows, left = np.arange(len(stats.classes)), np.zeros(len(stats.classes))
    totals = np.array(
        [sum(stats.by_class[name][split].objects for split in splits) for name in stats.classes]
    )
    for number, split in enumerate(splits):
        counts = np.array([stats.by_class[name][split].objects for name in stats.classes])
        shares = 100 * counts / np.maximum(totals, 1)
        colour = _PART_COLOURS[number % len(_PART_COLOURS)]
        axes.barh(rows, shares, left=left, color=colour, label=split, height=0.75)
        for row, (count, share) in enumerate(zip(counts, shares, strict=True)):
            if share > 4:
                index = left[row] + share / 2
                axes.text(index, row, f"{count:,}", ha="center", va="center", fontsize=7.5, color="white")
        left += shares
    axes.set_yticks(rows, stats.classes, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the class's objects; numbers are objects")
    axes.legend(ncols=len(splits), loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=9)
    return _svg(figure, "classes")


def size_bars(stats: Stats) -> str:
    """Small, medium and large objects of each class."""
    last = list(stats.splits)[-1]
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


def size_histogram(splits: Mapping[str, CocoDataset]) -> str:
    """Square root of the area of all objects, split by split."""
    sides = {
        split: np.sqrt([a.area for a in coco.annotations if not a.iscrowd and a.area > 0])
        for split, coco in splits.items()
    }
    figure, axes = _figure((5.1, 3.2))
    largest = max((float(values.max()) for values in sides.values() if len(values)), default=1.0)
    edges = np.geomspace(1, max(largest, 2.0), 40)
    for number, (split, values) in enumerate(sides.items()):
        weights = np.full(len(values), 100 / max(len(values), 1))
        colour = _PART_COLOURS[number % len(_PART_COLOURS)]
        axes.hist(values, edges, weights=weights, histtype="step", color=colour, label=split, linewidth=1.5)
    for border in (32, 96):
        axes.axvline(border, color="#999999", linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_xticks([1, 3, 10, 32, 96, 300], ["1", "3", "10", "32", "96", "300"])
    axes.minorticks_off()
    axes.set_xlim(1, max(largest, 2.0))
    axes.set_xlabel("square root of an object's area, px")
    axes.set_ylabel("% of the split's objects")
    axes.legend(frameon=False, fontsize=9)
    return _svg(figure, "histogram")


def objects_per_image(stats: Stats) -> str:
    """Images with 0, 1, 2 ... objects, in % of the split."""
    splits = [split for split in stats.splits if split != "all"] or list(stats.splits)
    most = max(len(stats.objects_per_image[split]) for split in splits)
    shown = min(most, 11)
    figure, axes = _figure((5.1, 3.2))
    width = 0.8 / len(splits)
    for number, split in enumerate(splits):
        counts = np.zeros(max(most, shown))
        counts[: len(stats.objects_per_image[split])] = stats.objects_per_image[split]
        heights = np.append(counts[: shown - 1], counts[shown - 1 :].sum())
        indices = np.arange(shown) + (number - (len(splits) - 1) / 2) * width
        colour = _PART_COLOURS[number % len(_PART_COLOURS)]
        axes.bar(indices, 100 * heights / max(counts.sum(), 1), width, color=colour, label=split)
    labels = [str(count) for count in range(shown)]
    if most > shown:
        labels[-1] = f"{shown - 1}+"
    axes.set_xticks(np.arange(shown), labels)
    axes.set_xlabel("objects in an image")
    axes.set_ylabel("% of the split's images")
    axes.legend(frameon=False, fontsize=9)
    return _svg(figure, "per image")


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


_EXAMPLES = 12
_WIDEST = 640


def write_page(page: Path, data: Path, described: Described, stats: Stats) -> None:
    """Write the HTML page.

    Args:
        page: the file.
        data: the described data set, for its citation and licence.
    Raises:
        InputError: the path is a folder.
    """
    if page.is_dir():
        raise InputError(
            f"{page}: a folder; expected the name of a file for the page. Name one, such as stats.html"
        )
    about = open_prepared(data).record if data.is_dir() else {}
    known = {key: str(about[key]) for key in ("citation", "licence") if key in about}
    write_text(page, render_stats_page(described, stats, **known))


def render_stats_page(described: Described, stats: Stats, *, citation: str = "", licence: str = "") -> str:
    """The page as HTML text.

    Args:
        described: the splits, for the examples; an unreadable image is named instead of shown.
        stats: of the same splits.
        citation: of the data set, if known.
        licence: of its images, if known.
    """
    return render_template(
        "data",
        "stats.html",
        {},
        stats=stats,
        last=list(stats.splits)[-1],
        citation=citation,
        licence=licence,
        class_bars=svg_uri(class_bars(stats)),
        size_bars=svg_uri(size_bars(stats)),
        size_histogram=svg_uri(size_histogram(described.splits)),
        per_image=svg_uri(objects_per_image(stats)),
        together=_together_rows(stats),
        examples=[_shown(e, described) for e in choose_examples(described.splits, most=_EXAMPLES)],
    )


def _shown(example: Example, described: Described) -> dict[str, Any]:
    coco = described.splits[example.split]
    entry: dict[str, Any] = {
        "file_name": example.image.file_name,
        "split": example.split,
        "classes": [
            {
                "name": coco.categories[class_id].name,
                "count": count,
                "colour": "rgb({},{},{})".format(*colour),
            }
            for class_id, count in sorted(example.classes.items())
            for colour in [colour_of(class_id)]
        ],
    }
    try:
        image = read_image(described.images_dir / example.image.file_name)
        return {**entry, "uri": jpeg_uri(draw_truth(image, example, coco), widest=_WIDEST), "error": ""}
    except (ImageError, DatasetError) as error:
        return {**entry, "uri": "", "error": str(error)}


def _together_rows(stats: Stats) -> list[dict[str, Any]]:
    """Rows of cells: images with both classes, tinted by their share of the row class's images."""
    rows = []
    for index, name in enumerate(stats.classes):
        own = max(int(stats.together[index, index]), 1)
        cells = []
        for column, count in enumerate(stats.together[index].tolist()):
            share = count / own
            alone = column == index
            tint = (
                f"rgba(91, 107, 118, {0.15 if count else 0})" if alone else f"rgba(11, 110, 153, {share:.3f})"
            )
            title = (
                f"{count} images with {name}"
                if alone
                else f"{count} of {own} images with {name} also hold {stats.classes[column]}"
            )
            ink = "#fff" if share > 0.6 and not alone else "inherit"
            cells.append({"count": count, "tint": tint, "title": title, "ink": ink})
        rows.append({"name": name, "cells": cells})
    return rows
