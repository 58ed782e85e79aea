"""Decisions on tracks, and the counts that follow from them.

SQLite stores each decision at once: a kill loses nothing. Counts of the accepted tracks are written next to the machine's.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from seasift.core.classes import group_of
from seasift.core.errors import InputError, NotFoundError
from seasift.core.rollup import ANYTHING, UNGROUPED
from seasift.formats import tracks as document
from seasift.formats.document import CategoryEntry
from seasift.formats.tracks import TrackEntry
from seasift.review.frames import Tracks, is_coarse
from seasift.survey.counts import MINUTE_S, Cell, Counts, Sightings
from seasift.survey.tables import write_csv

NAME = "review.sqlite"
Word = Literal["accept", "reject"]
# Nothing is ever deleted: undone decisions stay, marked.
_SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE decisions (
    seq INTEGER PRIMARY KEY, track INTEGER NOT NULL, word TEXT NOT NULL, name TEXT NOT NULL,
    reviewer TEXT NOT NULL, at_utc TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX by_track ON decisions (track, undone, seq);
"""
_COLUMNS = "track, word, name, reviewer, at_utc"


@dataclass(frozen=True)
class Decision:
    """One decision on one track.

    Attributes:
        word: "accept": an object of the class `name`; "reject": not an object.
        name: class; for a rejected track, the model's.
        reviewer: name of the reviewer; may be empty.
        at_utc: time, ISO 8601.
    """

    track: int
    word: Word
    name: str
    reviewer: str
    at_utc: str


class Decisions:
    """The file of decisions in the survey's folder. Thread-safe."""

    def __init__(self, folder: Path, tracks_sha256: str) -> None:
        """Open or create the file.

        Raises:
            InputError: the file belongs to another survey, is damaged, or cannot be written.
        """
        self.path = folder / NAME
        self._lock = threading.Lock()
        try:
            self._base = sqlite3.connect(self.path, check_same_thread=False, timeout=5.0)
            with self._base:
                self._base.execute("PRAGMA synchronous = FULL")
                if not self._base.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone():
                    self._base.executescript(_SCHEMA)
                self._base.execute(
                    "INSERT OR IGNORE INTO about VALUES ('tracks_sha256', ?)", (tracks_sha256,)
                )
            row = self._base.execute("SELECT value FROM about WHERE key = 'tracks_sha256'").fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        if row[0] != tracks_sha256 and not self.all():
            with self._writing() as base:  # nothing was decided on the earlier tracks
                base.execute("UPDATE about SET value = ? WHERE key = 'tracks_sha256'", (tracks_sha256,))
        elif row[0] != tracks_sha256:
            self._base.close()
            raise InputError(
                f"{self.path}: holds decisions on the tracks of another run of the survey, whose numbers are not "
                "the current ones. Move the file away to start again."
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()

    def decide(self, track: int, word: Word, name: str, reviewer: str = "") -> Decision:
        """Store a decision; it replaces an earlier one on the track.

        Raises:
            InputError: it cannot be stored, for example on a full disk.
        """
        made = Decision(track, word, name, reviewer, datetime.now(UTC).isoformat(timespec="seconds"))
        with self._writing() as base:
            base.execute(
                f"INSERT INTO decisions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
                (made.track, made.word, made.name, made.reviewer, made.at_utc),
            )
        return made

    def undo(self, reviewer: str = "") -> int:
        """Undo a reviewer's last decision.

        Returns:
            The track; its earlier decision counts again.
        Raises:
            NotFoundError: there is no decision to undo.
        """
        with self._writing() as base:
            row = base.execute(
                "SELECT seq, track FROM decisions WHERE reviewer = ? AND NOT undone ORDER BY seq DESC LIMIT 1",
                (reviewer,),
            ).fetchone()
            if row is None:
                raise NotFoundError("nothing to undo.")
            base.execute("UPDATE decisions SET undone = 1 WHERE seq = ?", (row[0],))
        return int(row[1])

    def all(self) -> dict[int, Decision]:
        """The current decisions, by track."""
        query = f"SELECT {_COLUMNS} FROM decisions WHERE NOT undone ORDER BY seq"
        with self._lock:
            return {row[0]: Decision(*row) for row in self._base.execute(query)}

    def of(self, track: int) -> Decision | None:
        """The current decision on one track."""
        query = f"SELECT {_COLUMNS} FROM decisions WHERE track = ? AND NOT undone ORDER BY seq DESC LIMIT 1"
        with self._lock:
            row = self._base.execute(query, (track,)).fetchone()
        return None if row is None else Decision(*row)

    def names(self) -> list[str]:
        """Every class ever given, in order of first use, so that ids of new classes never change."""
        query = "SELECT name FROM decisions GROUP BY name ORDER BY MIN(seq)"
        with self._lock:
            return [str(name) for (name,) in self._base.execute(query)]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._base as base:
                yield base
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _unusable(self, error: sqlite3.Error) -> InputError:
        return InputError(
            f"{self.path}: decisions cannot be stored ({error}). Make room, or release the file."
        )


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
