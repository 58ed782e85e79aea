"""Write counts of the accepted tracks next to the machine's counts, and the record of decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seasift.core.classes import group_of
from seasift.core.rollup import ANYTHING, UNGROUPED
from seasift.formats import tracks as document
from seasift.formats.document import CategoryEntry
from seasift.formats.tracks import TrackEntry
from seasift.review.decisions import Decision
from seasift.review.tracks import Tracks, is_coarse
from seasift.survey.counts import MINUTE_S, Cell, Counts, Sightings
from seasift.survey.tables import write_csv

COUNT_COLUMNS = (
    *("scope", "minute", "from_s", "name", "maxn", "unique", "new"),
    *("reviewed_maxn", "reviewed_unique", "reviewed_new", "undecided", "level"),
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
        update={
            "names": None,  # a person has named them
            "categories": [CategoryEntry(id=id_, name=name) for name, id_ in categories.items()],
        }
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
            known = {"name": decision.name, "category_id": categories[decision.name]}
            yield entry.model_copy(update=known | {"rollup": None, "class_scores": None})


def count_rows(
    tracks: Tracks, decisions: Mapping[int, Decision], categories: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Rows for the dive, then for each minute: supercategories, then classes, as in counts.csv."""
    names = list(categories)
    groups = [_group(tracks, name) for name in names]
    shown = list(dict.fromkeys(groups))
    machine, reviewed, undecided = Sightings(), Sightings(), Sightings()

    def add(sightings: Sightings, track: int, name: str, frames: Sequence[tuple[int, float]]) -> None:
        index = names.index(name)
        sightings.add(track, index, frames, group_id=shown.index(groups[index]))

    for entry in tracks.entries():
        frames = [(seen.video * _FRAMES + seen.frame, tracks.dive_s(seen)) for seen in entry.observations]
        name = tracks.row(entry.id).name
        add(machine, entry.id, name, frames)
        decision = decisions.get(entry.id)
        if decision is None:
            add(undecided, entry.id, name, frames)
        elif decision.word == "accept":
            add(reviewed, entry.id, decision.name, frames)
    counts = [each.count() for each in (machine, reviewed, undecided)]
    classes = [name for name in names if not is_coarse(tracks, name)]
    by_group = shown if tracks.header.names or any(group != UNGROUPED for group in shown) else []
    rows = []
    for minute in (None, *sorted({minute for each in counts[:2] for minute, _ in each.minutes})):
        for level, listed, known in (("supercategory", by_group, shown), ("class", classes, names)):
            for name in listed:
                cells = [_cell(each, level, minute, known.index(name)) for each in counts]
                if cells[0] or cells[1]:
                    rows.append(_count_row(minute, level, name, [cell or _NONE for cell in cells]))
    return rows


def _cell(counts: Counts, level: str, minute: int | None, index: int) -> Cell | None:
    if minute is None:
        return (counts.dive if level == "class" else counts.groups).get(index)
    return (counts.minutes if level == "class" else counts.group_minutes).get((minute, index))


def _group(tracks: Tracks, name: str) -> str:
    """The supercategory that a name counts under."""
    return ANYTHING if name == ANYTHING and is_coarse(tracks, name) else group_of(name)


def _count_row(minute: int | None, level: str, name: str, cells: Sequence[Cell]) -> dict[str, Any]:
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
        "level": level,
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
