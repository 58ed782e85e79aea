"""Read the store of a survey, row by row."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """A track in one frame.

    Attributes:
        seq: index of the frame among the evaluated ones, from 0.
        box_xywh: px, to 0.001.
        area: area of the mask, px; None without masks.
        rle: COCO's compressed run lengths, the `counts` only; None without masks.
        class_scores: its score for every class, float32 little-endian; None if the model gives one score an object.
    """

    track: int
    seq: int
    class_id: int
    score: float
    box_xywh: tuple[float, float, float, float]
    area: int | None
    rle: str | None
    class_scores: bytes | None = None


@dataclass(frozen=True)
class Vote:
    """A second opinion about a track in one frame: the object in another class, or from a merged track."""

    track: int
    seq: int
    class_id: int
    score: float


@dataclass(frozen=True)
class Frame:
    """An evaluated frame; see `video.dive.DiveFrame`."""

    seq: int
    video: int
    frame: int
    time_s: float
    dive_s: float


class StoredFrame:
    """The reading half of `store.Store`."""

    _base: sqlite3.Connection

    @property
    def base(self) -> sqlite3.Connection:
        """The file itself, for `counts.count`."""
        return self._base

    def gaps(self) -> list[tuple[str, float, float | None, str]]:
        """File, from, to, reason, in the order of files and times."""
        return list(self._base.execute("SELECT file, from_s, to_s, reason FROM gaps ORDER BY 1, 2, 3, 4"))

    def frames(self) -> Iterator[Frame]:
        """Every frame in order of time, read one by one."""
        rows = self._base.execute("SELECT seq, video, frame, time_s, dive_s FROM frames ORDER BY seq")
        return (Frame(*row) for row in rows)

    def looks(self) -> Iterator[list[float]]:
        """The statistics of every frame, read one by one."""
        rows = self._base.execute("SELECT looks FROM frames ORDER BY seq")
        return (json.loads(looks) for (looks,) in rows)

    def median_distance(self) -> tuple[float, int] | None:
        """Median distance of the frames, and how many have one; None if none has."""
        where = "FROM frames WHERE away IS NOT NULL"
        (count,) = self._base.execute(f"SELECT COUNT(*) {where}").fetchone()
        if not count:
            return None
        query = f"SELECT away {where} ORDER BY away LIMIT 1 OFFSET ?"
        return float(self._base.execute(query, (count // 2,)).fetchone()[0]), int(count)

    def ends(self) -> tuple[Frame | None, Frame | None]:
        """The first and the last frame; None if there are none."""
        query = "SELECT seq, video, frame, time_s, dive_s FROM frames ORDER BY seq"
        rows = [self._base.execute(f"{query} {way} LIMIT 1").fetchone() for way in ("ASC", "DESC")]
        first, last = (None if row is None else Frame(*row) for row in rows)
        return first, last

    def frame(self, seq: int) -> Frame:
        """One frame."""
        query = "SELECT seq, video, frame, time_s, dive_s FROM frames WHERE seq = ?"
        return Frame(*self._base.execute(query, (seq,)).fetchone())

    def tracks(self, *, confirmed: bool = True) -> Iterator[int]:
        """Numbers of tracks, ascending.

        Args:
            confirmed: true: only counted tracks; false: only the others.
        """
        rows = self._base.execute(
            f"SELECT DISTINCT track FROM seen WHERE track {'IN' if confirmed else 'NOT IN'} "
            "(SELECT track FROM confirmed) ORDER BY track"
        )
        return (int(track) for (track,) in rows)

    def seen(self, track: int) -> list[tuple[Seen, Frame]]:
        """A track in all its frames, in order of time."""
        rows = self._base.execute(
            "SELECT s.track, s.seq, class_id, score, x, y, width, height, area, rle, scores, video, frame, time_s, dive_s "
            "FROM seen s JOIN frames f ON f.seq = s.seq WHERE track = ? ORDER BY s.seq",
            (track,),
        )
        return [
            (Seen(r[0], r[1], r[2], r[3], (r[4], r[5], r[6], r[7]), r[8], r[9], r[10]), Frame(r[1], *r[11:]))
            for r in rows
        ]

    def votes(self, track: int) -> list[Vote]:
        """Second opinions about a track, in order of time."""
        rows = self._base.execute(
            "SELECT track, seq, class_id, score FROM votes WHERE track = ? ORDER BY seq, class_id", (track,)
        )
        return [Vote(*row) for row in rows]

    def image(self, track: int, class_id: int) -> tuple[int, bytes]:
        """Frame index and JPEG of a track's best image as an object of a class."""
        query = "SELECT seq, jpeg FROM images WHERE track = ? AND class_id = ?"
        seq, jpeg = self._base.execute(query, (track, class_id)).fetchone()
        return int(seq), bytes(jpeg)

    def begin_classes(self) -> None:
        """Forget the classes set by `set_class`."""
        self._base.execute("DELETE FROM final")

    def set_class(self, track: int, class_id: int, number: int, *, name_id: int, group_id: int) -> None:
        """Set the class of a counted track, its number in tables, and its name and supercategory, see `naming.Naming`."""
        self._base.execute(
            "INSERT INTO final VALUES (?, ?, ?, ?, ?)", (track, class_id, number, name_id, group_id)
        )

    def counted_in(self, seq: int) -> list[tuple[Seen, tuple[int, int, int]]]:
        """The counted tracks in one frame, best first, each with its class, number and name, see `naming.Naming`."""
        rows = self._base.execute(
            "SELECT s.track, seq, s.class_id, score, x, y, width, height, area, rle, final.class_id, number, "
            "name_id "
            "FROM seen s JOIN final ON final.track = s.track WHERE seq = ? ORDER BY score DESC, s.track",
            (seq,),
        )
        return [
            (Seen(r[0], r[1], r[2], r[3], (r[4], r[5], r[6], r[7]), r[8], r[9]), (r[10], r[11], r[12]))
            for r in rows
        ]
