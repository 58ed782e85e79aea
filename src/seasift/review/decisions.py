"""Decisions on tracks, stored in SQLite at once: a kill loses nothing."""

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
