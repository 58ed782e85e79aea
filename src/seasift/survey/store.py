"""What a survey has found so far, in a SQLite file: memory does not grow, and a killed run goes on.

Everything between two commits is one transaction with the tracker's state in it. A kill rolls back to the last
commit, so the file never holds half a frame, and what is read from it at the end does not depend on kills.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from seasift.core.errors import BadInput

NAME = ".seasift-survey.sqlite"
_SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE frames (seq INTEGER PRIMARY KEY, video INTEGER, frame INTEGER, time_s REAL, dive_s REAL, away REAL,
    looks TEXT);
CREATE TABLE seen (track INTEGER, seq INTEGER, class_id INTEGER, score REAL, x REAL, y REAL, width REAL, height REAL,
    area INTEGER, rle TEXT, PRIMARY KEY (track, seq)) WITHOUT ROWID;
CREATE TABLE confirmed (track INTEGER PRIMARY KEY);
CREATE TABLE pictures (track INTEGER, class_id INTEGER, quality REAL, seq INTEGER, jpeg BLOB,
    PRIMARY KEY (track, class_id));
CREATE TABLE final (track INTEGER PRIMARY KEY, class_id INTEGER, number INTEGER);
CREATE INDEX seen_in ON seen (seq);
CREATE TABLE gaps (file TEXT, from_s REAL, to_s REAL, reason TEXT, UNIQUE (file, from_s, to_s, reason));
"""


@dataclass(frozen=True)
class Seen:
    """A track in one frame.

    Attributes:
        seq: place of the frame among those looked at, from 0.
        box_xywh: px, to 0.001.
        area: px of the mask; None without masks.
        rle: COCO's compressed run lengths, the `counts` only; None without masks.
    """

    track: int
    seq: int
    class_id: int
    score: float
    box_xywh: tuple[float, float, float, float]
    area: int | None
    rle: str | None


@dataclass(frozen=True)
class Frame:
    """A frame that was looked at; see `runtime.dive.DiveFrame`."""

    seq: int
    video: int
    frame: int
    time_s: float
    dive_s: float


@dataclass(frozen=True)
class Resume:
    """Where to go on.

    Attributes:
        last: the last frame that is in the store.
        state: of the tracker after it.
    """

    last: Frame
    state: str

    @property
    def tracker_state(self) -> Any:
        """`state` as `Tracker.state` gave it."""
        return json.loads(self.state)


class Store:
    """Use as a context manager. Leaving it by an error keeps the file; `remove` it when all is written."""

    def __init__(self, path: Path, settings: Any) -> None:
        """Take up what a run with the same settings left, or start afresh.

        Args:
            path: of the file.
            settings: JSON values that the result depends on.
        Raises:
            BadInput: the file cannot be written.
        """
        self.path = path
        text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
        self._settings = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
        self._base = self._opened()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def remove(self) -> None:
        """Close the file and delete it."""
        self._base.close()
        self._delete()

    def commit(self, last: Frame | None, state: str, *, complete: bool = False) -> None:
        """Keep everything up to and with this frame."""
        if last is not None:
            self._base.execute("INSERT OR REPLACE INTO about VALUES ('state', ?)", (state,))
        if complete:
            self._base.execute("INSERT OR REPLACE INTO about VALUES ('complete', 1)")
        self._base.commit()

    @property
    def complete(self) -> bool:
        """The pass over the dive has ended; only the writing is left."""
        return self._about("complete") is not None

    def resume(self) -> Resume | None:
        """Where a killed run stopped; None for a new one."""
        state = self._about("state")
        row = self._base.execute(
            "SELECT seq, video, frame, time_s, dive_s FROM frames ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return None if row is None or state is None else Resume(Frame(*row), str(state))

    def add_frame(self, frame: Frame, away: float | None, looks: Sequence[float]) -> None:
        """A frame was looked at.

        Args:
            away: its distance from the training pictures, see `drift.Reference`.
            looks: statistics of the picture, see `core.looks`.
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
        """Tracks in one frame."""
        self._base.executemany(
            "INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(s.track, s.seq, s.class_id, s.score, *s.box_xywh, s.area, s.rle) for s in seen],
        )

    def confirm(self, tracks: Sequence[int]) -> None:
        """These tracks count."""
        self._base.executemany("INSERT OR IGNORE INTO confirmed VALUES (?)", [(track,) for track in tracks])

    def forget(self, tracks: Sequence[int]) -> None:
        """These tracks ended and never count."""
        for table in ("seen", "pictures"):
            self._base.executemany(f"DELETE FROM {table} WHERE track = ?", [(track,) for track in tracks])

    def best_quality(self, track: int, class_id: int) -> float:
        """Of the best picture of a track as an object of a class so far; below 0 if there is none."""
        row = self._base.execute(
            "SELECT quality FROM pictures WHERE track = ? AND class_id = ?", (track, class_id)
        ).fetchone()
        return -1.0 if row is None else float(row[0])

    def keep_picture(self, seen: Seen, quality: float, jpeg: bytes) -> None:
        """The best picture of a track as an object of a class so far."""
        self._base.execute(
            "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?)",
            (seen.track, seen.class_id, quality, seen.seq, jpeg),
        )

    def add_gap(self, file: str, from_s: float, to_s: float | None, reason: str) -> None:
        """A part of a file that could not be read; the same one is kept once."""
        self._base.execute(
            "INSERT INTO gaps SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS "
            "(SELECT 1 FROM gaps WHERE file = ?1 AND from_s = ?2 AND to_s IS ?3 AND reason = ?4)",
            (file, from_s, to_s, reason),
        )

    def gaps(self) -> list[tuple[str, float, float | None, str]]:
        """File, from, to, reason, in the order of files and times."""
        return list(self._base.execute("SELECT file, from_s, to_s, reason FROM gaps ORDER BY 1, 2, 3, 4"))

    def frames(self) -> Iterator[Frame]:
        """Every frame in the order of time, read one by one."""
        rows = self._base.execute("SELECT seq, video, frame, time_s, dive_s FROM frames ORDER BY seq")
        return (Frame(*row) for row in rows)

    def looks(self) -> Iterator[list[float]]:
        """The statistics of every frame, read one by one."""
        rows = self._base.execute("SELECT looks FROM frames ORDER BY seq")
        return (json.loads(looks) for (looks,) in rows)

    def median_away(self) -> tuple[float, int] | None:
        """Median of the frames' distances, and how many have one; None if none has."""
        where = "FROM frames WHERE away IS NOT NULL"
        (count,) = self._base.execute(f"SELECT COUNT(*) {where}").fetchone()
        if not count:
            return None
        query = f"SELECT away {where} ORDER BY away LIMIT 1 OFFSET ?"
        return float(self._base.execute(query, (count // 2,)).fetchone()[0]), int(count)

    def ends(self) -> tuple[Frame | None, Frame | None]:
        """The first and the last frame; None without any."""
        query = "SELECT seq, video, frame, time_s, dive_s FROM frames ORDER BY seq"
        rows = [self._base.execute(f"{query} {way} LIMIT 1").fetchone() for way in ("ASC", "DESC")]
        first, last = (None if row is None else Frame(*row) for row in rows)
        return first, last

    def frame(self, seq: int) -> Frame:
        """One frame."""
        query = "SELECT seq, video, frame, time_s, dive_s FROM frames WHERE seq = ?"
        return Frame(*self._base.execute(query, (seq,)).fetchone())

    def tracks(self, *, confirmed: bool = True) -> Iterator[int]:
        """Numbers of tracks, rising.

        Args:
            confirmed: only those that count; else only the others.
        """
        rows = self._base.execute(
            f"SELECT DISTINCT track FROM seen WHERE track {'IN' if confirmed else 'NOT IN'} "
            "(SELECT track FROM confirmed) ORDER BY track"
        )
        return (int(track) for (track,) in rows)

    def seen(self, track: int) -> list[tuple[Seen, Frame]]:
        """A track in all its frames, in the order of time."""
        rows = self._base.execute(
            "SELECT s.track, s.seq, class_id, score, x, y, width, height, area, rle, video, frame, time_s, dive_s "
            "FROM seen s JOIN frames f ON f.seq = s.seq WHERE track = ? ORDER BY s.seq",
            (track,),
        )
        return [
            (Seen(r[0], r[1], r[2], r[3], (r[4], r[5], r[6], r[7]), r[8], r[9]), Frame(r[1], *r[10:]))
            for r in rows
        ]

    def picture(self, track: int, class_id: int) -> tuple[int, bytes]:
        """Place of the frame and JPEG of a track's best picture as an object of a class."""
        query = "SELECT seq, jpeg FROM pictures WHERE track = ? AND class_id = ?"
        seq, jpeg = self._base.execute(query, (track, class_id)).fetchone()
        return int(seq), bytes(jpeg)

    def begin_classes(self) -> None:
        """Forget what `set_class` said."""
        self._base.execute("DELETE FROM final")

    def set_class(self, track: int, class_id: int, number: int) -> None:
        """Say what a track that counts is, and its number in tables, for the counts below."""
        self._base.execute("INSERT INTO final VALUES (?, ?, ?)", (track, class_id, number))

    def counted_in(self, seq: int) -> list[tuple[Seen, tuple[int, int]]]:
        """The tracks that count in one frame, best first, each with its class and number."""
        rows = self._base.execute(
            "SELECT s.track, seq, s.class_id, score, x, y, width, height, area, rle, final.class_id, number "
            "FROM seen s JOIN final ON final.track = s.track WHERE seq = ? ORDER BY score DESC, s.track",
            (seq,),
        )
        return [
            (Seen(r[0], r[1], r[2], r[3], (r[4], r[5], r[6], r[7]), r[8], r[9]), (r[10], r[11])) for r in rows
        ]

    def new_by_minute(self, minute_s: float) -> Iterator[tuple[int, int, int]]:
        """For each minute and class that counts: both, and the tracks seen first in the minute."""
        yield from self._base.execute(
            "SELECT CAST(f.dive_s / ? AS INTEGER) AS minute, b.class_id, COUNT(*) FROM "
            "(SELECT final.class_id AS class_id, MIN(s.seq) AS seq FROM seen s JOIN final ON final.track = s.track "
            "GROUP BY s.track) b JOIN frames f ON f.seq = b.seq GROUP BY 1, 2 ORDER BY 1, 2",
            (minute_s,),
        )

    def most_at_once(self, minute_s: float) -> Iterator[tuple[int, int, int, int]]:
        """For each minute and class that counts: both, the most tracks in one frame, and the first such frame."""
        rows = self._base.execute(
            "SELECT CAST(f.dive_s / ? AS INTEGER) AS minute, n.class_id, n.number, n.seq FROM "
            "(SELECT s.seq AS seq, final.class_id AS class_id, COUNT(*) AS number "
            "FROM seen s JOIN final ON final.track = s.track GROUP BY s.seq, final.class_id) n "
            "JOIN frames f ON f.seq = n.seq ORDER BY minute, n.class_id, n.number DESC, n.seq",
            (minute_s,),
        )
        before = None
        for minute, class_id, number, seq in rows:
            if (minute, class_id) != before:
                before = (minute, class_id)
                yield minute, class_id, number, seq

    def tracks_by_minute(self, minute_s: float) -> Iterator[tuple[int, int, int]]:
        """For each minute and class that counts: both, and the tracks seen in the minute."""
        yield from self._base.execute(
            "SELECT CAST(f.dive_s / ? AS INTEGER) AS minute, final.class_id, COUNT(DISTINCT s.track) FROM seen s "
            "JOIN final ON final.track = s.track JOIN frames f ON f.seq = s.seq GROUP BY 1, 2 ORDER BY 1, 2",
            (minute_s,),
        )

    def _about(self, key: str) -> Any:
        row = self._base.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def _opened(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            base = self._connected()
            try:
                row = base.execute("SELECT value FROM about WHERE key = 'settings'").fetchone()
            except sqlite3.DatabaseError:
                row = None
            if row is None or row[0] != self._settings:
                base.close()
                self._delete()
                base = self._connected()
                base.executescript(_SCHEMA)
                base.execute("INSERT INTO about VALUES ('settings', ?)", (self._settings,))
                base.commit()
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BadInput(f"{self.path.parent}: cannot be written to ({reason}). Give another -o.") from None
        return base

    def _connected(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path)
        try:
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.DatabaseError:  # not a database: found out again, and replaced, by who asks it
            pass
        return base

    def _delete(self) -> None:
        for suffix in ("-wal", "-shm", ""):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
