"""Evaluated runs: read their files strictly, and group the files of a run."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from seasift.core.errors import InputError
from seasift.data.json_form import defect_of_segmentation, is_integer, is_number
from seasift.evaluation.document import (
    SCHEMA,
    EvaluatedModel,
    Evaluation,
    Number,
    Record,
    Speed,
    first_defect,
)
from seasift.evaluation.machine import in_words

_EVALUATE_AGAIN = "Evaluate the model again: seasift evaluate MODEL DATA -o FOLDER"


def read_record(path: Path) -> Evaluation:
    """The record of an evaluation.

    Raises:
        InputError: not JSON, of another schema, or a value is missing or damaged.
    """
    values = read_json(path)
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{path}: of schema {schema!r}; expected {SCHEMA!r}. {_EVALUATE_AGAIN}")
    try:
        return Evaluation.from_json(values)
    except ValidationError as error:
        raise InputError(
            f"{path}: {first_defect(error)} is missing or damaged; expected a record of seasift. {_EVALUATE_AGAIN}"
        ) from None


def read_entries(path: Path) -> list[dict[str, Any]]:
    """Predictions as COCO results.

    Raises:
        InputError: no such file, or an entry that is not one of seasift's.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise InputError(f"{path}: not a list; expected COCO results of seasift. {_EVALUATE_AGAIN}")
    for index, entry in enumerate(entries):
        if not _is_result(entry):
            raise InputError(
                f"{path}: entry {index} is not a COCO result; expected those of seasift. {_EVALUATE_AGAIN}"
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
        of [images seen, value], empty without.
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
            f"{path}: not YAML ({problem}); expected a recipe. Restore it or remove it"
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
            "Restore it or remove it"
        ) from None
    return curves


def read_json(path: Path, remedy: str = _EVALUATE_AGAIN) -> Any:
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


SPEED_SCHEMA = "seasift-speed/1"
_AGAIN = "Measure again: seasift bench MODEL --json FILE"
_Positive = Annotated[Number, Field(gt=0)]


class SpeedRow(Record):
    """One engine and precision: the fields that a comparison reads; `speed.api.MeasuredRow` has all."""

    engine: str
    precision: str
    latency_p50_ms: _Positive
    end_to_end_per_s: _Positive
    hardware: str | None = None


class SpeedMachine(Record):
    """The machine; older files name only processor and cores."""

    processor: str | None = None
    cores: int | None = None


class SpeedModel(Record):
    """The measured model."""

    name: str | None = None
    sha256: str | None = None


class SpeedFile(Record):
    """A file of `seasift bench --json`: the fields that a comparison reads."""

    model: SpeedModel
    machine: SpeedMachine | None = None
    threads: Number | None = None
    rows: list[SpeedRow]


def read_speeds(path: Path, model: EvaluatedModel) -> list[Speed]:
    """One entry per engine and precision.

    Args:
        path: written by `seasift bench --json`.
        model: of the run's evaluation; a model file must be the measured one. A run evaluated by its checkpoint may have any.
    Raises:
        InputError: not such a file, damaged, or of another model.
    """
    values = read_json(path, _AGAIN)
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SPEED_SCHEMA:
        raise InputError(f"{path}: of schema {schema!r}; expected {SPEED_SCHEMA!r}. {_AGAIN}")
    try:
        measured = SpeedFile.from_json(values)
    except ValidationError as error:
        raise InputError(
            f"{path}: damaged ({first_defect(error)}); expected what `seasift bench` writes. {_AGAIN}"
        ) from None
    if model.engine != "torch" and measured.model.sha256 != model.sha256:
        raise InputError(
            f"{path}: of {measured.model.name!r} with sha256 {str(measured.model.sha256)[:12]}; expected "
            f"{str(model.sha256)[:12]}, the evaluated model. {_AGAIN}, or remove the file"
        )
    machine = measured.machine
    on = None if machine is None else in_words(machine.processor, machine.cores)
    return [
        Speed(
            engine=row.engine,
            precision=row.precision,
            threads=measured.threads,
            machine=row.hardware or on,
            images_per_second=1000 / row.latency_p50_ms,
            end_to_end_per_second=row.end_to_end_per_s,
        )
        for row in measured.rows
    ]


RECORD, PREDICTIONS, TRAINING = "report.json", "predictions.json", "run.json"
BENCH = "bench*.json"
EVALUATION = "evaluation"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SPLIT = ("name", "fingerprint", "labels", "masks", "scheme", "split", "images", "of_images")


@dataclass(frozen=True)
class Run:
    """One evaluated model, and its training if known.

    Attributes:
        label: A, B, C ... in tables.
        name: of the folder.
        folder: as given.
        evaluation: the folder of report.json.
        record: its content.
        training: from `read_training`; None for a folder of `seasift evaluate`.
        more_speeds: "speed" of further evaluations, in folders evaluation-* of a training run, and of files bench*.json
            of `seasift bench`.
    """

    label: str
    name: str
    folder: Path
    evaluation: Path
    record: Evaluation
    training: dict[str, Any] | None
    more_speeds: tuple[Speed, ...] = ()

    @property
    def split(self) -> tuple[Any, ...]:
        """The evaluated data; equal for runs that can be compared image by image."""
        data = self.record.data
        targets = tuple(data.targets or ())
        return (*(getattr(data, key) for key in _SPLIT), targets, self.record.settings.limit)

    def entries(self) -> list[dict[str, Any]]:
        """Its predictions as COCO results.

        Raises:
            InputError: no such file, or not a list of results.
        """
        return read_entries(self.evaluation / PREDICTIONS)


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read several runs.

    Raises:
        InputError: see `read_run`; or one is given twice.
    """
    indices = [folder.resolve() for folder in folders]
    for folder, index in zip(folders, indices, strict=True):
        if indices.count(index) > 1:
            raise InputError(f"{folder}: given twice; expected each run once. Remove one")
    return [read_run(folder, _label(index)) for index, folder in enumerate(folders)]


def read_run(folder: Path, label: str = "A") -> Run:
    """Read one run.

    Args:
        folder: of `seasift evaluate -o`, or of a training run that has such a folder in it, named "evaluation".
        label: for tables.
    Raises:
        InputError: no such folder, not evaluated, or a damaged file.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "no such folder"
        raise InputError(
            f"{folder}: {what}; expected a folder of `seasift evaluate -o` or of `seasift train`. Check the path"
        )
    evaluation = folder if (folder / RECORD).is_file() else folder / EVALUATION
    own = folder.resolve()
    inside = own.name == EVALUATION and (own.parent / TRAINING).is_file()
    trained = own.parent if inside else own if (own / TRAINING).is_file() else None
    if not (evaluation / RECORD).is_file():
        model, out = (folder / "best.ckpt", evaluation) if trained else ("MODEL", folder)
        raise InputError(
            f"{folder}: no {RECORD} in it or in its folder {EVALUATION}; expected an evaluated run. "
            f"Run: seasift evaluate {model} DATA -o {out}"
        )
    others = sorted(trained.glob(f"{EVALUATION}-*/{RECORD}")) if trained else []
    record = read_record(evaluation / RECORD)
    speeds = [speed for path in others if (speed := read_record(path).speed)]
    for path in sorted({path for index in (trained, evaluation) if index for path in index.glob(BENCH)}):
        speeds += read_speeds(path, record.model)
    return Run(
        label,
        (trained or own).name,
        folder,
        evaluation,
        record,
        read_training(trained) if trained else None,
        tuple(speeds),
    )


def _label(index: int) -> str:
    """A ... Z, then A1, B1 ..."""
    return f"{_LETTERS[index % len(_LETTERS)]}{index // len(_LETTERS) or ''}"
