"""Intervals of runs that were judged on the same part, all from the same draws of videos."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seasift.core.errors import BadInput
from seasift.core.types import Int64
from seasift.data.coco import CocoDataset
from seasift.data.prepared import DataPart, resolve_part
from seasift.evaluation.bootstrap import Resampled, draw_weights, group_names, interval, resampled
from seasift.evaluation.coco_figures import KINDS
from seasift.evaluation.matches import matches_of, picture_names
from seasift.evaluation.runs import Run
from seasift.evaluation.stream import limited

_AGAIN = "Evaluate it again, or leave out --data"
_CHOICE = ("labels", "masks", "split", "part")


@dataclass(frozen=True)
class Judged:
    """One run under all resamples.

    Attributes:
        groups: videos in the part.
        class_groups: class name to how many of them have objects of it.
        kinds: "boxes" and, if judged, "masks". The first resample is the part itself.
        pattern: that found the videos; None: each picture was drawn alone.
    """

    groups: int
    class_groups: dict[str, int]
    kinds: dict[str, Resampled]
    pattern: str | None

    def intervals(self) -> dict[str, Any]:
        """Kind to figure to [low, high], and "per_class" name to kind to that of its AP."""
        return _summary(self, self.kinds, lambda values: interval(values[1:]))


def judge_runs(
    runs: Sequence[Run], data: Path, resamples: int, seed: int, group: str | None = None
) -> dict[str, Judged]:
    """Resample runs together.

    Args:
        runs: all judged on the same part.
        data: the truth.
        group: regular expression that finds a picture's video in its name (None: the data set's own).
    Returns:
        Label of the run to what came out.
    Raises:
        BadInput: different parts, other data, or predictions that do not give the run's figures.
    """
    first = runs[0]
    for run in runs:
        if run.part != first.part:
            raise BadInput(
                f"{first.folder} and {run.folder}: judged on {_part_name(first)} and {_part_name(run)}; expected the "
                "same pictures, to draw the same videos for both. Evaluate one of them again"
            )
    part = _truth_part(first, data)
    truth = limited(part.coco, first.record["settings"].get("limit"))
    if len(truth.images) != first.record["data"]["pictures"]:
        raise BadInput(
            f"{data}: {len(truth.images)} pictures in {part.name}; {first.folder} was judged on "
            f"{first.record['data']['pictures']}. {_AGAIN}"
        )
    pattern = group or part.chosen.get("group")
    groups = group_names(picture_names(truth), pattern)
    weights = draw_weights(groups, resamples, seed)
    weights = np.concatenate([np.ones((1, len(groups)), np.int64), weights])
    class_groups = _class_groups(truth, groups)
    return {
        run.label: Judged(len(set(groups)), class_groups, _resample(run, truth, weights), pattern)
        for run in runs
    }


def difference(first: Judged, second: Judged) -> dict[str, Any]:
    """Second minus first: kind to figure to {"value", "interval", "zero_inside"}, and "per_class".

    Both must come from one call of `judge_runs`. An entry is None where either has no figure.
    """
    kinds = {
        kind: Resampled(
            {name: second.kinds[kind].overall[name] - values for name, values in mine.overall.items()},
            second.kinds[kind].per_class - mine.per_class,
        )
        for kind, mine in first.kinds.items()
        if kind in second.kinds
    }
    return _summary(first, kinds, _difference)


def _difference(values: Any) -> dict[str, Any] | None:
    limits = interval(values[1:])
    if limits is None or np.isnan(values[0]):
        return None
    return {"value": float(values[0]), "interval": limits, "zero_inside": limits[0] <= 0 <= limits[1]}


def _summary(judged: Judged, kinds: dict[str, Resampled], say: Any) -> dict[str, Any]:
    return {
        **{
            kind: {name: say(values) for name, values in each.overall.items()} for kind, each in kinds.items()
        },
        "per_class": {
            name: {kind: say(each.per_class[:, place]) for kind, each in kinds.items()}
            for place, name in enumerate(judged.class_groups)
        },
    }


def _truth_part(run: Run, data: Path) -> DataPart:
    noted = run.record["data"]
    chosen = {key: noted.get(key) for key in _CHOICE}
    if data.is_dir() and None in chosen.values():
        raise BadInput(
            f"{run.folder}: its record does not name labels, masks, split and part (older seasift, or judged on a "
            f"COCO file); expected a run on a prepared data set. {_AGAIN}"
        )
    part = resolve_part(data, **chosen) if data.is_dir() else resolve_part(data)
    fingerprint = part.fingerprint or hashlib.sha256(data.read_bytes()).hexdigest()
    if fingerprint != noted["fingerprint"]:
        raise BadInput(
            f"{data}: fingerprint {fingerprint}; {run.folder} was judged on {noted['name']} with {noted['fingerprint']}. "
            f"Give the same data. {_AGAIN}"
        )
    return part


def _class_groups(truth: CocoDataset, groups: Sequence[str]) -> dict[str, int]:
    group_of = dict(zip(sorted(image.id for image in truth.images), groups, strict=True))
    held = {category.id: set[str]() for category in truth.categories}
    for annotation in truth.annotations:
        if not annotation.iscrowd:
            held[annotation.category_id].add(group_of[annotation.image_id])
    return {category.name: len(held[category.id]) for category in truth.categories}


def _resample(run: Run, truth: CocoDataset, weights: Int64) -> dict[str, Resampled]:
    entries = run.entries()
    known = {image.id: list(image.size_hw) for image in truth.images}
    classes = {category.id for category in truth.categories}
    if any(entry["image_id"] not in known or entry["category_id"] not in classes for entry in entries):
        raise BadInput(
            f"{run.evaluation}: predictions for pictures or classes that are not of its part. {_AGAIN}"
        )
    masks = [(entry["image_id"], entry["segmentation"]) for entry in entries if "segmentation" in entry]
    if any(list(mask["size"]) != known[image_id] for image_id, mask in masks):
        raise BadInput(f"{run.evaluation}: a predicted mask is of another size than its picture. {_AGAIN}")
    kinds = {}
    for kind in KINDS:
        matches = matches_of(truth, entries, kind)
        if matches is not None and run.record[kind]["AP"] is not None:
            kinds[kind] = resampled(matches, weights)
            again, noted = float(kinds[kind].overall["AP"][0]), run.record[kind]["AP"]
            if not abs(again - noted) < 1e-6:
                raise BadInput(
                    f"{run.evaluation}: predictions.json gives {kind} AP {again:.4f}; report.json says {noted:.4f}. {_AGAIN}"
                )
    return kinds


def _part_name(run: Run) -> str:
    data = run.record["data"]
    return f"{data['name']} ({data['pictures']} of {data.get('of_pictures')} pictures)"
