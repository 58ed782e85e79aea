"""Results of a survey so far, in a SQLite file: memory does not grow, and a killed run resumes.

Everything between two commits is one transaction, including the tracker's state. A kill rolls back to the last commit,
so the file never holds half a frame, and the results do not depend on kills.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from seasift.core.errors import InputError
from seasift.survey.kept import Frame, Seen, StoredFrame, Vote
from seasift.video.dive import Before, DiveVideo, LiveDive

_HIGHEST = "ON CONFLICT DO UPDATE SET score = MAX(score, excluded.score)"
NAME = ".seasift-survey.sqlite"
_SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE frames (seq INTEGER PRIMARY KEY, video INTEGER, frame INTEGER, time_s REAL, dive_s REAL, away REAL,
    looks TEXT);
CREATE TABLE seen (track INTEGER, seq INTEGER, class_id INTEGER, score REAL, x REAL, y REAL, width REAL, height REAL,
    area INTEGER, rle TEXT, scores BLOB, PRIMARY KEY (track, seq)) WITHOUT ROWID;
CREATE TABLE votes (track INTEGER, seq INTEGER, class_id INTEGER, score REAL,
    PRIMARY KEY (track, seq, class_id)) WITHOUT ROWID;
CREATE TABLE confirmed (track INTEGER PRIMARY KEY);
CREATE TABLE images (track INTEGER, class_id INTEGER, quality REAL, seq INTEGER, jpeg BLOB,
    PRIMARY KEY (track, class_id));
CREATE TABLE final (track INTEGER PRIMARY KEY, class_id INTEGER, number INTEGER, name_id INTEGER, group_id INTEGER);
CREATE INDEX seen_in ON seen (seq);
CREATE TABLE gaps (file TEXT, from_s REAL, to_s REAL, reason TEXT, UNIQUE (file, from_s, to_s, reason));
"""


def live_before(path: Path) -> Before | None:
    """The live source of the interrupted run in this file; None if there is none."""
    if not path.is_file():
        return None
    with closing(sqlite3.connect(path)) as base, suppress(sqlite3.DatabaseError):
        return _live(base)
    return None  # not from seasift, or in use; opening it gives the error


def _live(base: sqlite3.Connection) -> Before | None:
    text = base.execute("SELECT value FROM about WHERE key = 'live'").fetchone()
    last = base.execute("SELECT frame, time_s FROM frames ORDER BY seq DESC LIMIT 1").fetchone()
    if text is None or last is None:
        return None
    value = json.loads(text[0])
    start_utc = value["video"]["start_utc"]
    video = DiveVideo(**{**value["video"], "start_utc": start_utc and datetime.fromisoformat(start_utc)})
    return Before(video, datetime.fromisoformat(value["begun_utc"]), *last)


@dataclass(frozen=True)
class Resume:
    """Where to resume.

    Attributes:
        last: the last frame that is in the store.
        state: state of the tracker after it.
    """

    last: Frame
    state: str

    @property
    def tracker_state(self) -> Any:
        """`state`, as returned by `Tracker.state`."""
        return json.loads(self.state)


class Store(StoredFrame):
    """The store, a context manager. An error keeps the file; call `remove` after all is written.

    Attributes:
        anew: whether results of a run with other settings were found and discarded.
    """

    def __init__(self, path: Path, settings: Any) -> None:
        """Resume a run with the same settings, or start afresh.

        Args:
            path: path of the file.
            settings: JSON values that the result depends on.
        Raises:
            InputError: the file cannot be written, or holds a live survey with other settings.
        """
        self.path = path
        self.anew = False
        text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
        self._settings = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
        self._base = self._opened()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def unusable(self, error: OSError | sqlite3.Error) -> InputError:
        """Message for a failure of the file, such as a full disk or another survey in the folder."""
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            return InputError(
                f"{self.path.parent}: another survey is running in this folder. Wait, or give another -o."
            )
        reason = getattr(error, "strerror", None) or str(error)
        return InputError(
            f"{self.path.parent}: cannot be written to ({reason}). Make room or give another -o; the same command "
            "resumes here."
        )

    def remove(self) -> None:
        """Close the file and delete it."""
        self._base.close()
        self._delete()

    def commit(self, last: Frame | None, state: str, *, complete: bool = False) -> None:
        """Commit everything up to and including this frame."""
        if last is not None:
            self._base.execute("INSERT OR REPLACE INTO about VALUES ('state', ?)", (state,))
        if complete:
            self._base.execute("INSERT OR REPLACE INTO about VALUES ('complete', 1)")
        self._base.commit()

    @property
    def complete(self) -> bool:
        """Whether the pass over the dive has ended and only writing is left."""
        return self._about("complete") is not None

    def resume(self) -> Resume | None:
        """Where a killed run stopped; None for a new one."""
        state = self._about("state")
        row = self._base.execute(
            "SELECT seq, video, frame, time_s, dive_s FROM frames ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return None if row is None or state is None else Resume(Frame(*row), str(state))

    def keep_live(self, dive: LiveDive) -> None:
        """Mark the frames as those of a live source, which no other run can read again."""
        (video,) = dive.videos
        value = {**asdict(video), "start_utc": video.start_utc and video.start_utc.isoformat()}
        text = json.dumps({"begun_utc": dive.begun_utc.isoformat(), "video": value})
        self._base.execute("INSERT INTO about VALUES ('live', ?)", (text,))

    def add_frame(self, frame: Frame, away: float | None, looks: Sequence[float]) -> None:
        """Add an evaluated frame.

        Args:
            away: its distance from the training images, see `drift.Reference`.
            looks: statistics of the image, see `inference.predictor`.
        """
        values = (
            frame.seq,
            frame.video,
            frame.frame,
            frame.time_s,
            frame.dive_s,
            away,
            json.dumps(list(looks)),
        )
        self._base.execute("INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def add_seen(self, seen: Sequence[Seen]) -> None:
        """Add the tracks in one frame."""
        self._base.executemany(
            "INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(s.track, s.seq, s.class_id, s.score, *s.box_xywh, s.area, s.rle, s.class_scores) for s in seen],
        )

    def add_votes(self, votes: Sequence[Vote]) -> None:
        """Add second opinions about tracks of one frame; each class keeps its highest score."""
        self._base.executemany(
            f"INSERT INTO votes VALUES (?, ?, ?, ?) {_HIGHEST}", [astuple(vote) for vote in votes]
        )

    def merge(self, gone: int, into: int) -> None:
        """Merge two tracks that are one object.

        Of two observations in a frame, the one with the higher score stays; the other becomes a vote.
        """
        both = {"gone": gone, "into": into}
        better = "g.score > i.score"
        for loser, lost in (("i", better), ("g", f"NOT {better}")):
            self._base.execute(
                f"INSERT INTO votes SELECT :into, {loser}.seq, {loser}.class_id, {loser}.score FROM seen i "
                f"JOIN seen g ON g.seq = i.seq AND g.track = :gone WHERE i.track = :into AND {lost} {_HIGHEST}",
                both,
            )
        self._base.execute(
            "DELETE FROM seen AS i WHERE track = :into AND EXISTS "
            f"(SELECT 1 FROM seen g WHERE g.track = :gone AND g.seq = i.seq AND {better})",
            both,
        )
        self._base.execute(
            f"INSERT INTO votes SELECT :into, seq, class_id, score FROM votes WHERE track = :gone {_HIGHEST}",
            both,
        )
        self._base.execute(
            "DELETE FROM images AS i WHERE track = :into AND EXISTS (SELECT 1 FROM images g "
            "WHERE g.track = :gone AND g.class_id = i.class_id AND g.quality > i.quality)",
            both,
        )
        for table in ("seen", "images", "confirmed"):
            self._base.execute(f"UPDATE OR IGNORE {table} SET track = :into WHERE track = :gone", both)
        for table in ("seen", "images", "confirmed", "votes"):
            self._base.execute(f"DELETE FROM {table} WHERE track = :gone", both)

    def confirm(self, tracks: Sequence[int]) -> None:
        """These tracks count."""
        self._base.executemany("INSERT OR IGNORE INTO confirmed VALUES (?)", [(track,) for track in tracks])

    def unconfirm(self, tracks: Sequence[int]) -> None:
        """These tracks do not count after all."""
        self._base.executemany("DELETE FROM confirmed WHERE track = ?", [(track,) for track in tracks])

    def forget(self, tracks: Sequence[int]) -> None:
        """Remove tracks that ended without confirmation."""
        for table in ("seen", "images", "votes"):
            self._base.executemany(f"DELETE FROM {table} WHERE track = ?", [(track,) for track in tracks])

    def best_quality(self, track: int, class_id: int) -> float:
        """Quality of the best image of a track as an object of a class so far; below 0 if there is none."""
        row = self._base.execute(
            "SELECT quality FROM images WHERE track = ? AND class_id = ?", (track, class_id)
        ).fetchone()
        return -1.0 if row is None else float(row[0])

    def keep_image(self, seen: Seen, quality: float, jpeg: bytes) -> None:
        """Store the best image of a track as an object of a class so far."""
        self._base.execute(
            "INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?)",
            (seen.track, seen.class_id, quality, seen.seq, jpeg),
        )

    def add_gap(self, file: str, from_s: float, to_s: float | None, reason: str) -> None:
        """Add a part of a file that could not be read; duplicates are ignored."""
        self._base.execute(
            "INSERT INTO gaps SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS "
            "(SELECT 1 FROM gaps WHERE file = ?1 AND from_s = ?2 AND to_s IS ?3 AND reason = ?4)",
            (file, from_s, to_s, reason),
        )

    def keep_notes(self, notes: Sequence[str]) -> None:
        """Add lines for the user about the dive's times; earlier lines stay."""
        kept = json.dumps(list(dict.fromkeys([*self.notes(), *notes])))
        self._base.execute("INSERT OR REPLACE INTO about VALUES ('notes', ?)", (kept,))

    def notes(self) -> list[str]:
        """The lines of `keep_notes`, each once."""
        text = self._about("notes")
        return [] if text is None else [str(line) for line in json.loads(text)]

    def forget_open_gaps(self) -> None:
        """Remove gaps without an end: the source continues."""
        self._base.execute("DELETE FROM gaps WHERE to_s IS NULL")

    def _about(self, key: str) -> Any:
        row = self._base.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def _opened(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            base = self._connected()
            try:
                row = base.execute("SELECT value FROM about WHERE key = 'settings'").fetchone()
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    raise
                row = None  # new, or not from seasift
            if row is None or row[0] != self._settings:
                if row is not None and _live(base) is not None:
                    base.close()
                    raise InputError(
                        f"{self.path.parent}: holds an interrupted live survey, with other options or "
                        "another model. Repeat that command to resume it, or give another -o."
                    )
                self.anew = row is not None
                base.close()
                self._delete()
                base = self._connected()
                base.executescript(_SCHEMA)
                base.execute("INSERT INTO about VALUES ('settings', ?)", (self._settings,))
                base.commit()
        except (OSError, sqlite3.Error) as error:
            raise self.unusable(error) from None
        return base

    def _connected(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path, timeout=1.0)
        # A file that is not a database is detected and replaced at the first query.
        with suppress(sqlite3.DatabaseError):
            base.execute("PRAGMA locking_mode = EXCLUSIVE")
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = NORMAL")
        return base

    def _delete(self) -> None:
        for suffix in ("-wal", "-shm", ""):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
