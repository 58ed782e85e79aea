"""Write counts of the accepted tracks next to the machine's counts, and the record of decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seasift.formats import tracks as document
from seasift.formats.document import CategoryEntry
from seasift.formats.tracks import TrackEntry
from seasift.review.decisions import Decision
from seasift.review.tracks import Tracks
from seasift.survey.counts import MINUTE_S, Cell, Sightings
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
_FRAMES = 1 << 32
"""Larger than the number of frames in any video: offset between frame indices of successive videos."""
_NONE = Cell(maxn=0, maxn_seq=0, unique=0, new=0)


def write_results(
    tracks: Tracks, decisions: Mapping[int, Decision], categories: Mapping[str, int]
) -> list[Path]:
    """Write the corrected results into the survey's folder: tracks, counts and the record of decisions.

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
    """The accepted tracks, with unchanged numbers and the classes given by a person."""
    for entry in tracks.entries():
        decision = decisions.get(entry.id)
        if decision is not None and decision.word == "accept":
            yield entry.model_copy(update={"name": decision.name, "category_id": categories[decision.name]})


def count_rows(
    tracks: Tracks, decisions: Mapping[int, Decision], categories: Mapping[str, int]
) -> list[dict[str, Any]]:
    """One row per class for the dive, then one per minute and class, as in counts.csv."""
    indices = {name: index for index, name in enumerate(categories)}
    machine, reviewed, undecided = Sightings(), Sightings(), Sightings()
    for entry in tracks.entries():
        frames = [(seen.video * _FRAMES + seen.frame, tracks.dive_s(seen)) for seen in entry.observations]
        machine.add(entry.id, indices[entry.name], frames)
        decision = decisions.get(entry.id)
        if decision is None:
            undecided.add(entry.id, indices[entry.name], frames)
        elif decision.word == "accept":
            reviewed.add(entry.id, indices[decision.name], frames)
    names = list(categories)
    all_counts = [each.count() for each in (machine, reviewed, undecided)]
    dive = [each.dive for each in all_counts]
    minutes = [each.minutes for each in all_counts]
    rows = [
        _count_row(None, names[index], [cells.get(index, _NONE) for cells in dive])
        for index in sorted({*dive[0], *dive[1]})
    ]
    return rows + [
        _count_row(minute, names[index], [cells.get((minute, index), _NONE) for cells in minutes])
        for minute, index in sorted({*minutes[0], *minutes[1]})
    ]


def _count_row(minute: int | None, name: str, cells: Sequence[Cell]) -> dict[str, Any]:
    """A row from the cells of all tracks, of the accepted ones and of those without a decision."""
    machine, reviewed, undecided = cells
    return {
        "scope": "dive" if minute is None else "minute",
        "minute": minute,
        "from_s": None if minute is None else minute * MINUTE_S,
        "name": name,
        "maxn": machine.maxn,
        "unique": machine.unique,
        "new": machine.new,
        "reviewed_maxn": reviewed.maxn,
        "reviewed_unique": reviewed.unique,
        "reviewed_new": reviewed.new,
        "undecided": undecided.unique,
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
