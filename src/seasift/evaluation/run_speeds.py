"""What `seasift bench` measured, beside the run whose model it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seasift.core.errors import BadInput
from seasift.data.segmentation import is_number
from seasift.evaluation.machine import in_words
from seasift.evaluation.run_files import read_json

SCHEMA = "seasift-speed/1"
_AGAIN = "Measure again: seasift bench MODEL --json FILE"


def read_speeds(path: Path, model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry an engine and precision, in the form of an evaluation's "speed".

    Args:
        path: written by `seasift bench --json`.
        model: of the run's evaluation; a model file must be the one that was measured. A run that was judged by
            its checkpoint may have any.
    Raises:
        BadInput: not such a file, damaged, or of another model.
    """
    record = read_json(path, _AGAIN)
    schema = record.get("schema") if isinstance(record, dict) else None
    if schema != SCHEMA:
        raise BadInput(f"{path}: of schema {schema!r}; expected {SCHEMA!r}. {_AGAIN}")
    rows, measured = record.get("rows"), record.get("model")
    if not isinstance(rows, list) or not isinstance(measured, dict) or not all(map(_is_whole, rows)):
        raise BadInput(f"{path}: damaged; expected what `seasift bench` writes. {_AGAIN}")
    if model.get("engine") != "torch" and measured.get("sha256") != model.get("sha256"):
        raise BadInput(
            f"{path}: of {measured.get('name')!r} with sha256 {str(measured.get('sha256'))[:12]}; expected "
            f"{str(model.get('sha256'))[:12]}, the model that was judged. {_AGAIN}, or take the file away"
        )
    return [
        {
            "engine": row["engine"],
            "precision": row["precision"],
            "threads": record.get("threads"),
            "machine": row.get("hardware") or _machine(record.get("machine")),
            "pictures_per_second": 1000 / row["latency_p50_ms"],
            "end_to_end_per_second": row["end_to_end_per_s"],
        }
        for row in rows
    ]


def _is_whole(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and all(isinstance(row.get(key), str) for key in ("engine", "precision"))
        and all(is_number(row.get(key)) and row[key] > 0 for key in ("latency_p50_ms", "end_to_end_per_s"))
    )


def _machine(machine: Any) -> str | None:
    """Older files name processor and cores only."""
    if not isinstance(machine, dict):
        return None
    return in_words(machine.get("processor"), machine.get("cores"))
