"""What `seasift data stats` prints and writes."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.table import Table

from seasift.cli.data_output import console
from seasift.core.errors import InputError
from seasift.core.files import write_text
from seasift.data.prepared import open_prepared
from seasift.data.stats import SIZES, Described, Stats

_PAIRS = 10


def tell_stats(stats: Stats) -> None:
    """Tables of splits, classes, and the classes most often seen together."""
    out = console()
    out.print(stats.name, soft_wrap=True)
    out.print(_splits(stats))
    out.print(_classes(stats))
    if stats.partial:
        out.print(_partial(stats))
    pairs = [
        (int(stats.together[i, j]), first, second)
        for i, first in enumerate(stats.classes)
        for j, second in enumerate(stats.classes[:i])
        if stats.together[i, j]
    ]
    if pairs:
        table = Table("together in images", "and", "pictures", title="most often together")
        table.columns[2].justify = "right"
        for count, first, second in sorted(pairs, key=lambda pair: -pair[0])[:_PAIRS]:
            table.add_row(first, second, f"{count:,}")
        out.print(table)


def write_page(page: Path, data: Path, described: Described, stats: Stats) -> None:
    """Write the HTML page and say so on standard error.

    Raises:
        InputError: the path is a folder.
    """
    from seasift.data.stats_page import render_stats_page

    if page.is_dir():
        raise InputError(
            f"{page}: a folder; expected the name of a file for the page. Name one, such as stats.html"
        )
    about = open_prepared(data).record if data.is_dir() else {}
    known = {key: str(about[key]) for key in ("citation", "licence") if key in about}
    write_text(page, render_stats_page(described, stats, **known))
    print(f"written: {page}", file=sys.stderr)


def _splits(stats: Stats) -> Table:
    table = Table(
        "split", "pictures", "videos", "without objects", "objects", "crowds", *SIZES, "median size"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for split, counts in stats.splits.items():
        videos = f"{counts.groups:,}" if stats.grouped else "-"
        sizes = [f"{value:,}" for value in (counts.small, counts.medium, counts.large)]
        table.add_row(
            *(split, f"{counts.pictures:,}", videos, f"{stats.empty_images[split]:,}", f"{counts.objects:,}"),
            *(f"{counts.crowds:,}", *sizes, f"{counts.median_side_px:.0f} px"),
        )
    return table


def _partial(stats: Stats) -> Table:
    table = Table("split", "coarse class", "without mask", "loose box", "images with unlabelled background")
    table.title = "what labels leave open; objects of a coarse class count for no class"
    for column in table.columns[1:]:
        column.justify = "right"
    for split, found in stats.partial.items():
        values = (found.coarse, found.without_mask, found.loose_box, found.unlabelled)
        table.add_row(split, *(f"{value:,}" for value in values))
    return table


def _classes(stats: Stats) -> Table:
    table = Table("class", *stats.splits, *SIZES)
    table.title = "objects" + (" / videos" if stats.grouped else "") + " of each class"
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in stats.by_class.items():
        cells = [
            f"{counts.objects:,}" + (f" / {counts.groups:,}" if stats.grouped else "")
            for counts in row.values()
        ]
        last = list(row.values())[-1]
        table.add_row(name, *cells, f"{last.small:,}", f"{last.medium:,}", f"{last.large:,}")
    return table
