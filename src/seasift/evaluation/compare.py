"""Several judged models as one JSON document (schema "seasift-comparison/1"): tables and page are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

from seasift import __version__
from seasift.evaluation.bootstrap import FEW_CLASS_GROUPS, FEW_GROUPS, LEVEL, RESAMPLES, SEED
from seasift.evaluation.coco_figures import KINDS
from seasift.evaluation.run_intervals import Judged, difference, judge_runs
from seasift.evaluation.runs import Run

SCHEMA = "seasift-comparison/1"
STORED = "Parameters and memory of model files are those stored: batch norm is folded in, constants such as priors count."
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


def compare(runs: Sequence[Run], settings: Settings) -> dict[str, Any]:
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
    return {
        "schema": SCHEMA,
        "seasift": __version__,
        "bootstrap": _bootstrap(settings) if settings.data else None,
        "runs": [_run(run, judged.get(run.label)) for run in runs],
        "pairs": [_pair(first, second, judged) for first, second in combinations(runs, 2)],
        "published": published(),
        "notes": _notes(runs, parts, judged, settings),
    }


def published() -> list[dict[str, Any]]:
    """Figures that others printed: name, masks and boxes AP or None, split, source."""
    import yaml

    text = (files("seasift.evaluation") / "published.yaml").read_text(encoding="utf-8")
    return list(yaml.safe_load(text))


def _bootstrap(settings: Settings) -> dict[str, Any]:
    return {"resamples": settings.resamples, "seed": settings.seed, "level": LEVEL, "unit": "video"}


def _run(run: Run, judged: Judged | None) -> dict[str, Any]:
    record = run.record
    facts = record["model"].get("facts") or {}
    return {
        "label": run.label,
        "name": run.name,
        "model": {key: value for key, value in record["model"].items() if key != "facts"},
        "data": record["data"],
        "settings": record["settings"],
        "seasift": record.get("seasift"),
        "facts": {key: facts.get(key) for key in FACTS},
        "speeds": [speed for speed in (record.get("speed"), *run.more_speeds) if speed],
        "training": _training(run.training) if run.training else None,
        "boxes": record["boxes"],
        "masks": record["masks"],
        "per_class": [
            {
                **{key: row[key] for key in ("name", "objects", *KINDS)},
                "groups": judged.class_groups.get(row["name"]) if judged else None,
            }
            for row in record["per_class"]
        ],
        "groups": judged.groups if judged else None,
        "intervals": judged.intervals() if judged else None,
        "curves": record.get("curves"),
        "notes": record.get("notes", []),
    }


def _training(training: dict[str, Any]) -> dict[str, Any]:
    record, recipe = training["record"], training["recipe"]

    def of(section: str, key: str) -> Any:
        inner = recipe.get(section)
        return inner.get(key) if isinstance(inner, dict) else None

    return {
        "recipe": recipe.get("name"),
        "seconds": record.get("train_seconds"),
        "pictures_seen": record.get("pictures_seen"),
        "weights": of("model", "weights"),
        "arch": of("model", "arch"),
        "backbone": of("model", "backbone"),
        "size": of("model", "size"),
        "batch_size": of("training", "batch_size"),
        "precision": of("training", "precision"),
        "optimizer": of("optimizer", "name"),
        "seed": record.get("seed"),
        "machine": record.get("machine"),
        "data": (record.get("train") or {}).get("name"),
        "curves": training["curves"],
    }


def _pair(first: Run, second: Run, judged: dict[str, Judged]) -> dict[str, Any]:
    same = first.part == second.part
    made = same and first.label in judged
    return {
        "first": first.label,
        "second": second.label,
        "same_part": same,
        "difference": difference(judged[first.label], judged[second.label]) if made else None,
    }


def _notes(
    runs: Sequence[Run],
    parts: dict[tuple[Any, ...], list[Run]],
    judged: dict[str, Judged],
    settings: Settings,
) -> list[str]:
    notes = []
    if settings.data is None:
        notes.append(
            "No intervals: they need the truth. Give --data DATA, the data set that the runs were judged on."
        )
    if len(parts) > 1:
        listed = "; ".join(
            f"{', '.join(run.label for run in same)} on {same[0].record['data']['name']} "
            f"({same[0].record['data']['pictures']:,} pictures)"
            for same in parts.values()
        )
        notes.append(f"Judged on different parts, so not comparable with each other: {listed}.")
    for same in parts.values():
        one = judged.get(same[0].label)
        notes += _few_groups(", ".join(run.label for run in same), one) if one else []
    limits = {
        (run.record["settings"].get("threshold"), run.record["settings"].get("max_objects")) for run in runs
    }
    if len(limits) > 1:
        notes.append("The runs list objects from different scores or numbers a picture (see their settings).")
    notes += [
        f"{run.label}: {note}" for run in runs for note in run.record.get("notes", []) if "quick look" in note
    ]
    if any(run.record["model"].get("facts", {}).get("counted") == "stored" for run in runs):
        notes.append(STORED)
    return notes


def _few_groups(labels: str, judged: Judged) -> list[str]:
    notes = []
    if judged.pattern is None:
        notes.append(
            f"No videos are known ({labels}): pictures were drawn one by one. If they are frames of videos, the intervals "
            "are too narrow; say with --group how a file name tells its video."
        )
    if judged.groups < FEW_GROUPS:
        notes.append(
            f"Only {judged.groups} videos ({labels}): with fewer than {FEW_GROUPS} the intervals are too narrow."
        )
    few = [name for name, count in judged.class_groups.items() if 0 < count < FEW_CLASS_GROUPS]
    if few:
        notes.append(
            f"{len(few)} classes have objects in fewer than {FEW_CLASS_GROUPS} videos ({labels}): their own intervals "
            f"say little, and the mean AP of a draw without such a class is over the others: {', '.join(few)}."
        )
    return notes
