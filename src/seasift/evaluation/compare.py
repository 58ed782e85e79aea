"""Compare evaluated models.

Runs on the same split get intervals from the same draws of dives or videos. Notes warn of what a reader could
misunderstand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

from seasift import __version__
from seasift.core.errors import InputError
from seasift.data.coco import CocoDataset
from seasift.data.partial_labels import fully_labelled
from seasift.data.prepared import DataSplit, resolve_split
from seasift.evaluation.class_map import mapped_truth
from seasift.evaluation.coco_metrics import KINDS
from seasift.evaluation.comparison import (
    SCHEMA,
    Bootstrap,
    Changes,
    ComparedClass,
    ComparedRun,
    Comparison,
    Pair,
    Published,
    Trained,
)
from seasift.evaluation.confusion import matches_of
from seasift.evaluation.document import EvaluationSettings, KindIntervals
from seasift.evaluation.intervals import (
    FEW_CLASS_GROUPS,
    FEW_GROUPS,
    LEVEL,
    RESAMPLES,
    SEED,
    Draws,
    RunIntervals,
    difference,
    draw,
)
from seasift.evaluation.levels import at_level, levels_of
from seasift.evaluation.runs import Run
from seasift.evaluation.stream import limited

_STORED = (
    "parameters and memory are those stored in a model file of an older seasift, which does not say more: batch "
    "norm with its statistics unless it is folded in, constants such as priors count. Export it again for the rest."
)


def notes(
    runs: Sequence[Run],
    splits: Mapping[tuple[Any, ...], Sequence[Run]],
    evaluated: Mapping[str, RunIntervals],
    *,
    with_data: bool,
) -> list[str]:
    """Notes on everything that a reader could misunderstand.

    Args:
        runs: all.
        splits: those evaluated on the same split.
        evaluated: label to the resampled run, where there are intervals.
        with_data: whether intervals were requested.
    """
    found = []
    if not with_data:
        found.append(
            "No intervals: they need the truth. Give --data DATA, the data set that the runs were evaluated on."
        )
    if len(splits) > 1:
        listed = "; ".join(
            f"{', '.join(run.label for run in same)} on {same[0].record.data.name} "
            f"({same[0].record.data.images:,} images)"
            for same in splits.values()
        )
        found.append(f"Evaluated on different splits, so not comparable with each other: {listed}.")
    for same in splits.values():
        one = evaluated.get(same[0].label)
        found += _few_groups(", ".join(run.label for run in same), one) if one else []
    limits = {run.label: _listed(run.record.settings) for run in runs}
    if len(set(limits.values())) > 1:
        listed = "; ".join(f"{label} {text}" for label, text in limits.items())
        found.append(f"The runs list different objects, which alone changes AP: {listed}.")
    found += [
        f"{run.label}: only {run.record.data.images:,} of {run.record.data.of_images:,} images were evaluated. "
        "Do not report this result."
        for run in runs
        if run.record.data.images < (run.record.data.of_images or 0)
    ]
    stored = [
        run.label
        for run in runs
        if run.record.model.facts is not None and run.record.model.facts.counted == "stored"
    ]
    if stored:
        found.append(f"{', '.join(stored)}: {_STORED}")
    return found


def _listed(settings: EvaluationSettings) -> str:
    return f"scores from {settings.threshold}, at most {settings.max_objects} an image"


def _few_groups(labels: str, evaluated: RunIntervals) -> list[str]:
    found = []
    if evaluated.unit == "image":
        found.append(
            f"No videos are known ({labels}): single images were drawn. If they are frames of videos, the intervals "
            "are too narrow; give --group, which finds the video in a file name."
        )
    if evaluated.groups < FEW_GROUPS:
        found.append(
            f"Only {evaluated.groups} {evaluated.unit}s ({labels}): with fewer than {FEW_GROUPS} the intervals are too narrow."
        )
    few = [name for name, count in evaluated.class_groups.items() if 0 < count < FEW_CLASS_GROUPS]
    if few:
        found.append(
            f"{len(few)} classes have objects in fewer than {FEW_CLASS_GROUPS} {evaluated.unit}s ({labels}): their own intervals "
            f"say little, and the mean AP of a draw without such a class is over the others: {', '.join(few)}."
        )
    return found


_AGAIN = "Evaluate it again, or leave out --data"
_CHOICE = ("labels", "masks", "scheme", "split")


def evaluate_runs(
    runs: Sequence[Run], data: Path, resamples: int, seed: int, group: str | None = None
) -> dict[str, RunIntervals]:
    """Resample runs together.

    Args:
        runs: all evaluated on the same split.
        data: the truth.
        group: regular expression that finds an image's video in its name; None: the data set's own.
    Returns:
        Label of the run to its intervals.
    Raises:
        InputError: different splits, other data, or predictions that do not give the run's metrics.
    """
    first = runs[0]
    for run in runs:
        if run.split != first.split:
            raise InputError(
                f"{first.folder} and {run.folder}: evaluated on {_split_name(first)} and {_split_name(run)}; expected the "
                "same images, to draw the same videos for both. Evaluate one of them again"
            )
    split = _truth_split(first, data)
    truth = limited(fully_labelled(split.coco), _limit(first))
    if len(truth.images) != first.record.data.images:
        raise InputError(
            f"{data}: {len(truth.images)} images in {split.name}; {first.folder} was evaluated on "
            f"{first.record.data.images}. {_AGAIN}"
        )
    dives = {} if group else split.dives
    draws = draw(truth, group or split.chosen.get("group"), resamples, seed, dives)
    return {run.label: _evaluate(run, truth, draws) for run in runs}


def _at_levels(
    truth: CocoDataset, entries: Sequence[dict[str, Any]], kinds: Iterable[str], draws: Draws
) -> dict[str, RunIntervals]:
    """Supercategories and any object under the same draws, by name of the level."""
    levels = {}
    for level in levels_of(truth.categories):
        above, own = at_level(truth, entries, level)
        found = {kind: matches_of(above, own, kind) for kind in kinds}
        levels[level.name] = draws.of_classes(above).evaluate(
            {kind: matches for kind, matches in found.items() if matches is not None}
        )
    return levels


def _truth_split(run: Run, data: Path) -> DataSplit:
    noted = run.record.data
    chosen = {key: getattr(noted, key) for key in _CHOICE}
    if data.is_dir() and None in chosen.values():
        raise InputError(
            f"{run.folder}: its record does not name labels, masks, scheme and split (older seasift, or evaluated on a "
            f"COCO file); expected a run on a prepared data set. {_AGAIN}"
        )
    split = resolve_split(data, **chosen) if data.is_dir() else resolve_split(data)
    fingerprint = split.fingerprint or hashlib.sha256(data.read_bytes()).hexdigest()
    if fingerprint != noted.fingerprint:
        raise InputError(
            f"{data}: fingerprint {fingerprint}; {run.folder} was evaluated on {noted.name} with {noted.fingerprint}. "
            f"Give the same data. {_AGAIN}"
        )
    return replace(split, coco=mapped_truth(split.coco, noted.targets)) if noted.targets else split


def _evaluate(run: Run, truth: CocoDataset, draws: Draws) -> RunIntervals:
    entries = run.entries()
    known = {image.id: list(image.size_hw) for image in truth.images}
    classes = {category.id for category in truth.categories}
    if any(entry["image_id"] not in known or entry["category_id"] not in classes for entry in entries):
        raise InputError(
            f"{run.evaluation}: predictions for images or classes that are not of its split. {_AGAIN}"
        )
    masks = [(entry["image_id"], entry["segmentation"]) for entry in entries if "segmentation" in entry]
    if any(list(mask["size"]) != known[image_id] for image_id, mask in masks):
        raise InputError(f"{run.evaluation}: a predicted mask is of another size than its image. {_AGAIN}")
    found = {
        kind: matches_of(truth, entries, kind) for kind in KINDS if run.record.line(kind)["AP"] is not None
    }
    evaluated = draws.evaluate({kind: matches for kind, matches in found.items() if matches is not None})
    for kind, each in evaluated.kinds.items():
        again, noted = float(each.overall["AP"][0]), float(run.record.line(kind)["AP"] or 0)
        if not abs(again - noted) < 1e-6:
            raise InputError(
                f"{run.evaluation}: predictions.json gives {kind} AP {again:.4f}; report.json says {noted:.4f}. {_AGAIN}"
            )
    return replace(evaluated, levels=_at_levels(truth, entries, evaluated.kinds, draws))


def _split_name(run: Run) -> str:
    data = run.record.data
    return f"{data.name} ({data.images} of {data.of_images} images)"


def _limit(run: Run) -> int | None:
    limit = run.record.settings.limit
    return None if limit is None else int(limit)


FACTS = ("parameters", "trainable", "bytes", "gflops", "priors")


@dataclass(frozen=True)
class CompareSettings:
    """Settings of the intervals.

    Attributes:
        data: prepared data set or COCO file with the truth; None: no intervals.
        resamples: draws of dives, else videos.
        seed: of the draws.
        group: regular expression that finds an image's video in its name; None: the data set's own dives or videos.
    """

    data: Path | None = None
    resamples: int = RESAMPLES
    seed: int = SEED
    group: str | None = None


def compare(runs: Sequence[Run], settings: CompareSettings) -> Comparison:
    """Compare runs.

    Runs on the same split are resampled together and compared in pairs; the tables list the others with their split.

    Raises:
        InputError: the data is not what a run was evaluated on, or a run's files do not belong together.
    """
    splits: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        splits.setdefault(run.split, []).append(run)
    evaluated: dict[str, RunIntervals] = {}
    if settings.data:
        for same in splits.values():
            evaluated |= evaluate_runs(same, settings.data, settings.resamples, settings.seed, settings.group)
    return Comparison(
        schema_version=SCHEMA,
        seasift=__version__,
        bootstrap=_bootstrap(settings, evaluated) if settings.data else None,
        runs=[_run(run, evaluated.get(run.label)) for run in runs],
        pairs=[_pair(first, second, evaluated) for first, second in combinations(runs, 2)],
        published=published(),
        notes=notes(runs, splits, evaluated, with_data=settings.data is not None),
    )


def published() -> list[Published]:
    """Results that others published."""
    import yaml

    text = (files("seasift.evaluation") / "published.yaml").read_text(encoding="utf-8")
    return [Published.from_json(each) for each in yaml.safe_load(text)]


def _bootstrap(settings: CompareSettings, evaluated: Mapping[str, RunIntervals]) -> Bootstrap:
    unit = next((each.unit for each in evaluated.values()), "video")
    return Bootstrap(resamples=settings.resamples, seed=settings.seed, level=LEVEL, unit=unit)


def _run(run: Run, evaluated: RunIntervals | None) -> ComparedRun:
    record = run.record
    model = record.model.to_json()
    facts = model.pop("facts", None) or {}
    return ComparedRun(
        label=run.label,
        name=run.name,
        model=model,
        data=record.data,
        settings=record.settings,
        seasift=record.seasift,
        facts={key: facts.get(key) for key in FACTS},
        speeds=[speed for speed in (record.speed, *run.more_speeds) if speed],
        training=_training(run.training) if run.training else None,
        boxes=record.boxes,
        masks=record.masks,
        per_class=[
            ComparedClass(
                name=row.name,
                objects=row.objects,
                boxes=row.boxes,
                masks=row.masks,
                groups=evaluated.class_groups.get(row.name) if evaluated else None,
            )
            for row in record.per_class
        ],
        groups=evaluated.groups if evaluated else None,
        intervals=KindIntervals.from_json(evaluated.intervals()) if evaluated else None,
        curves=record.curves,
        levels=record.levels,
        triage=record.triage,
        notes=record.notes,
    )


def _training(training: dict[str, Any]) -> Trained:
    record, recipe = training["record"], training["recipe"]
    data = record.get("train")

    def of(section: str, key: str) -> Any:
        inner = recipe.get(section)
        return inner.get(key) if isinstance(inner, dict) else None

    return Trained(
        recipe=recipe.get("name"),
        seconds=record.get("train_seconds"),
        images_seen=record.get("pictures_seen"),
        weights=of("model", "weights"),
        arch=of("model", "arch"),
        backbone=of("model", "backbone"),
        size=of("model", "size"),
        batch_size=of("training", "batch_size"),
        precision=of("training", "precision"),
        optimizer=of("optimizer", "name"),
        seed=record.get("seed"),
        machine=record.get("machine"),
        data=data.get("name") if isinstance(data, dict) else None,
        curves=training["curves"],
    )


def _pair(first: Run, second: Run, evaluated: dict[str, RunIntervals]) -> Pair:
    same = first.split == second.split
    made = same and first.label in evaluated
    one, other = (evaluated[run.label] for run in (first, second)) if made else (None, None)
    return Pair(
        first=first.label,
        second=second.label,
        same_split=same,
        difference=Changes.from_json(difference(one, other)) if one and other else None,
        levels={
            name: Changes.from_json(difference(level, other.levels[name]))
            for name, level in (one.levels if one and other else {}).items()
            if other and name in other.levels
        },
    )
