"""The tracks of a survey's folder: a short row of each in memory, with observations read on demand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from seasift.core.choices import ObjectNames, choose
from seasift.core.errors import InputError, NotFoundError
from seasift.core.rollup import coarse_names
from seasift.formats.tracks import Header, Observation, TrackEntry

NAME = "tracks.json"


@dataclass(frozen=True)
class Row:
    """A counted track, without its observations.

    Attributes:
        id: its number in the survey's tables.
        name: what the model calls it: its class, or a coarser name if the survey rolled it up.
        score: probability of this name, 0 to 1.
        level: "class", "supercategory" or "object".
        class_name: its likeliest class.
        class_score: probability of this class.
        frames: number of frames that show it.
        first, last: first and last frame.
        first_s, last_s: the same on the dive's clock.
        at: position of its line in tracks.json, in bytes; `length` is that of the line.
    """

    id: int
    name: str
    score: float
    level: str
    class_name: str
    class_score: float
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

    def __init__(self, folder: Path, *, names: str | None = None) -> None:
        """Read the folder.

        Args:
            names: "class" for the likeliest class of each track, "rollup" for the survey's rolled-up names; None: as the
                survey names them.
        Raises:
            InputError: the folder has no tracks.json of a survey, or no rolled-up names where they are wanted.
        """
        if names is not None:
            choose("--names", names, list(ObjectNames))
        self.folder, self.path = folder, folder / NAME
        self._by_class = names == ObjectNames.CLASS
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
        if names == ObjectNames.ROLLUP and self.header.names is None:
            raise InputError(
                f"--names rollup: {self.path} names tracks by their classes. Run the survey again with a model that has "
                "thresholds for rolled-up names."
            )

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
        named = None if self._by_class else entry.rollup
        return Row(
            id=entry.id,
            name=named.name if named else entry.name,
            score=named.score if named else entry.score,
            level=named.level if named else "class",
            class_name=entry.name,
            class_score=entry.score,
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


def is_coarse(tracks: Tracks, name: str) -> bool:
    """Whether a name is one that the survey gives tracks of uncertain class, not a class."""
    classes = [category.name for category in tracks.header.categories]
    return tracks.header.names is not None and name in coarse_names(classes) and name not in classes


def _entry(line: bytes) -> TrackEntry:
    return TrackEntry.model_validate_json(line.strip().removesuffix(b","))
