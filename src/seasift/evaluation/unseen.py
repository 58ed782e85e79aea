"""Metrics by what was new to the model: images of a video, of a dive, or of a new dive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seasift.data.coco import CocoDataset
from seasift.data.unseen import NEW_DIVE, RELATIONS
from seasift.evaluation.coco_metrics import KINDS, Results, metrics_of
from seasift.evaluation.confusion import matches_of
from seasift.evaluation.intervals import draw
from seasift.evaluation.levels import evaluate_levels


@dataclass(frozen=True)
class Training:
    """What is known of a model's training on the data set that it is evaluated on.

    Attributes:
        splits: names such as "dive-free/train".
        relation: file name to one of `data.unseen.RELATIONS`.
    """

    splits: Sequence[str]
    relation: Mapping[str, str] = field(default_factory=dict)


def unseen_record(
    training: Training | None,
    truth: CocoDataset,
    results: Results,
    *,
    pattern: str | None,
    dives: Mapping[str, str],
    resamples: int,
    seed: int,
) -> dict[str, Any] | None:
    """What the record keeps.

    Returns:
        None without `training`; else "trained_on" and "kinds": a row for each relation that images have: "name", "images",
        "objects" and, if there is more than one row, "boxes" and "masks" (the 12 COCO metrics), "levels" (see
        `levels.evaluate_levels`) and "intervals" of AP, AP50 and AP75 by kind (None without resamples).
    """
    if training is None:
        return None
    counts = Counter(training.relation[image.file_name] for image in truth.images)
    rows = []
    for name in RELATIONS:
        if not counts[name]:
            continue
        images = [i.file_name for i in truth.images if training.relation[i.file_name] == name]
        part = truth.subset(images)
        objects = sum(not annotation.iscrowd for annotation in part.annotations)
        row: dict[str, Any] = {"name": name, "images": counts[name], "objects": objects}
        if len(counts) > 1:
            row |= _evaluate(part, results, pattern, dives, resamples, seed)
        rows.append(row)
    return {"trained_on": list(training.splits), "kinds": rows}


def _evaluate(
    part: CocoDataset,
    results: Results,
    pattern: str | None,
    dives: Mapping[str, str],
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    ids = {image.id for image in part.images}
    own = replace(results, entries=[entry for entry in results.entries if entry["image_id"] in ids])
    figures, limits, draws = metrics_of(part, own), None, None
    if resamples:
        drawn = draw(part, pattern, resamples, seed, dives)
        draws = drawn if drawn.groups > 1 else None  # one dive alone says nothing of others
    if draws is not None:
        found = {kind: matches_of(part, own.entries, kind) for kind in figures.curves}
        evaluated = draws.evaluate({kind: each for kind, each in found.items() if each is not None})
        limits = {kind: evaluated.intervals().get(kind) for kind in KINDS}
    return {
        "boxes": figures.boxes,
        "masks": figures.masks,
        "levels": evaluate_levels(part, own, draws),
        "intervals": limits,
    }


def unseen_note(record: Mapping[str, Any] | None) -> list[str]:
    """A warning where images or their neighbours were in the training."""
    if record is None:
        return []
    counts = {row["name"]: row["images"] for row in record["kinds"]}
    near = sum(count for name, count in counts.items() if name in RELATIONS[: RELATIONS.index(NEW_DIVE)])
    if not near:
        return []
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    trained = ", ".join(record["trained_on"])
    return [
        f"{near:,} of {sum(counts.values()):,} images are near to the model's training on {trained} ({told}). Expect less on "
        "new footage."
    ]
