"""The record of an evaluation, and its folder: report.json, predictions.json, report.html."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seasift import __version__
from seasift.core.files import write_json, write_text
from seasift.core.image import jpeg_uri, read_image, svg_uri
from seasift.core.instances import Category, Instances
from seasift.core.page import render_template
from seasift.core.types import UInt8
from seasift.evaluation import plots
from seasift.evaluation.class_map import ClassMap
from seasift.evaluation.coco_metrics import all_curves
from seasift.evaluation.confusion import IOU, EvaluatedImage
from seasift.evaluation.document import FEW_OBJECTS, SCHEMA, Evaluation
from seasift.evaluation.levels import unseen_note
from seasift.evaluation.machine import describe_hardware, describe_machine
from seasift.evaluation.stream import EvaluateSettings, Outcome
from seasift.evaluation.tables import tables_of

CHOSEN = {
    "labels": "labels",
    "masks": "masks",
    "split": "scheme",
    "part": "split",
    "group": "group",
}  # key to name


@dataclass(frozen=True)
class EvaluationSubject:
    """The evaluated model and data.

    Attributes:
        model: name, sha256, engine, precision and all else that identifies it; "facts" is its complexity.
        data: name of the split.
        fingerprint: of its data set.
        chosen: labels, masks, scheme, split and group; see `data.prepared.DataSplit`.
        threads: CPU threads, if a number was given.
        class_map: from the model's classes to those of the data; None if they are the same.
    """

    model: Mapping[str, Any]
    data: str
    fingerprint: str
    chosen: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    class_map: ClassMap | None = None


def make_record(outcome: Outcome, settings: EvaluateSettings, subject: EvaluationSubject) -> Evaluation:
    """The content of report.json; a metric is None where there is nothing to evaluate."""
    truth, confusion = outcome.truth, outcome.confusion
    precision, recall = confusion.total()
    crowds = sum(annotation.iscrowd for annotation in truth.annotations)
    values = {
        "schema": SCHEMA,
        "seasift": __version__,
        "model": dict(subject.model),
        "data": {
            "name": subject.data,
            "fingerprint": subject.fingerprint,
            **{key: subject.chosen.get(name) for key, name in CHOSEN.items()},
            "pictures": len(truth.images),
            "of_pictures": outcome.of_images,
            "partly_labelled": outcome.partly_labelled,
            "objects": len(truth.annotations) - crowds,
            "crowds": crowds,
            "classes": len(truth.categories),
            **_mapped(subject.class_map),
        },
        "settings": {
            "threshold": settings.threshold,
            "max_objects": settings.max_objects,
            "limit": settings.limit,
            "confidence": settings.confidence,
            "iou": IOU,
        },
        "machine": describe_machine(),
        "speed": _speed(outcome, subject),
        "seconds": {name: round(value, 3) for name, value in outcome.seconds.items()},
        "detections": len(outcome.results.entries),
        "boxes": outcome.metrics.boxes,
        "masks": outcome.metrics.masks,
        "at_confidence": {"precision": precision, "recall": recall},
        "per_class": _per_class(outcome),
        "confusion": {
            "of": "masks" if "masks" in outcome.metrics.curves else "boxes",
            "classes": list(confusion.classes),
            "counts": confusion.counts.tolist(),
        },
        "curves": _curves(outcome),
        "reliability": outcome.reliability,
        "intervals": outcome.intervals,
        "levels": outcome.levels,
        "triage": outcome.triage,
        "rollup": outcome.rollup,
        "unseen": outcome.unseen,
        "counting": {"names": [category.name for category in truth.categories], **outcome.counting},
        "worst": [_worst(evaluated) for evaluated in outcome.worst],
        "notes": [*_map_note(subject.class_map), *_notes(outcome)],
    }
    return Evaluation.from_json(values)


def _speed(outcome: Outcome, subject: EvaluationSubject) -> dict[str, Any]:
    engine = subject.model.get("engine")
    return {
        "engine": engine,
        "precision": subject.model.get("precision"),
        "threads": subject.threads,
        "machine": describe_hardware(engine),
        "pictures": outcome.pace.images,
        "pictures_per_second": outcome.pace.images_per_second,
    }


def _curves(outcome: Outcome) -> dict[str, dict[str, list[float]]]:
    """Kind, IoU in percent, precision at recall 0, .01 ... 1: the mean over classes."""
    curves: dict[str, dict[str, list[float]]] = {}
    for (kind, iou), values in all_curves(outcome.metrics).items():
        curves.setdefault(kind, {})[f"{100 * iou:g}"] = [round(value, 5) for value in values.tolist()]
    return curves


def _per_class(outcome: Outcome) -> list[dict[str, Any]]:
    rows = []
    for index, category in enumerate(outcome.truth.categories):
        metrics = outcome.metrics.per_class[category.name]
        rows.append(
            {
                "name": category.name,
                "category_id": category.id,
                "objects": metrics["objects"],
                "few": metrics["objects"] < FEW_OBJECTS,
                "boxes": metrics["boxes"],
                "masks": metrics["masks"],
                "precision": outcome.confusion.precision(index),
                "recall": outcome.confusion.recall(index),
            }
        )
    return rows


def _worst(evaluated: EvaluatedImage) -> dict[str, Any]:
    matching = evaluated.matching
    return {
        "file": evaluated.image.file_name,
        "image_id": evaluated.image.id,
        "f1": matching.f1,
        "right": matching.right,
        "wrong_class": matching.wrong_class,
        "spurious": matching.spurious,
        "missed": matching.missed,
    }


def _mapped(class_map: ClassMap | None) -> dict[str, Any]:
    if class_map is None:
        return {}
    return {"class_map": dict(class_map.of_model), "targets": list(class_map.targets)}


def _map_note(class_map: ClassMap | None) -> list[str]:
    if class_map is None:
        return []
    pairs = ", ".join(f"{name} as {target}" for name, target in class_map.of_model.items())
    return [f"Classes of the model are evaluated by a map, the others are left out: {pairs}."]


def _notes(outcome: Outcome) -> list[str]:
    notes = []
    count, metrics = len(outcome.truth.images), outcome.metrics
    if count < outcome.of_images:
        notes.append(
            f"Only {count:,} of {outcome.of_images:,} images were evaluated, evenly spaced. Do not report this result."
        )
    if outcome.partly_labelled:
        notes.append(
            f"{outcome.partly_labelled:,} images are left out: not all their objects, classes or box edges are known."
        )
    if "masks" not in metrics.curves:
        who = (
            "the model gives none" if not outcome.results.masked else "not every object of the truth has one"
        )
        notes.append(f"Masks are not evaluated: {who}.")
    few = [name for name, row in metrics.per_class.items() if 0 < row["objects"] < FEW_OBJECTS]
    none = [name for name, row in metrics.per_class.items() if not row["objects"]]
    notes += unseen_note(outcome.unseen)
    if few:
        notes.append(
            f"Fewer than {FEW_OBJECTS} objects, so one object changes the metric by a tenth or more: {', '.join(few)}."
        )
    if none:
        notes.append(f"No objects here, so not evaluated and in no mean: {', '.join(none)}.")
    return notes


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
    ("AR1", "recall with 1 detection per class and image"),
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
        images_dir: folder of the images, to read the worst ones again.
        draw: draws objects on a copy of an image.
    Returns:
        Paths of the files.
    """
    page = render_page(record, outcome, images_dir=images_dir, draw=draw)
    paths = (folder / "report.json", folder / "predictions.json", folder / "report.html")
    write_json(paths[0], record.to_json(), indent=1)
    write_json(paths[1], outcome.results.entries)
    write_text(paths[2], page)
    return paths


def render_page(record: Evaluation, outcome: Outcome, *, images_dir: Path, draw: Draw) -> str:
    """The page: one self-contained HTML file."""
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
        overall_curves=svg_uri(plots.overall_curves(outcome.metrics)),
        reliability=svg_uri(plots.reliability(outcome.reliability["bins"])),
        class_curves=svg_uri(plots.class_curves(outcome.metrics)),
        worst=_worst_images(values, outcome, images_dir, draw),
    )


def _worst_images(
    record: dict[str, Any], outcome: Outcome, images_dir: Path, draw: Draw
) -> list[dict[str, Any]]:
    shown = []
    for entry, evaluated in zip(record["worst"], outcome.worst, strict=True):
        pixels = read_image(images_dir / evaluated.image.file_name)
        both = {"truth": evaluated.truth.objects, "found": evaluated.found}
        drawn = {side: draw(pixels, objects, outcome.truth.categories) for side, objects in both.items()}
        shown.append({**entry, **{side: jpeg_uri(image, widest=_WIDEST) for side, image in drawn.items()}})
    return shown


def _mean_row(record: dict[str, Any]) -> dict[str, Any]:
    """A row like those of the classes: metrics are means over classes, the last two are over all objects."""
    whole = {key: record[key] for key in ("boxes", "masks")}
    return {
        "name": "all",
        "objects": record["data"]["objects"],
        "few": False,
        **whole,
        **record["at_confidence"],
    }


def _confusion_rows(confusion: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of cells with count, share of the row and style: right ones blue, the others orange."""
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
