"""What a comparison is of: folders of `seasift evaluate` and of `seasift train`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seasift.core.errors import BadInput
from seasift.evaluation.document import Evaluation, Speed
from seasift.evaluation.run_files import read_entries, read_record, read_training
from seasift.evaluation.run_speeds import read_speeds

RECORD, PREDICTIONS, TRAINING = "report.json", "predictions.json", "run.json"
BENCH = "bench*.json"
EVALUATION = "evaluation"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PART = ("name", "fingerprint", "labels", "masks", "split", "part", "pictures", "of_pictures")


@dataclass(frozen=True)
class Run:
    """One model as it was judged, and how it was trained if that is known.

    Attributes:
        label: A, B, C ... in tables.
        name: of the folder.
        folder: as given.
        evaluation: the folder of report.json.
        record: its content.
        training: from `run_files.read_training`; None for a folder of `seasift evaluate`.
        more_speeds: "speed" of further evaluations, in folders evaluation-* of a training run, and what files
            bench*.json of `seasift bench` hold.
    """

    label: str
    name: str
    folder: Path
    evaluation: Path
    record: Evaluation
    training: dict[str, Any] | None
    more_speeds: tuple[Speed, ...] = ()

    @property
    def part(self) -> tuple[Any, ...]:
        """What it was judged on; equal for runs that can be held against each other picture by picture."""
        return (*(getattr(self.record.data, key) for key in _PART), self.record.settings.limit)

    def entries(self) -> list[dict[str, Any]]:
        """Its predictions as COCO results.

        Raises:
            BadInput: no such file, or not a list of results.
        """
        return read_entries(self.evaluation / PREDICTIONS)


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
    evaluation = folder if (folder / RECORD).is_file() else folder / EVALUATION
    own = folder.resolve()
    inside = own.name == EVALUATION and (own.parent / TRAINING).is_file()
    trained = own.parent if inside else own if (own / TRAINING).is_file() else None
    if not (evaluation / RECORD).is_file():
        model, out = (folder / "best.ckpt", evaluation) if trained else ("MODEL", folder)
        raise BadInput(
            f"{folder}: no {RECORD} in it or in its folder {EVALUATION}; expected a run that was judged. "
            f"Run: seasift evaluate {model} DATA -o {out}"
        )
    others = sorted(trained.glob(f"{EVALUATION}-*/{RECORD}")) if trained else []
    record = read_record(evaluation / RECORD)
    speeds = [speed for path in others if (speed := read_record(path).speed)]
    for path in sorted({path for place in (trained, evaluation) if place for path in place.glob(BENCH)}):
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


def _label(place: int) -> str:
    """A ... Z, then A1, B1 ..."""
    return f"{_LETTERS[place % len(_LETTERS)]}{place // len(_LETTERS) or ''}"
