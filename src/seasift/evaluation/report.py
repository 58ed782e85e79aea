"""The folder that an evaluation leaves: report.json, predictions.json and report.html."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seasift.core.files import write_json, write_text
from seasift.core.image import jpeg_uri, read_image, svg_uri
from seasift.core.instances import Category, Instances
from seasift.core.page import render_template
from seasift.core.types import UInt8
from seasift.evaluation import plots
from seasift.evaluation.document import Evaluation
from seasift.evaluation.stream import Outcome
from seasift.evaluation.tables import tables_of

Draw = Callable[[UInt8, Instances, Sequence[Category]], UInt8]

_WIDEST = 800
UNMATCHED, NOT_FOUND = "unmatched", "not found"
EXPLAINED = (
    ("AP", "mean over IoU .50 to .95, all sizes"),
    ("AP50", "at IoU .50"),
    ("AP75", "at IoU .75"),
    ("APs", "objects smaller than 32² px"),
    ("APm", "32² to 96² px"),
    ("APl", "larger than 96² px"),
    ("AR1", "recall with 1 detection of a class an image"),
    ("AR10", "with 10"),
    ("AR100", "with 100"),
    ("ARs", "smaller than 32² px, with 100"),
    ("ARm", "32² to 96² px, with 100"),
    ("ARl", "larger than 96² px, with 100"),
)


def write_report(
    folder: Path, record: Evaluation, outcome: Outcome, *, images_dir: Path, draw: Draw
) -> tuple[Path, ...]:
    """Write the three files, each whole or not at all.

    Args:
        record: from `record.make_record`.
        images_dir: where the worst images are read from again.
        draw: draws objects on a copy of an image.
    Returns:
        What was written.
    """
    page = render_page(record, outcome, images_dir=images_dir, draw=draw)
    paths = (folder / "report.json", folder / "predictions.json", folder / "report.html")
    write_json(paths[0], record.to_json(), indent=1)
    write_json(paths[1], outcome.results.entries)
    write_text(paths[2], page)
    return paths


def render_page(record: Evaluation, outcome: Outcome, *, images_dir: Path, draw: Draw) -> str:
    """The page: one HTML file that needs nothing else."""
    values = record.to_json()
    return render_template(
        "evaluation",
        "report.html",
        {"figure": _figure, "percent": _percent},
        record=values,
        explained=EXPLAINED,
        mean=_mean_row(values),
        above=tables_of(record),
        confusion=_confusion_rows(values["confusion"]),
        overall_curves=svg_uri(plots.overall_curves(outcome.figures)),
        reliability=svg_uri(plots.reliability(outcome.reliability["bins"])),
        class_curves=svg_uri(plots.class_curves(outcome.figures)),
        worst=_worst(values, outcome, images_dir, draw),
    )


def _worst(record: dict[str, Any], outcome: Outcome, images_dir: Path, draw: Draw) -> list[dict[str, Any]]:
    shown = []
    for entry, evaluated in zip(record["worst"], outcome.worst, strict=True):
        pixels = read_image(images_dir / evaluated.image.file_name)
        both = {"truth": evaluated.truth.objects, "found": evaluated.found}
        drawn = {side: draw(pixels, objects, outcome.truth.categories) for side, objects in both.items()}
        shown.append({**entry, **{side: jpeg_uri(image, widest=_WIDEST) for side, image in drawn.items()}})
    return shown


def _mean_row(record: dict[str, Any]) -> dict[str, Any]:
    """A row like those of the classes: figures are means over classes, the last two are over all objects."""
    whole = {key: record[key] for key in ("boxes", "masks")}
    return {
        "name": "all",
        "objects": record["data"]["objects"],
        "few": False,
        **whole,
        **record["at_confidence"],
    }


def _confusion_rows(confusion: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of cells with count, share of the row and how they look: right ones blue, the others orange."""
    rows, last = [], len(confusion["classes"])
    for index, (name, counts) in enumerate(
        zip([*confusion["classes"], UNMATCHED], confusion["counts"], strict=True)
    ):
        cells = []
        for column, (as_name, count) in enumerate(
            zip([*confusion["classes"], NOT_FOUND], counts, strict=True)
        ):
            share = count / sum(counts) if count else 0.0
            ink = "#fff" if share > 0.7 else "inherit"
            colour = "11, 110, 153" if column == index else "194, 87, 26"
            cells.append(
                {
                    "count": count,
                    "share": share,
                    "title": f"{name} → {as_name}: {count}",
                    "style": f"background: rgba({colour}, {0.03 + 0.87 * share:.2f}); color: {ink}",
                    "place": " ".join(["last"] * (index == last) + ["aside"] * (column == last)),
                }
            )
        rows.append({"name": name, "cells": cells})
    return rows


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"
