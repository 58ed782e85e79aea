"""Reading what a comparison is of: folders of `seasift evaluate` and of `seasift train`."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seasift.core.errors import BadInput
from seasift.evaluation.coco_figures import KINDS, LINE
from seasift.evaluation.record import SCHEMA

RECORD, PREDICTIONS = "report.json", "predictions.json"
EVALUATION = "evaluation"
_TRAINING = "run.json"
_AGAIN = "Evaluate the model again: seasift evaluate MODEL DATA -o FOLDER"


@dataclass(frozen=True)
class Run:
    """One model as it was judged, and how it was trained if that is known.

    Attributes:
        label: A, B, C ... in tables.
        name: of the folder.
        folder: as given.
        evaluation: the folder of report.json.
        record: its content.
        training: of run.json, recipe.yaml and metrics.csv: "record", "recipe", "curves" (column to a list of
            [pictures, value]); None for a folder of `seasift evaluate`.
        more_speeds: "speed" of further evaluations, in folders evaluation-* of a training run.
    """

    label: str
    name: str
    folder: Path
    evaluation: Path
    record: dict[str, Any]
    training: dict[str, Any] | None
    more_speeds: tuple[dict[str, Any], ...] = ()

    @property
    def part(self) -> tuple[Any, ...]:
        """What it was judged on; equal for runs that can be held against each other picture by picture."""
        data, settings = self.record["data"], self.record["settings"]
        keys = ("name", "fingerprint", "labels", "masks", "split", "part", "pictures", "of_pictures")
        return (*(data.get(key) for key in keys), settings.get("limit"))

    def entries(self) -> list[dict[str, Any]]:
        """Its predictions as COCO results.

        Raises:
            BadInput: no such file, or not a list of results.
        """
        path = self.evaluation / PREDICTIONS
        entries = _read_json(path)
        wanted = {"image_id", "category_id", "score", "bbox"}
        if not isinstance(entries, list) or not all(
            isinstance(e, dict) and wanted <= set(e) for e in entries
        ):
            raise BadInput(f"{path}: not a list of COCO results; expected predictions of seasift. {_AGAIN}")
        return entries


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read several runs.

    Raises:
        BadInput: see `read_run`; or one is given twice.
    """
    places = [folder.resolve() for folder in folders]
    for folder, place in zip(folders, places, strict=True):
        if places.count(place) > 1:
            raise BadInput(f"{folder}: given twice; expected each run once. Leave one out")
    return [read_run(folder, _label(place)) for place, folder in enumerate(folders)]


def read_run(folder: Path, label: str = "A") -> Run:
    """Read one run.

    Args:
        folder: of `seasift evaluate -o`, or of a training run that has such a folder in it, named "evaluation".
        label: for tables.
    Raises:
        BadInput: no such folder, not evaluated, or a damaged file.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "no such folder"
        raise BadInput(
            f"{folder}: {what}; expected a folder of `seasift evaluate -o` or of `seasift train`. Check the path"
        )
    trained = (folder / _TRAINING).is_file()
    evaluation = folder if (folder / RECORD).is_file() else folder / EVALUATION
    if not (evaluation / RECORD).is_file():
        raise BadInput(
            f"{folder}: no {RECORD} in it or in its folder {EVALUATION}; expected a run that was judged. Run: "
            f"seasift evaluate {folder / 'best.ckpt' if trained else 'MODEL'} DATA -o "
            f"{folder / EVALUATION if trained else folder}"
        )
    own = folder.resolve()
    name = own.parent.name if own.name == EVALUATION else own.name
    others = sorted(path.parent for path in folder.glob(f"{EVALUATION}-*/{RECORD}"))
    speeds = [speed for path in others if (speed := read_record(path / RECORD).get("speed"))]
    training = _training(folder) if trained else None
    return Run(label, name, folder, evaluation, read_record(evaluation / RECORD), training, tuple(speeds))


def read_record(path: Path) -> dict[str, Any]:
    """The record of an evaluation.

    Raises:
        BadInput: not JSON, of another schema, or without what a comparison needs.
    """
    record = _read_json(path)
    schema = record.get("schema") if isinstance(record, dict) else None
    if schema != SCHEMA:
        raise BadInput(f"{path}: of schema {schema!r}; expected {SCHEMA!r}. {_AGAIN}")
    missing = _missing(record)
    if missing:
        raise BadInput(f"{path}: {missing} is missing or damaged; expected a record of seasift. {_AGAIN}")
    return dict(record)


def _missing(record: dict[str, Any]) -> str | None:
    for key in ("model", "data", "settings", "machine"):
        if not isinstance(record.get(key), dict):
            return key
    for key, inner in (("model", "name"), ("data", "name"), ("data", "fingerprint"), ("data", "pictures")):
        if inner not in record[key]:
            return f"{key}.{inner}"
    rows = record.get("per_class")
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and {"name", "objects"} <= set(row) for row in rows
    ):
        return "per_class"
    for place, part in enumerate([record, *rows]):
        for kind in KINDS:
            line = part.get(kind)
            if not isinstance(line, dict) or not all(
                key in line and isinstance(line[key], int | float | None) for key in LINE
            ):
                return kind if place == 0 else f"per_class[{place - 1}].{kind}"
    return None


def _training(folder: Path) -> dict[str, Any]:
    import yaml

    record = _read_json(folder / _TRAINING)
    if not isinstance(record, dict):
        raise BadInput(
            f"{folder / _TRAINING}: not a record of `seasift train`. Restore it or give the evaluation alone"
        )
    recipe: Any = {}
    path = folder / "recipe.yaml"
    if path.is_file():
        try:
            recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            problem = " ".join(str(error).split())
            raise BadInput(
                f"{path}: not YAML ({problem}); expected a recipe. Restore it or take it away"
            ) from None
    return {
        "record": record,
        "recipe": recipe if isinstance(recipe, dict) else {},
        "curves": _curves(folder / "metrics.csv"),
    }


def _curves(path: Path) -> dict[str, list[list[float]]]:
    """Column to [pictures seen, value] of each row that has one; no curves without the file."""
    curves: dict[str, list[list[float]]] = {}
    if not path.is_file():
        return curves
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                for column, text in row.items():
                    if column and text and column.startswith(("loss/", "val/")):
                        curves.setdefault(column, []).append([float(row["pictures"]), float(text)])
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise BadInput(
            f"{path}: cannot be read as a training curve ({type(error).__name__}: {error}); expected the CSV of "
            "`seasift train`. Restore it or take it away"
        ) from None
    return curves


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; expected one by seasift. {_AGAIN}") from None
    except (OSError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise BadInput(f"{path}: not whole JSON ({problem}); expected a file of seasift. {_AGAIN}") from None


def _label(place: int) -> str:
    """A ... Z, then A1, B1 ..."""
    letter, lap = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place % 26], place // 26
    return f"{letter}{lap or ''}"
