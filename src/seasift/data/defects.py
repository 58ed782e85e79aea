"""Something wrong with a data set: how bad, where, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

FATAL: Literal["fatal"] = "fatal"
WARNING: Literal["warning"] = "warning"

# Kinds that `repair.repair_document` mends, mostly.
REPAIRED = frozenset(
    {
        "duplicate id",
        "box reaches out",
        "box outside",
        "empty box",
        "broken mask",
        "empty mask",
        "duplicate name",
    }
)


@dataclass(frozen=True)
class Defect:
    """Something wrong, where, and what to do about it.

    Attributes:
        severity: fatal: training or evaluation would stop or be wrong; warning: look at it.
        kind: a short name, the same for all defects of a kind.
        file: the annotation file, image or list.
        place: inside the file, such as "annotation 12"; "" for the whole file.
        what: what was got and what was expected.
        remedy: what to do.
    """

    severity: Literal["fatal", "warning"]
    kind: str
    file: str
    location: str
    what: str
    remedy: str

    def line(self) -> str:
        """The defect on one line."""
        location = f", {self.location}" if self.location else ""
        text = f"{self.severity}: {self.file}{location}: {self.what}. {self.remedy}."
        return " ".join(text.split())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"place" if key == "location" else key: value for key, value in asdict(self).items()}
