"""Intervals of runs that were judged on the same part, all from the same draws of dives or videos."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from seasift.core.errors import BadInput
from seasift.data.coco import CocoDataset
from seasift.data.prepared import DataPart, resolve_part
from seasift.evaluation.coco_figures import KINDS
from seasift.evaluation.intervals import Draws, Judged, draw
from seasift.evaluation.matches import matches_of
from seasift.evaluation.runs import Run
from seasift.evaluation.stream import limited

_AGAIN = "Evaluate it again, or leave out --data"
_CHOICE = ("labels", "masks", "split", "part")


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
    dives = {} if group else part.dives
    draws = draw(truth, group or part.chosen.get("group"), resamples, seed, dives)
    return {run.label: _judge(run, truth, draws) for run in runs}


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


def _judge(run: Run, truth: CocoDataset, draws: Draws) -> Judged:
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
    found = {kind: matches_of(truth, entries, kind) for kind in KINDS if run.record[kind]["AP"] is not None}
    judged = draws.judge({kind: matches for kind, matches in found.items() if matches is not None})
    for kind, each in judged.kinds.items():
        again, noted = float(each.overall["AP"][0]), run.record[kind]["AP"]
        if not abs(again - noted) < 1e-6:
            raise BadInput(
                f"{run.evaluation}: predictions.json gives {kind} AP {again:.4f}; report.json says {noted:.4f}. {_AGAIN}"
            )
    return judged


def _part_name(run: Run) -> str:
    data = run.record["data"]
    return f"{data['name']} ({data['pictures']} of {data.get('of_pictures')} pictures)"
