"""The record of a comparison, `seasift-comparison/1`: compare.json holds one; tables and page are made of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from seasift.evaluation.document import (
    Curves,
    EvaluatedData,
    EvaluationSettings,
    KindIntervals,
    LevelMetrics,
    Limits,
    Line,
    Number,
    Record,
    Speed,
    TriageMetrics,
)

SCHEMA: Literal["seasift-comparison/1"] = "seasift-comparison/1"


class Bootstrap(Record):
    """How the intervals were computed."""

    resamples: int
    seed: int
    level: Number
    unit: str


class ComparedClass(Record):
    """One class of a run; `groups` counts the dives or videos with objects of it; None without intervals."""

    name: str
    objects: int
    boxes: Line
    masks: Line
    groups: int | None

    def line(self, kind: str) -> dict[str, Number | None]:
        """The metrics of a kind, "boxes" or "masks"."""
        return self.masks if kind == "masks" else self.boxes


class Trained(Record):
    """How a run was trained, by its files and its recipe."""

    recipe: Any
    seconds: Any
    images_seen: Any = Field(alias="pictures_seen")
    weights: Any
    arch: Any
    backbone: Any
    size: Any
    batch_size: Any
    precision: Any
    optimizer: Any
    seed: Any
    machine: Any
    data: Any
    curves: dict[str, list[list[float]]]


class ComparedRun(Record):
    """One evaluated model."""

    label: str
    name: str
    model: dict[str, Any]
    data: EvaluatedData
    settings: EvaluationSettings
    seasift: str | None
    facts: dict[str, Number | None]
    speeds: list[Speed]
    training: Trained | None
    boxes: Line
    masks: Line
    per_class: list[ComparedClass]
    groups: int | None
    intervals: KindIntervals | None
    curves: Curves | None
    levels: dict[str, LevelMetrics] = Field(default_factory=dict)
    triage: dict[str, TriageMetrics] = Field(default_factory=dict)
    notes: list[str]

    def line(self, kind: str) -> dict[str, Number | None]:
        """The metrics of a kind, "boxes" or "masks"."""
        return self.masks if kind == "masks" else self.boxes

    def limits(self, kind: str, metric: str) -> list[Number] | None:
        """The interval of a metric, if it has one."""
        return None if self.intervals is None else self.intervals.of_metric(kind, metric)


class Change(Record):
    """A difference of two runs with its interval."""

    value: Number
    interval: Limits
    zero_inside: bool


class Changes(Record):
    """Second minus first: by kind and metric, and of each class's AP by name and kind."""

    boxes: dict[str, Change | None] = Field(default_factory=dict)
    masks: dict[str, Change | None] = Field(default_factory=dict)
    per_class: dict[str, dict[str, Change | None]] = Field(default_factory=dict)

    def of_kind(self, kind: str) -> dict[str, Change | None]:
        """By metric; empty where one of the runs has no such metrics."""
        return self.masks if kind == "masks" else self.boxes


class Pair(Record):
    """Two runs. They have no difference without intervals, or if they were evaluated on different images.

    `levels` has the differences of supercategories (their mean, and each by name) and of any object.
    """

    first: str
    second: str
    same_split: bool = Field(alias="same_part")
    difference: Changes | None
    levels: dict[str, Changes] = Field(default_factory=dict)


class Published(Record):
    """Results that others published."""

    name: str
    masks: Number | None
    boxes: Number | None
    split: str
    source: str


class Comparison(Record):
    """Evaluated models and published results, side by side."""

    schema_version: Annotated[Literal["seasift-comparison/1"], Field(alias="schema")]
    seasift: str
    bootstrap: Bootstrap | None
    runs: list[ComparedRun]
    pairs: list[Pair]
    published: list[Published]
    notes: list[str]
