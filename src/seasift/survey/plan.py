"""A survey after every check, and what it found: the two values that the modules of this room pass on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from seasift.modelfile.info import ModelInfo
from seasift.survey import counts as counting
from seasift.survey.drift import Drift, Reference
from seasift.survey.follow import COMMIT_EVERY
from seasift.survey.kept import Frame
from seasift.survey.looking import Look, Looking
from seasift.survey.navigation import Navigation
from seasift.tracking import TrackerSettings
from seasift.video.dive import Dive, LiveDive


@dataclass(frozen=True)
class Plan:
    """A survey after every check.

    Attributes:
        out: folder of the results.
        dive: opened.
        look: gives weak objects, too; called by threads.
        info: of the model file.
        model_sha256: of the model file.
        settings: JSON values that the tracks depend on besides the dive's files and the model, as the report has them.
        state: JSON values that say whether the files are those of a killed run.
        tracking: how objects are followed; `start_score` is the threshold.
        classes: names that were looked for; empty for all.
        navigation: positions.
        video: write the annotated video, too.
        formats: exchange formats to write, too.
        unconfirmed: write tracks that never count, too, into tracks.json.
        max_in_flight: images in work.
        looking: who looks at the frames; None does it with `look` in this process.
    """

    out: Path
    dive: Dive | LiveDive
    look: Look
    info: ModelInfo
    model_sha256: str
    settings: Mapping[str, Any]
    state: Any
    tracking: TrackerSettings
    classes: Sequence[str] = ()
    navigation: Navigation | None = None
    unconfirmed: bool = False
    video: bool = False
    formats: Sequence[str] = ()
    max_in_flight: int = 1
    commit_every: int = COMMIT_EVERY
    looking: Looking | None = None

    @cached_property
    def reference(self) -> Reference | None:
        """Of the training images; None if the model carries none."""
        return None if self.info.looks is None else Reference(self.info.looks)

    @property
    def threshold(self) -> float:
        """Score from which an object begins a track."""
        return self.tracking.start_score


@dataclass(frozen=True)
class Result:
    """What a survey found, but for the tracks, which are read one by one from the store.

    Attributes:
        counts: MaxN, unique objects, intervals.
        interval_note: why there are no intervals, or what they carry.
        drift: None if the model carries no looks.
        gaps: file, from, to, reason.
        first, last: frames looked at; None without any.
        written: files and the folder of images.
        notes: lines about the dive's times and positions, and what exchange formats cannot hold.
        refused: a line for each exchange format that cannot hold the dive.
        rows: of counts.csv.
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
