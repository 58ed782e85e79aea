"""Making the record of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seasift import __version__
from seasift.evaluation.class_map import ClassMap
from seasift.evaluation.coco_metrics import all_curves
from seasift.evaluation.confusion import IOU, Evaluated
from seasift.evaluation.document import SCHEMA, Evaluation
from seasift.evaluation.machine import describe_hardware, describe_machine
from seasift.evaluation.stream import Outcome, Settings
from seasift.evaluation.unseen import unseen_note

FEW_OBJECTS = 10
CHOSEN = {
    "labels": "labels",
    "masks": "masks",
    "split": "scheme",
    "part": "split",
    "group": "group",
}  # key to name


@dataclass(frozen=True)
class Subject:
    """What was judged on what.

    Attributes:
        model: name, sha256, engine, precision and whatever else identifies it; "facts" are its sizes.
        data: name of the split.
        fingerprint: of its data set.
        chosen: labels, masks, scheme, split and group; see `data.prepared.DataSplit`.
        threads: of the CPU, if a number was asked for.
        class_map: from the model's classes to those of the data; None if they are the same.
    """

    model: Mapping[str, Any]
    data: str
    fingerprint: str
    chosen: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    class_map: ClassMap | None = None


def make_record(outcome: Outcome, settings: Settings, subject: Subject) -> Evaluation:
    """The content of report.json; a figure without anything to judge by is None."""
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
        "boxes": outcome.figures.boxes,
        "masks": outcome.figures.masks,
        "at_confidence": {"precision": precision, "recall": recall},
        "per_class": _per_class(outcome),
        "confusion": {
            "of": "masks" if "masks" in outcome.figures.curves else "boxes",
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


def _speed(outcome: Outcome, subject: Subject) -> dict[str, Any]:
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
    for (kind, iou), values in all_curves(outcome.figures).items():
        curves.setdefault(kind, {})[f"{100 * iou:g}"] = [round(value, 5) for value in values.tolist()]
    return curves


def _per_class(outcome: Outcome) -> list[dict[str, Any]]:
    rows = []
    for index, category in enumerate(outcome.truth.categories):
        figures = outcome.figures.per_class[category.name]
        rows.append(
            {
                "name": category.name,
                "category_id": category.id,
                "objects": figures["objects"],
                "few": figures["objects"] < FEW_OBJECTS,
                "boxes": figures["boxes"],
                "masks": figures["masks"],
                "precision": outcome.confusion.precision(index),
                "recall": outcome.confusion.recall(index),
            }
        )
    return rows


def _worst(evaluated: Evaluated) -> dict[str, Any]:
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
    count, figures = len(outcome.truth.images), outcome.figures
    if count < outcome.of_images:
        notes.append(
            f"A quick look: {count:,} of {outcome.of_images:,} images, evenly spaced. Not a result to report."
        )
    if outcome.partly_labelled:
        notes.append(
            f"{outcome.partly_labelled:,} images are left out: not all their objects, classes or box edges are known."
        )
    if "masks" not in figures.curves:
        who = (
            "the model gives none" if not outcome.results.masked else "not every object of the truth has one"
        )
        notes.append(f"Masks are not judged: {who}.")
    few = [name for name, row in figures.per_class.items() if 0 < row["objects"] < FEW_OBJECTS]
    none = [name for name, row in figures.per_class.items() if not row["objects"]]
    notes += unseen_note(outcome.unseen)
    if few:
        notes.append(
            f"Fewer than {FEW_OBJECTS} objects, so that one object moves the figure by a tenth or more: {', '.join(few)}."
        )
    if none:
        notes.append(f"No objects here, so not judged and not in any mean: {', '.join(none)}.")
    return notes
