"""MaxN and unique objects, per class and supercategory, per minute and per dive, with 95% intervals.

The intervals follow from the model's precision and recall. Of n tracks of a class, T are right: T ~ Binomial(n, p).
Of N objects present, each was found with probability r. With a prior of 1/sqrt(N), N - T ~ NegativeBinomial(T + 1/2,
r). Counts on labelled images give Beta posteriors of p and r. The counts are divided by their design effect, because
frames of one video are alike. The prior is worth two images and has the mean of all classes together.

Sources: Raftery 1988 (Inference for the binomial N parameter) on unknown N; Rao and Scott 1992 (A simple method for
the analysis of clustered binary data) on dividing by the design effect.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seasift.core.types import Float64
from seasift.modelfile.info import OperatingPointsClass, OperatingPointsEntry
from seasift.survey.naming import Naming

LEVEL, DRAWS, SEED = 0.95, 20_000, 0
PRIOR = 2.0
_LEAST_RECALL = 1e-4
USEFUL = 30
"""An upper limit above this multiple of the number of tracks (plus one) shows only that the model misses most."""


@dataclass(frozen=True)
class Interval:
    """Number of objects of a class that were present.

    Attributes:
        estimate: median of the posterior.
        low, high: its central 95%.
        precision, recall: posterior means used.
    """

    estimate: int
    low: int
    high: int
    precision: float
    recall: float

    def useful(self, tracks: int) -> bool:
        """Whether the upper limit is informative: the model does not miss most of the class."""
        return useful(self.high, tracks)

    def limits(self, tracks: int) -> str:
        """The interval in words."""
        return limits(self.low, self.high, tracks)


def useful(high: int, tracks: int) -> bool:
    """See `Interval.useful`."""
    return high <= USEFUL * (tracks + 1)


def limits(low: int, high: int, tracks: int) -> str:
    """See `Interval.limits`."""
    return f"{low:,} to {high:,}" if useful(high, tracks) else f"from {low:,}, no upper limit"


@dataclass(frozen=True)
class Trials:
    """Evidence on a share: successes and trials, divided by the design effect, and the prior's mean."""

    hits: float
    of: float
    prior: float

    def draw(self, rng: np.random.Generator, draws: int) -> Float64:
        """Draw from the Beta posterior."""
        return np.asarray(rng.beta(self._a, self._b, draws), np.float64)

    @property
    def mean(self) -> float:
        """Of the posterior."""
        return self._a / (self._a + self._b)

    @property
    def _a(self) -> float:
        return PRIOR * self.prior + self.hits

    @property
    def _b(self) -> float:
        return PRIOR * (1 - self.prior) + self.of - self.hits


def interval_of(
    tracks: int, precision: Trials, recall: Trials, *, seed: int = SEED, stream: int = 0, draws: int = DRAWS
) -> Interval:
    """Estimate the objects present from the counted tracks.

    Args:
        stream: number of the class, so that each has its own random numbers.
    """
    rng = np.random.default_rng([seed, stream])
    right = rng.binomial(tracks, precision.draw(rng, draws))
    found = np.maximum(recall.draw(rng, draws), _LEAST_RECALL)
    there = right + rng.negative_binomial(right + 0.5, found)
    low, middle, high = np.quantile(
        there, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], method="inverted_cdf"
    ).astype(int)
    return Interval(int(middle), int(low), int(high), round(precision.mean, 4), round(recall.mean, 4))


def index_of(counting: OperatingPointsEntry, threshold: float) -> int | None:
    """Index of the model's threshold nearest to a survey's; None if they differ by more than .05."""
    away = [abs(each - threshold) for each in counting.thresholds]
    nearest = min(range(len(away)), key=away.__getitem__)
    return nearest if away[nearest] <= 0.05 + 1e-9 else None


def intervals_of(
    tracks: Mapping[int, int], rows: Sequence[OperatingPointsClass], index: int, *, first_stream: int = 0
) -> dict[int, Interval]:
    """The interval of each class, or of each supercategory.

    Args:
        tracks: number of counted tracks by index in `rows`.
        rows: results of the model for each class or supercategory.
        index: from `index_of`.
        first_stream: number of the first row's random numbers.
    """
    found, right = (
        sum(values[index] for values in each) for each in ([r.found for r in rows], [r.right for r in rows])
    )
    objects = sum(row.objects for row in rows)
    priors = [min(max(right / of, 0.01), 0.99) if of else 0.5 for of in (found, objects)]
    result = {}
    for key, number in sorted(tracks.items()):
        row = rows[key]
        by, of = row.found_alike[index], row.objects_alike[index]
        precision = Trials(row.right[index] / by, row.found[index] / by, priors[0])
        recall = Trials(row.right[index] / of, row.objects / of, priors[1])
        result[key] = interval_of(number, precision, recall, stream=first_stream + key)
    return result


MINUTE_S = 60.0


@dataclass(frozen=True)
class Cell:
    """Counts of a class or supercategory in a minute, or in the dive.

    Attributes:
        maxn: largest number of individuals in one frame.
        maxn_seq: the first frame with this number.
        unique: tracks seen in this time.
        new: tracks first seen in this time.
    """

    maxn: int
    maxn_seq: int
    unique: int
    new: int


@dataclass
class Counts:
    """All counts of a dive, by indices of names and supercategories, see `naming.Naming`; minutes from 0 on its clock.

    A track counts under one name and one supercategory: a track named "trash" is in `dive` under this name and in `groups`
    with all classes of trash.

    Attributes:
        dive: cell of each name that tracks have.
        minutes: cell of each (minute, name) that was seen.
        groups: cell of each supercategory that was seen.
        group_minutes: cell of each (minute, supercategory) that was seen.
        frames: number of evaluated frames by minute.
        intervals: interval of the unique objects by class; empty if the model has no metrics.
        group_intervals: the same by supercategory; empty if the model has no metrics of these.
    """

    dive: dict[int, Cell] = field(default_factory=dict)
    minutes: dict[tuple[int, int], Cell] = field(default_factory=dict)
    groups: dict[int, Cell] = field(default_factory=dict)
    group_minutes: dict[tuple[int, int], Cell] = field(default_factory=dict)
    frames: Counter[int] = field(default_factory=Counter)
    intervals: dict[int, Interval] = field(default_factory=dict)
    group_intervals: dict[int, Interval] = field(default_factory=dict)


def minute_of(dive_s: float) -> int:
    """The minute of the dive that contains a time."""
    return int(dive_s / MINUTE_S)


def count(base: sqlite3.Connection) -> Counts:
    """Count tracks by class. Memory grows only with minutes and classes.

    Args:
        base: holds tables `frames` (seq, dive_s), `seen` (track, seq) and `final` (track, name_id, group_id), where seq is
            the index of a frame in order of time; from a survey, see `store`, or from `Sightings`.
    """
    counts = Counts()
    for (dive_s,) in base.execute("SELECT dive_s FROM frames"):
        counts.frames[minute_of(dive_s)] += 1
    counts.dive, counts.minutes = _cells(base, "name_id")
    counts.groups, counts.group_minutes = _cells(base, "group_id")
    return counts


def _cells(base: sqlite3.Connection, key: str) -> tuple[dict[int, Cell], dict[tuple[int, int], Cell]]:
    """Cells of the dive, and of each minute, by a column of `final`."""
    unique: Counter[int] = Counter()
    new: dict[tuple[int, int], int] = {}
    for minute, index, number in base.execute(_NEW.format(key=key), (MINUTE_S,)):
        new[minute, index] = number
        unique[index] += number
    rows = base.execute(_SEEN.format(key=key), (MINUTE_S,))
    seen = {(minute, index): number for minute, index, number in rows}
    minutes: dict[tuple[int, int], Cell] = {}
    best: dict[int, tuple[int, int]] = {}
    for minute, index, number, seq in base.execute(_AT_ONCE.format(key=key), (MINUTE_S,)):
        if (minute, index) in minutes:
            continue
        minutes[minute, index] = Cell(number, seq, seen[minute, index], new.get((minute, index), 0))
        if number > best.get(index, (0, 0))[0]:
            best[index] = number, seq
    dive = {
        index: Cell(number, seq, unique[index], unique[index])
        for index, (number, seq) in sorted(best.items())
    }
    return dive, minutes


# For each minute and name: the tracks first seen in it.
_NEW = """
SELECT CAST(f.dive_s / ? AS INTEGER), b.{key}, COUNT(*) FROM
    (SELECT final.{key} AS {key}, MIN(s.seq) AS seq FROM seen s JOIN final ON final.track = s.track
     GROUP BY s.track) b
JOIN frames f ON f.seq = b.seq GROUP BY 1, 2 ORDER BY 1, 2
"""
# The tracks seen in it.
_SEEN = """
SELECT CAST(f.dive_s / ? AS INTEGER), final.{key}, COUNT(DISTINCT s.track) FROM seen s
JOIN final ON final.track = s.track JOIN frames f ON f.seq = s.seq GROUP BY 1, 2 ORDER BY 1, 2
"""
# The tracks in each of its frames, the most first, then the first frame.
_AT_ONCE = """
SELECT CAST(f.dive_s / ? AS INTEGER) AS minute, n.{key}, n.number, n.seq FROM
    (SELECT s.seq AS seq, final.{key} AS {key}, COUNT(*) AS number
     FROM seen s JOIN final ON final.track = s.track GROUP BY s.seq, final.{key}) n
JOIN frames f ON f.seq = n.seq ORDER BY minute, n.{key}, n.number DESC, n.seq
"""


class Sightings:
    """Tracks to count that are not in a survey's store; uses a temporary file."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("")
        self._base.executescript(
            "CREATE TABLE frames (seq INTEGER PRIMARY KEY, dive_s REAL);"
            "CREATE TABLE seen (track INTEGER, seq INTEGER, PRIMARY KEY (track, seq)) WITHOUT ROWID;"
            "CREATE TABLE final (track INTEGER PRIMARY KEY, name_id INTEGER, group_id INTEGER);"
        )

    def add(
        self, track: int, name_id: int, frames: Iterable[tuple[int, float]], *, group_id: int = 0
    ) -> None:
        """Add a track.

        Args:
            name_id, group_id: indices of its name and supercategory.
            frames: frames that show it: index in order of time, and time on the dive's clock.
        """
        shown = list(frames)
        self._base.executemany("INSERT OR IGNORE INTO frames VALUES (?, ?)", shown)
        self._base.executemany("INSERT INTO seen VALUES (?, ?)", [(track, seq) for seq, _ in shown])
        self._base.execute("INSERT INTO final VALUES (?, ?, ?)", (track, name_id, group_id))

    def count(self) -> Counts:
        """Count the tracks and close. `Counts.frames` has only frames with a track."""
        with closing(self._base):
            return count(self._base)


def rows(counts: Counts, naming: Naming) -> list[dict[str, Any]]:
    """Rows for the dive, then for each minute: supercategories, then classes; columns: docs/reference/survey-files.md.

    Tracks named by a supercategory or "object" are in the rows of supercategories only.
    """
    classes = range(len(naming.categories))
    table = []
    if naming.groups:
        table += [
            _row("dive", None, None, group, cell, naming, counts)
            for group, cell in sorted(counts.groups.items())
        ]
    table += [
        _row("dive", None, index, None, cell, naming, counts)
        for index, cell in sorted(counts.dive.items())
        if index in classes
    ]
    for minute in sorted({minute for minute, _ in counts.minutes}):
        groups = range(len(naming.groups))
        table += [
            _row("minute", minute, None, group, counts.group_minutes[minute, group], naming, counts)
            for group in groups
            if (minute, group) in counts.group_minutes
        ]
        table += [
            _row("minute", minute, index, None, counts.minutes[minute, index], naming, counts)
            for index in classes
            if (minute, index) in counts.minutes
        ]
    return table


def _row(
    scope: str,
    minute: int | None,
    class_id: int | None,
    group_id: int | None,
    cell: Cell,
    naming: Naming,
    counts: Counts,
) -> dict[str, Any]:
    """A row of a class, or of a supercategory."""
    frames = counts.frames.total() if minute is None else counts.frames[minute]
    interval = counts.intervals.get(class_id) if minute is None and class_id is not None else None
    if minute is None and group_id is not None:
        interval = counts.group_intervals.get(group_id)
    category = None if class_id is None else naming.categories[class_id]
    return {
        "scope": scope,
        "minute": minute,
        "from_s": None if minute is None else minute * MINUTE_S,
        "category_id": None if category is None else category.id,
        "name": naming.groups[group_id or 0] if category is None else category.name,
        "maxn": cell.maxn,
        "maxn_seq": cell.maxn_seq,
        "unique": cell.unique,
        "new": cell.new,
        "frames": frames,
        "estimate": None if interval is None else interval.estimate,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "level": "supercategory" if category is None else "class",
    }
