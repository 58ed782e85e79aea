"""What a person said of each track, kept in SQLite at once: a kill loses nothing."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from seasift.core.errors import InputError, NotFoundError

NAME = "review.sqlite"
Word = Literal["accept", "reject"]
# Nothing is ever deleted: what was taken back stays, marked.
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
    """One word on one track.

    Attributes:
        word: "accept": it is an object, of the class `name`; "reject": it is none.
        name: class; of a rejected track the model's.
        reviewer: who said so; may be empty.
        at_utc: when, ISO 8601.
    """

    track: int
    word: Word
    name: str
    reviewer: str
    at_utc: str


class Decisions:
    """The file in the survey's folder. May be used by several threads."""

    def __init__(self, folder: Path, tracks_sha256: str) -> None:
        """Open the file, or make it.

        Raises:
            InputError: it is of another survey, damaged, or cannot be written.
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
            with self._writing() as base:  # nothing was decided of the tracks of before
                base.execute("UPDATE about SET value = ? WHERE key = 'tracks_sha256'", (tracks_sha256,))
        elif row[0] != tracks_sha256:
            self._base.close()
            raise InputError(
                f"{self.path}: holds decisions on the tracks of another run of the survey, whose numbers are not "
                "those of today. Move the file away to begin anew."
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()

    def decide(self, track: int, word: Word, name: str, reviewer: str = "") -> Decision:
        """Keep a word; it takes the place of an earlier one on the track.

        Raises:
            InputError: the disk is full, or the like.
        """
        made = Decision(track, word, name, reviewer, datetime.now(UTC).isoformat(timespec="seconds"))
        with self._writing() as base:
            base.execute(
                f"INSERT INTO decisions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
                (made.track, made.word, made.name, made.reviewer, made.at_utc),
            )
        return made

    def undo(self, reviewer: str = "") -> int:
        """Take back a reviewer's last word.

        Returns:
            The track; what was said of it before counts again.
        Raises:
            NotFoundError: there is none.
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
        """What counts now, by track."""
        query = f"SELECT {_COLUMNS} FROM decisions WHERE NOT undone ORDER BY seq"
        with self._lock:
            return {row[0]: Decision(*row) for row in self._base.execute(query)}

    def of(self, track: int) -> Decision | None:
        """What counts now of one track."""
        query = f"SELECT {_COLUMNS} FROM decisions WHERE track = ? AND NOT undone ORDER BY seq DESC LIMIT 1"
        with self._lock:
            row = self._base.execute(query, (track,)).fetchone()
        return None if row is None else Decision(*row)

    def names(self) -> list[str]:
        """Every class that was ever given, in that order: so the ids of new ones never change."""
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
            f"{self.path}: decisions cannot be kept there ({error}). Make room, or free the file."
        )
