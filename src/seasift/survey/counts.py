"""MaxN and unique objects, per class and supercategory, per minute and per dive."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from seasift.survey.intervals import Interval
from seasift.survey.naming import Naming

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
