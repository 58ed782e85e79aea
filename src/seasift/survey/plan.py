"""The checked inputs of a survey, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from seasift.modelfile.info import ModelInfo
from seasift.survey import counts as counting
from seasift.survey.drift import Drift, Reference
from seasift.survey.follow import COMMIT_EVERY, Look, Looking
from seasift.survey.kept import Frame
from seasift.survey.naming import Naming
from seasift.survey.navigation import Navigation
from seasift.tracking import TrackerSettings
from seasift.video.dive import Dive, LiveDive


@dataclass(frozen=True)
class Plan:
    """A survey, ready to run after every check.

    Attributes:
        out: folder for the results.
        dive: the opened dive.
        look: evaluates an image, weak objects included; called by threads.
        info: description of the model file.
        model_sha256: SHA-256 of the model file.
        naming: names of tracks.
        settings: JSON values that the tracks depend on besides files and model, as in the report.
        state: JSON values that identify the files of an interrupted run.
        tracking: settings of the tracker; `start_score` is the threshold.
        classes: classes to find; empty for all.
        navigation: positions.
        video: also write the annotated video.
        raw_csv: leave texts in tables as they are, which a spreadsheet may take for formulas.
        formats: additional exchange formats.
        unconfirmed: also write unconfirmed tracks into tracks.json.
        max_in_flight: images being evaluated at once.
        looking: evaluates the frames; None uses `look` in this process.
    """

    out: Path
    dive: Dive | LiveDive
    look: Look
    info: ModelInfo
    model_sha256: str
    settings: Mapping[str, Any]
    state: Any
    tracking: TrackerSettings
    naming: Naming
    classes: Sequence[str] = ()
    navigation: Navigation | None = None
    unconfirmed: bool = False
    video: bool = False
    raw_csv: bool = False
    formats: Sequence[str] = ()
    max_in_flight: int = 1
    commit_every: int = COMMIT_EVERY
    looking: Looking | None = None

    @cached_property
    def reference(self) -> Reference | None:
        """Statistics of the training images; None if the model has none."""
        return None if self.info.looks is None else Reference(self.info.looks)

    @property
    def threshold(self) -> float:
        """Minimum score to begin a track."""
        return self.tracking.start_score

    @property
    def class_threshold(self) -> float:
        """Minimum score of a track that is named by its class: of its observations, or with roll-up of their mean."""
        rollup = self.naming.rollup
        return self.threshold if rollup is None else max(self.threshold, rollup.by_class)


@dataclass(frozen=True)
class Result:
    """The result of a survey, except the tracks, which are read one by one from the store.

    Attributes:
        counts: MaxN, unique objects, intervals.
        interval_note: why there are no intervals, or what they cover.
        drift: None if the model has no reference image statistics.
        gaps: file, from, to, reason.
        first, last: evaluated frames; None if there are none.
        written: the files written and the folder of images.
        notes: lines about times, positions and losses in exchange formats.
        refused: a line for each exchange format that cannot hold the dive.
        rows: rows of counts.csv.
    """

    counts: counting.Counts
    interval_note: str
    drift: Drift | None
    gaps: list[tuple[str, float, float | None, str]]
    first: Frame | None
    last: Frame | None
    written: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
