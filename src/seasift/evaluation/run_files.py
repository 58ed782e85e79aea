"""The files of a judged run, each value that a comparison uses checked for its type."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seasift.core.errors import InputError
from seasift.data.segmentation import defect_of_segmentation, is_integer, is_number
from seasift.evaluation.document import SCHEMA, Evaluation, first_defect

_AGAIN = "Evaluate the model again: seasift evaluate MODEL DATA -o FOLDER"


def read_record(path: Path) -> Evaluation:
    """The record of an evaluation.

    Raises:
        InputError: not JSON, of another schema, or a value is missing or damaged.
    """
    values = read_json(path)
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{path}: of schema {schema!r}; expected {SCHEMA!r}. {_AGAIN}")
    try:
        return Evaluation.from_json(values)
    except ValidationError as error:
        raise InputError(
            f"{path}: {first_defect(error)} is missing or damaged; expected a record of seasift. {_AGAIN}"
        ) from None


def read_entries(path: Path) -> list[dict[str, Any]]:
    """Predictions as COCO results.

    Raises:
        InputError: no such file, or an entry that is not one of seasift's.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise InputError(f"{path}: not a list; expected COCO results of seasift. {_AGAIN}")
    for index, entry in enumerate(entries):
        if not _is_result(entry):
            raise InputError(
                f"{path}: entry {index} is not a COCO result; expected those of seasift. {_AGAIN}"
            )
    return entries


def _is_result(entry: Any) -> bool:
    if not isinstance(entry, dict) or not all(
        is_integer(entry.get(key)) for key in ("image_id", "category_id")
    ):
        return False
    box = entry.get("bbox")
    if not is_number(entry.get("score")) or not isinstance(box, list) or len(box) != 4:
        return False
    if "segmentation" in entry:
        mask = entry["segmentation"]
        if not isinstance(mask, dict) or defect_of_segmentation(mask, None):
            return False
    return all(map(is_number, box))


def read_training(folder: Path) -> dict[str, Any]:
    """How a run was trained.

    Returns:
        "record": of run.json; "recipe": of recipe.yaml, empty without; "curves": column of metrics.csv to a list
        of [pictures seen, value], empty without.
    Raises:
        InputError: one of the files is damaged.
    """
    import yaml

    record = read_json(folder / "run.json", "Restore it, or give the folder of the evaluation alone")
    if not isinstance(record, dict) or not all(
        record.get(key) is None or is_number(record[key]) for key in ("train_seconds", "pictures_seen")
    ):
        raise InputError(
            f"{folder / 'run.json'}: damaged; expected the record of `seasift train`. Restore it"
        )
    path = folder / "recipe.yaml"
    try:
        recipe = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise InputError(
            f"{path}: not YAML ({problem}); expected a recipe. Restore it or take it away"
        ) from None
    curves = _read_curves(folder / "metrics.csv")
    return {"record": record, "recipe": recipe if isinstance(recipe, dict) else {}, "curves": curves}


def _read_curves(path: Path) -> dict[str, list[list[float]]]:
    curves: dict[str, list[list[float]]] = {}
    if not path.is_file():
        return curves
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                for column, text in row.items():
                    if column and text and column.startswith(("loss/", "val/")):
                        point = [float(row["pictures"]), float(text)]
                        if all(map(math.isfinite, point)):
                            curves.setdefault(column, []).append(point)
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(
            f"{path}: not a training curve ({type(error).__name__}: {error}); expected the CSV of `seasift train`. "
            "Restore it or take it away"
        ) from None
    return curves


def read_json(path: Path, remedy: str = _AGAIN) -> Any:
    """A JSON file without NaN and infinity.

    Raises:
        InputError: no such file, or not whole JSON.
    """
    try:
        return json.loads(path.read_bytes(), parse_constant=_refuse)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected one by seasift. {remedy}") from None
    except (OSError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise InputError(
            f"{path}: not whole JSON ({problem}); expected a file by seasift. {remedy}"
        ) from None


def _refuse(name: str) -> Any:
    raise ValueError(f"holds {name}")
