"""Comparing evaluated models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

from seasift import __version__
from seasift.evaluation.bootstrap import LEVEL, RESAMPLES, SEED
from seasift.evaluation.compare_notes import notes
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
from seasift.evaluation.document import KindIntervals
from seasift.evaluation.intervals import Judged, difference
from seasift.evaluation.run_intervals import judge_runs
from seasift.evaluation.runs import Run

FACTS = ("parameters", "trainable", "bytes", "gflops", "priors")


@dataclass(frozen=True)
class Settings:
    """How intervals are made.

    Attributes:
        data: prepared data set or COCO file with the truth; None: no intervals.
        resamples: draws of videos.
        seed: of the draws.
        group: regular expression that finds a picture's video in its name; None: the data set's own.
    """

    data: Path | None = None
    resamples: int = RESAMPLES
    seed: int = SEED
    group: str | None = None


def compare(runs: Sequence[Run], settings: Settings) -> Comparison:
    """Hold runs against each other.

    Runs that were judged on the same part are resampled together and compared in pairs; the others stand in the
    tables with their part named.

    Raises:
        BadInput: the data is not what a run was judged on, or a run's files do not belong together.
    """
    parts: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        parts.setdefault(run.part, []).append(run)
    judged: dict[str, Judged] = {}
    if settings.data:
        for same in parts.values():
            judged |= judge_runs(same, settings.data, settings.resamples, settings.seed, settings.group)
    return Comparison(
        schema_version=SCHEMA,
        seasift=__version__,
        bootstrap=_bootstrap(settings) if settings.data else None,
        runs=[_run(run, judged.get(run.label)) for run in runs],
        pairs=[_pair(first, second, judged) for first, second in combinations(runs, 2)],
        published=published(),
        notes=notes(runs, parts, judged, with_data=settings.data is not None),
    )


def published() -> list[Published]:
    """Figures that others printed."""
    import yaml

    text = (files("seasift.evaluation") / "published.yaml").read_text(encoding="utf-8")
    return [Published.from_json(each) for each in yaml.safe_load(text)]


def _bootstrap(settings: Settings) -> Bootstrap:
    return Bootstrap(resamples=settings.resamples, seed=settings.seed, level=LEVEL, unit="video")


def _run(run: Run, judged: Judged | None) -> ComparedRun:
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
                groups=judged.class_groups.get(row.name) if judged else None,
            )
            for row in record.per_class
        ],
        groups=judged.groups if judged else None,
        intervals=KindIntervals.from_json(judged.intervals()) if judged else None,
        curves=record.curves,
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
        pictures_seen=record.get("pictures_seen"),
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


def _pair(first: Run, second: Run, judged: dict[str, Judged]) -> Pair:
    same = first.part == second.part
    made = same and first.label in judged
    return Pair(
        first=first.label,
        second=second.label,
        same_part=same,
        difference=Changes.from_json(difference(judged[first.label], judged[second.label])) if made else None,
    )
