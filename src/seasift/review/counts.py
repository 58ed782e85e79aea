"""Counts of what a person accepted, beside the machine's; and the record of the decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seasift.formats import tracks as document
from seasift.formats.document import CategoryEntry
from seasift.formats.tracks import TrackEntry
from seasift.review.decisions import Decision
from seasift.review.tracks import Tracks
from seasift.survey.counts import minute_of
from seasift.survey.tables import write_csv

COUNT_COLUMNS = (
    *("scope", "minute", "from_s", "name", "maxn", "unique", "new"),
    *("reviewed_maxn", "reviewed_unique", "reviewed_new", "undecided"),
)
DECISION_COLUMNS = (
    "track",
    "machine_name",
    "score",
    "first_s",
    "last_s",
    "decision",
    "name",
    "reviewer",
    "at_utc",
)
_Minute = int | None  # None: the whole dive
_Cell = tuple[_Minute, str]


@dataclass
class Tally:
    """MaxN, unique and new by minute and class; the minute None is the dive."""

    maxn: Counter[_Cell] = field(default_factory=Counter)
    unique: Counter[_Cell] = field(default_factory=Counter)
    new: Counter[_Cell] = field(default_factory=Counter)
    _at_once: Counter[tuple[int, int, str]] = field(default_factory=Counter)

    def add(self, entry: TrackEntry, name: str, tracks: Tracks) -> None:
        """Count a track as an object of a class."""
        minutes: set[_Minute] = {None}
        for seen in entry.observations:
            minute = minute_of(tracks.dive_s(seen))
            minutes.add(minute)
            index = seen.video, seen.frame, name
            self._at_once[index] += 1
            for scope in (None, minute):
                self.maxn[scope, name] = max(self.maxn[scope, name], self._at_once[index])
        self.unique.update((minute, name) for minute in minutes)
        first = minute_of(tracks.dive_s(entry.observations[0]))
        self.new.update([(None, name), (first, name)])


def write_results(
    tracks: Tracks, decisions: Mapping[int, Decision], categories: Mapping[str, int]
) -> list[Path]:
    """Write the corrected results beside the survey's: tracks, counts and the record of the decisions.

    Args:
        categories: id of every class by its name, in the order for tables.
    """
    folder = tracks.folder
    paths = [folder / f"reviewed_{name}" for name in ("tracks.json", "counts.csv", "decisions.csv")]
    header = tracks.header.model_copy(
        update={"categories": [CategoryEntry(id=id_, name=name) for name, id_ in categories.items()]}
    )
    document.write(paths[0], header, accepted(tracks, decisions, categories))
    write_csv(paths[1], COUNT_COLUMNS, count_rows(tracks, decisions, categories))
    write_csv(paths[2], DECISION_COLUMNS, _decision_rows(tracks, decisions))
    return paths


def accepted(
    tracks: Tracks, decisions: Mapping[int, Decision], categories: Mapping[str, int]
) -> Iterator[TrackEntry]:
    """The accepted tracks with their numbers of before and the classes that a person gave them."""
    for entry in tracks.entries():
        decision = decisions.get(entry.id)
        if decision is not None and decision.word == "accept":
            yield entry.model_copy(update={"name": decision.name, "category_id": categories[decision.name]})


def count_rows(
    tracks: Tracks, decisions: Mapping[int, Decision], categories: Mapping[str, int]
) -> list[dict[str, Any]]:
    """One row a class for the dive, then one a minute and class, as in counts.csv."""
    machine, reviewed, undecided = Tally(), Tally(), Tally()
    for entry in tracks.entries():
        machine.add(entry, entry.name, tracks)
        decision = decisions.get(entry.id)
        if decision is None:
            undecided.add(entry, entry.name, tracks)
        elif decision.word == "accept":
            reviewed.add(entry, decision.name, tracks)
    indices = {name: index for index, name in enumerate(categories)}
    cells = sorted(
        {*machine.unique, *reviewed.unique},
        key=lambda cell: (cell[0] is not None, cell[0] or 0, indices[cell[1]]),
    )
    return [_count_row(cell, machine, reviewed, undecided) for cell in cells]


def _count_row(cell: _Cell, machine: Tally, reviewed: Tally, undecided: Tally) -> dict[str, Any]:
    minute, name = cell
    return {
        "scope": "dive" if minute is None else "minute",
        "minute": minute,
        "from_s": None if minute is None else minute * 60.0,
        "name": name,
        "maxn": machine.maxn[cell],
        "unique": machine.unique[cell],
        "new": machine.new[cell],
        "reviewed_maxn": reviewed.maxn[cell],
        "reviewed_unique": reviewed.unique[cell],
        "reviewed_new": reviewed.new[cell],
        "undecided": undecided.unique[cell],
    }


def _decision_rows(tracks: Tracks, decisions: Mapping[int, Decision]) -> Iterable[dict[str, Any]]:
    for row in tracks.rows.values():
        decision = decisions.get(row.id)
        yield {
            "track": row.id,
            "machine_name": row.name,
            "score": row.score,
            "first_s": row.first_s,
            "last_s": row.last_s,
            "decision": state_of(row.name, decision),
            "name": decision.name if decision and decision.word == "accept" else "",
            "reviewer": decision.reviewer if decision else "",
            "at_utc": decision.at_utc if decision else "",
        }


def state_of(machine_name: str, decision: Decision | None) -> str:
    """undecided, accepted, relabelled or rejected."""
    if decision is None:
        return "undecided"
    if decision.word == "reject":
        return "rejected"
    return "accepted" if decision.name == machine_name else "relabelled"
