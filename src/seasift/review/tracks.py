"""The tracks of a survey's folder: a short row of each in memory, with observations read on demand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from seasift.core.errors import InputError, NotFoundError
from seasift.formats.tracks import Header, Observation, TrackEntry

NAME = "tracks.json"


@dataclass(frozen=True)
class Row:
    """A counted track, without its observations.

    Attributes:
        id: its number in the survey's tables.
        name: the class that the model gave it.
        score: probability of this class, 0 to 1.
        frames: number of frames that show it.
        first, last: first and last frame.
        first_s, last_s: the same on the dive's clock.
        at: position of its line in tracks.json, in bytes; `length` is that of the line.
    """

    id: int
    name: str
    score: float
    frames: int
    first: tuple[int, int]
    last: tuple[int, int]
    first_s: float
    last_s: float
    at: int
    length: int


class Tracks:
    """The results of `seasift survey` in a folder.

    Attributes:
        folder: folder of the survey.
        header: classes, videos, model.
        rows: the counted tracks, by number.
        sha256: SHA-256 of tracks.json.
    """

    def __init__(self, folder: Path) -> None:
        """Read the folder.

        Raises:
            InputError: the folder has no tracks.json of a survey.
        """
        self.folder, self.path = folder, folder / NAME
        digest = hashlib.sha256()
        self.rows: dict[int, Row] = {}
        try:
            with self.path.open("rb") as file:
                head, second = file.readline(), file.readline()
                if second.strip() != b'"tracks": [' or not head.rstrip().endswith(b","):
                    raise self._strange("another layout")
                self.header = Header.model_validate_json(head.rstrip()[:-1] + b"}")
                digest.update(head + second)
                self._read(file.tell(), iter(file.readline, b""), digest)
        except FileNotFoundError:
            raise InputError(
                f"{folder}: holds no {NAME}; expected a folder that `seasift survey DIVE -o FOLDER` has written."
            ) from None
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror}).") from None
        except ValidationError as error:
            raise self._strange(str(error.errors()[0]["msg"])) from None
        self.sha256 = digest.hexdigest()

    def entry(self, track: int) -> TrackEntry:
        """One track with its observations.

        Raises:
            NotFoundError: no such track.
        """
        row = self.row(track)
        with self.path.open("rb") as file:
            file.seek(row.at)
            return _entry(file.read(row.length))

    def row(self, track: int) -> Row:
        """One track without its observations.

        Raises:
            NotFoundError: no such track.
        """
        if track not in self.rows:
            raise NotFoundError(f"no track {track}; this survey has {len(self.rows)}.")
        return self.rows[track]

    def entries(self) -> Iterator[TrackEntry]:
        """All counted tracks, read one by one."""
        return (self.entry(track) for track in self.rows)

    def dive_s(self, seen: Observation) -> float:
        """Time of an observation on the dive's clock."""
        return round(self.header.videos[seen.video].offset_s + seen.time_s, 6)

    def image(self, track: int) -> Path:
        """The best image of a track from the survey."""
        return self.folder / "pictures" / f"track-{self.row(track).id:06}.jpg"

    def _read(self, at: int, lines: Iterator[bytes], digest: hashlib._Hash) -> None:
        ended = False
        for line in lines:
            digest.update(line)
            ended = ended or line.startswith(b"]}")
            if not ended and line.strip():
                entry = _entry(line)
                if entry.confirmed:
                    self.rows[entry.id] = self._row(entry, at, len(line))
            at += len(line)
        if not ended:
            raise self._strange("it breaks off")

    def _row(self, entry: TrackEntry, at: int, length: int) -> Row:
        first, last = entry.observations[0], entry.observations[-1]
        return Row(
            id=entry.id,
            name=entry.name,
            score=entry.score,
            frames=len(entry.observations),
            first=(first.video, first.frame),
            last=(last.video, last.frame),
            first_s=self.dive_s(first),
            last_s=self.dive_s(last),
            at=at,
            length=length,
        )

    def _strange(self, what: str) -> InputError:
        return InputError(f"{self.path}: not a file of `seasift survey` ({what}). Run the survey again.")


def _entry(line: bytes) -> TrackEntry:
    return TrackEntry.model_validate_json(line.strip().removesuffix(b","))
