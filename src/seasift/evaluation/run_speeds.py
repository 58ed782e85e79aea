"""What `seasift bench` measured, beside the run whose model it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from seasift.core.errors import BadInput
from seasift.evaluation.document import EvaluatedModel, Number, Record, Speed, first_defect
from seasift.evaluation.machine import in_words
from seasift.evaluation.run_files import read_json

SCHEMA = "seasift-speed/1"
_AGAIN = "Measure again: seasift bench MODEL --json FILE"
_Positive = Annotated[Number, Field(gt=0)]


class SpeedRow(Record):
    """One engine and precision, as far as a comparison reads it; `speed.record.MeasuredRow` has all."""

    engine: str
    precision: str
    latency_p50_ms: _Positive
    end_to_end_per_s: _Positive
    hardware: str | None = None


class SpeedMachine(Record):
    """What it was measured on; older files name processor and cores only."""

    processor: str | None = None
    cores: int | None = None


class SpeedModel(Record):
    """What was measured."""

    name: str | None = None
    sha256: str | None = None


class SpeedFile(Record):
    """A file of `seasift bench --json`, as far as a comparison reads it."""

    model: SpeedModel
    machine: SpeedMachine | None = None
    threads: Number | None = None
    rows: list[SpeedRow]


def read_speeds(path: Path, model: EvaluatedModel) -> list[Speed]:
    """One entry an engine and precision.

    Args:
        path: written by `seasift bench --json`.
        model: of the run's evaluation; a model file must be the one that was measured. A run that was judged by
            its checkpoint may have any.
    Raises:
        BadInput: not such a file, damaged, or of another model.
    """
    values = read_json(path, _AGAIN)
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SCHEMA:
        raise BadInput(f"{path}: of schema {schema!r}; expected {SCHEMA!r}. {_AGAIN}")
    try:
        measured = SpeedFile.from_json(values)
    except ValidationError as error:
        raise BadInput(
            f"{path}: damaged ({first_defect(error)}); expected what `seasift bench` writes. {_AGAIN}"
        ) from None
    if model.engine != "torch" and measured.model.sha256 != model.sha256:
        raise BadInput(
            f"{path}: of {measured.model.name!r} with sha256 {str(measured.model.sha256)[:12]}; expected "
            f"{str(model.sha256)[:12]}, the model that was judged. {_AGAIN}, or take the file away"
        )
    machine = measured.machine
    on = None if machine is None else in_words(machine.processor, machine.cores)
    return [
        Speed(
            engine=row.engine,
            precision=row.precision,
            threads=measured.threads,
            machine=row.hardware or on,
            pictures_per_second=1000 / row.latency_p50_ms,
            end_to_end_per_second=row.end_to_end_per_s,
        )
        for row in measured.rows
    ]
