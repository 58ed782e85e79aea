"""MaxN and unique objects, per class, per minute and per dive."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from seasift.core.instances import Category
from seasift.survey.intervals import Interval
from seasift.survey.store import Store

MINUTE_S = 60.0


@dataclass(frozen=True)
class Cell:
    """A class in a minute, or in the dive.

    Attributes:
        maxn: most of its individuals in one frame.
        maxn_seq: the first frame that has so many.
        unique: tracks seen in the time.
        new: tracks seen first in the time.
    """

    maxn: int
    maxn_seq: int
    unique: int
    new: int


@dataclass
class Counts:
    """All counts of a dive; classes by class_id, minutes from 0 on the dive's clock.

    Attributes:
        dive: class to its cell; only classes that were seen.
        minutes: (minute, class) to its cell; only what was seen.
        frames: minute to frames looked at.
        intervals: class to the interval of its unique objects; empty without figures of the model.
    """

    dive: dict[int, Cell] = field(default_factory=dict)
    minutes: dict[tuple[int, int], Cell] = field(default_factory=dict)
    frames: Counter[int] = field(default_factory=Counter)
    intervals: dict[int, Interval] = field(default_factory=dict)


def minute_of(dive_s: float) -> int:
    """Which minute of the dive a time lies in."""
    return int(dive_s / MINUTE_S)


def count(store: Store) -> Counts:
    """Count the tracks whose classes the store was told; nothing here grows but with minutes and classes."""
    counts = Counts()
    for frame in store.frames():
        counts.frames[minute_of(frame.dive_s)] += 1
    seen = {(minute, class_id): number for minute, class_id, number in store.tracks_by_minute(MINUTE_S)}
    new = {(minute, class_id): number for minute, class_id, number in store.new_by_minute(MINUTE_S)}
    unique: Counter[int] = Counter()
    for (_, class_id), number in new.items():
        unique[class_id] += number
    best: dict[int, tuple[int, int]] = {}
    for minute, class_id, number, seq in store.most_at_once(MINUTE_S):
        key = minute, class_id
        counts.minutes[key] = Cell(number, seq, seen[key], new.get(key, 0))
        if number > best.get(class_id, (0, 0))[0]:
            best[class_id] = number, seq
    for class_id, (number, seq) in sorted(best.items()):
        counts.dive[class_id] = Cell(number, seq, unique[class_id], unique[class_id])
    return counts


def rows(counts: Counts, categories: tuple[Category, ...]) -> list[dict[str, Any]]:
    """One row a class for the dive, then one a minute and class; see docs/survey.md for the columns."""
    table = [
        _row("dive", None, class_id, cell, categories, counts)
        for class_id, cell in sorted(counts.dive.items())
    ]
    table += [
        _row("minute", minute, class_id, cell, categories, counts)
        for (minute, class_id), cell in sorted(counts.minutes.items())
    ]
    return table


def _row(
    scope: str,
    minute: int | None,
    class_id: int,
    cell: Cell,
    categories: tuple[Category, ...],
    counts: Counts,
) -> dict[str, Any]:
    frames = counts.frames.total() if minute is None else counts.frames[minute]
    interval = counts.intervals.get(class_id) if minute is None else None
    return {
        "scope": scope,
        "minute": minute,
        "from_s": None if minute is None else minute * MINUTE_S,
        "category_id": categories[class_id].id,
        "name": categories[class_id].name,
        "maxn": cell.maxn,
        "maxn_seq": cell.maxn_seq,
        "unique": cell.unique,
        "new": cell.new,
        "frames": frames,
        "estimate": None if interval is None else interval.estimate,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
    }
