"""Several judged models as one JSON document (schema "seasift-comparison/1"): tables and page are made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

from seasift import __version__
from seasift.evaluation.bootstrap import LEVEL, RESAMPLES, SEED
from seasift.evaluation.coco_figures import KINDS
from seasift.evaluation.compare_notes import notes
from seasift.evaluation.intervals import Judged, difference
from seasift.evaluation.run_intervals import judge_runs
from seasift.evaluation.runs import Run

SCHEMA = "seasift-comparison/1"
FACTS = ("parameters", "trainable", "bytes", "gflops", "priors")


@dataclass(frozen=True)
class Settings:
    """How intervals are made.

    Attributes:
        data: prepared data set or COCO file with the truth; None: no intervals.
        resamples: draws of dives, else videos.
        seed: of the draws.
        group: regular expression that finds a picture's video in its name; None: the data set's own dives or videos.
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
        "bootstrap": _bootstrap(settings, judged) if settings.data else None,
        "runs": [_run(run, judged.get(run.label)) for run in runs],
        "pairs": [_pair(first, second, judged) for first, second in combinations(runs, 2)],
        "published": published(),
        "notes": notes(runs, parts, judged, with_data=settings.data is not None),
    }


def published() -> list[dict[str, Any]]:
    """Figures that others printed: name, masks and boxes AP or None, split, source."""
    import yaml

    text = (files("seasift.evaluation") / "published.yaml").read_text(encoding="utf-8")
    return list(yaml.safe_load(text))


def _bootstrap(settings: Settings, judged: Mapping[str, Judged]) -> dict[str, Any]:
    unit = next((each.unit for each in judged.values()), "video")
    return {"resamples": settings.resamples, "seed": settings.seed, "level": LEVEL, "unit": unit}


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
        "levels": record.get("levels", {}),
        "triage": record.get("triage", {}),
        "notes": record.get("notes", []),
    }


def _training(training: dict[str, Any]) -> dict[str, Any]:
    record, recipe = training["record"], training["recipe"]
    data = record.get("train")

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
        "data": data.get("name") if isinstance(data, dict) else None,
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
