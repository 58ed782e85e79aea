"""The files of a judged run, each value that a comparison uses checked for its type."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seasift.core.errors import InputError
from seasift.data.segmentation import defect_of_segmentation, is_integer, is_number
from seasift.evaluation.coco_metrics import KINDS, LINE, RECALLS
from seasift.evaluation.record import CHOSEN, SCHEMA
from seasift.evaluation.triage import FIGURES

_AGAIN = "Evaluate the model again: seasift evaluate MODEL DATA -o FOLDER"


def read_record(path: Path) -> dict[str, Any]:
    """The record of an evaluation.

    Raises:
        InputError: not JSON, of another schema, or without what a comparison needs.
    """
    record = read_json(path)
    schema = record.get("schema") if isinstance(record, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{path}: of schema {schema!r}; expected {SCHEMA!r}. {_AGAIN}")
    defect = _defect(record)
    if defect:
        raise InputError(f"{path}: {defect} is missing or damaged; expected a record of seasift. {_AGAIN}")
    return dict(record)


def _defect(record: dict[str, Any]) -> str | None:
    """The first place that is not as `record.make_record` has it."""
    for key in ("model", "data", "settings"):
        if not isinstance(record.get(key), dict):
            return key
    for key, inner in (("model", "name"), ("data", "name"), ("data", "fingerprint")):
        if not isinstance(record[key].get(inner), str):
            return f"{key}.{inner}"
    if not is_integer(record["data"].get("pictures")):
        return "data.pictures"
    for key in CHOSEN:
        if not isinstance(record["data"].get(key), str | None):
            return f"data.{key}"
    for key, inner in (("data", "of_pictures"), ("settings", "limit"), ("settings", "threshold")):
        value = record[key].get(inner)
        if value is not None and not is_number(value):
            return f"{key}.{inner}"
    rows = record.get("per_class")
    if not isinstance(rows, list):
        return "per_class"
    for index, row in enumerate(rows):
        if (
            not isinstance(row, dict)
            or not isinstance(row.get("name"), str)
            or not is_integer(row.get("objects"))
        ):
            return f"per_class[{index}]"
    for index, part in enumerate([record, *rows]):
        for kind in KINDS:
            if not _numbers(part.get(kind), LINE):
                return f"per_class[{index - 1}].{kind}" if index else kind
    return _defect_of_extras(record)


def _defect_of_extras(record: dict[str, Any]) -> str | None:
    """Of what older records do not have."""
    facts, speed, curves = record["model"].get("facts"), record.get("speed"), record.get("curves")
    if facts is not None and not (isinstance(facts, dict) and _numbers(facts, _numeric(facts))):
        return "model.facts"
    if speed is not None and not _numbers(speed, ("pictures_per_second", "threads", "pictures")):
        return "speed"
    if curves is not None and not (isinstance(curves, dict) and all(map(_are_curves, curves.values()))):
        return "curves"
    if not _are_levels(record.get("levels", {})):
        return "levels"
    if not _are_triage(record.get("triage", {})):
        return "triage"
    notes = record.get("notes", [])
    return None if isinstance(notes, list) and all(isinstance(note, str) for note in notes) else "notes"


def _are_levels(levels: Any) -> bool:
    """Whether each level has rows with all metrics, and intervals that are limits or None."""
    if not isinstance(levels, dict):
        return False
    for evaluated in levels.values():
        rows = evaluated.get("per_class") if isinstance(evaluated, dict) else None
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            return False
        if not all(isinstance(row.get("name"), str) and is_integer(row.get("objects")) for row in rows):
            return False
        if not all(_numbers(part.get(kind), LINE) for part in (evaluated, *rows) for kind in KINDS):
            return False
        if not _are_limits(evaluated.get("intervals")):
            return False
    return True


def _are_triage(triage: Any) -> bool:
    return isinstance(triage, dict) and all(
        _numbers(row, FIGURES)
        and is_integer(row.get("with"))
        and is_integer(row.get("frames"))
        and _are_limits(row.get("intervals"))
        for row in triage.values()
    )


def _are_limits(limits: Any) -> bool:
    """None, [low, high], or names to such."""
    if isinstance(limits, dict):
        return all(map(_are_limits, limits.values()))
    return limits is None or (isinstance(limits, list) and len(limits) == 2 and all(map(is_number, limits)))


def _are_curves(lines: Any) -> bool:
    return isinstance(lines, dict) and all(
        isinstance(line, list) and len(line) == len(RECALLS) and all(map(is_number, line))
        for line in lines.values()
    )


def _numeric(facts: Mapping[str, Any]) -> list[str]:
    return [key for key in ("parameters", "trainable", "bytes", "gflops", "priors") if key in facts]


def _numbers(values: Any, keys: Any) -> bool:
    """Whether all keys are there, with a number or None."""
    return isinstance(values, dict) and all(
        key in values and (values[key] is None or is_number(values[key])) for key in keys
    )


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
