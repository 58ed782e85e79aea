"""The page of `seasift data stats`: one HTML file that needs nothing else."""

from __future__ import annotations

from typing import Any

from seasift.core.data_uri import jpeg_uri, svg_uri
from seasift.core.errors import BadDataset, BadPicture
from seasift.core.picture import read_picture
from seasift.data import stats_plots
from seasift.data.examples import Example, choose_examples, colour_of, draw_truth
from seasift.data.stats import Described, Stats

_EXAMPLES = 12
_WIDEST = 640


def render_stats_page(described: Described, stats: Stats, *, citation: str = "", licence: str = "") -> str:
    """The page as HTML text.

    Args:
        described: the parts, for the examples; a picture that cannot be read is named instead of shown.
        stats: of the same parts.
        citation: how to cite the data set, if that is known.
        licence: of its pictures, if that is known.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("seasift.data"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("stats.html").render(
        stats=stats,
        last=list(stats.parts)[-1],
        citation=citation,
        licence=licence,
        class_bars=svg_uri(stats_plots.class_bars(stats)),
        size_bars=svg_uri(stats_plots.size_bars(stats)),
        size_histogram=svg_uri(stats_plots.size_histogram(described.parts)),
        per_picture=svg_uri(stats_plots.objects_per_picture(stats)),
        together=_together_rows(stats),
        examples=[_shown(e, described) for e in choose_examples(described.parts, most=_EXAMPLES)],
    )


def _shown(example: Example, described: Described) -> dict[str, Any]:
    coco = described.parts[example.part]
    entry: dict[str, Any] = {
        "file_name": example.image.file_name,
        "part": example.part,
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
        picture = read_picture(described.images_dir / example.image.file_name)
        return {**entry, "uri": jpeg_uri(draw_truth(picture, example, coco), widest=_WIDEST), "error": ""}
    except (BadPicture, BadDataset) as error:
        return {**entry, "uri": "", "error": str(error)}


def _together_rows(stats: Stats) -> list[dict[str, Any]]:
    """Rows of cells: pictures with both classes, tinted by their share of the row class's pictures."""
    rows = []
    for place, name in enumerate(stats.classes):
        own = max(int(stats.together[place, place]), 1)
        cells = []
        for column, count in enumerate(stats.together[place].tolist()):
            share = count / own
            alone = column == place
            tint = (
                f"rgba(91, 107, 118, {0.15 if count else 0})" if alone else f"rgba(11, 110, 153, {share:.3f})"
            )
            title = (
                f"{count} pictures with {name}"
                if alone
                else f"{count} of {own} pictures with {name} also hold {stats.classes[column]}"
            )
            ink = "#fff" if share > 0.6 and not alone else "inherit"
            cells.append({"count": count, "tint": tint, "title": title, "ink": ink})
        rows.append({"name": name, "cells": cells})
    return rows
