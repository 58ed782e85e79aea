"""The tracks of a survey's folder, and their images.

Memory holds a short row of each track; observations are read on demand. The images of a track are cut at several times
in one pass over its videos.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path, PurePosixPath

import numpy as np
from pydantic import ValidationError

from seasift.core.choices import ObjectNames, choose
from seasift.core.errors import ImageError, InputError, NotFoundError
from seasift.core.instances import Instances
from seasift.core.masks import from_coco
from seasift.core.rollup import coarse_names
from seasift.core.types import UInt8
from seasift.formats.tracks import Header, Observation, TrackEntry, Video
from seasift.survey.follow import crop_of
from seasift.video.decoding import decoded
from seasift.video.file import VideoHeader, read_header
from seasift.video.orientation import oriented_rgb
from seasift.video.seeking import Start

NAME = "tracks.json"


@dataclass(frozen=True)
class TrackRow:
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
        self.rows: dict[int, TrackRow] = {}
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

    def row(self, track: int) -> TrackRow:
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

    def _row(self, entry: TrackEntry, at: int, length: int) -> TrackRow:
        first, last = entry.observations[0], entry.observations[-1]
        named = None if self._by_class else entry.rollup
        return TrackRow(
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


Wanted = tuple[int, float]
"""Index of a frame in its file, and its time there, seconds."""

_SAME_S = 0.001
_FAR = 250  # frames; beyond this distance, a new seek is quicker


class Footage:
    """The videos of a survey, as far as available.

    Paths are tried in this order: the folder named by the user, the path in tracks.json, an absolute name given to the
    survey, the file name in the survey's folder and in its parent, and the given name from the current folder.
    """

    def __init__(self, header: Header, folder: Path, elsewhere: Path | None = None) -> None:
        """See the class."""
        self.paths = [_found(_paths(video, folder, elsewhere)) for video in header.videos]
        self._sizes = [(video.height, video.width) for video in header.videos]
        self._header = cache(read_header)

    def images(self, video: int, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, UInt8]]:
        """Frames of one video, (H, W, 3) uint8 RGB, in order of time; missing frames are skipped.

        Args:
            video: index among the dive's videos.
            wanted: frames, in order of time.
        Raises:
            ImageError: the video is missing, or is another one.
        """
        path = self.paths[video]
        if path is None:
            raise ImageError("its video is missing. Name its folder with --footage.")
        header = self._header(path)
        if header.size_hw != self._sizes[video]:
            raise ImageError(f"{path}: another video than the one surveyed: its images have another size.")
        left, find_seek_points = list(wanted), True
        while left:
            left, find_seek_points = yield from _run(path, header, left, find_seek_points)


def instances_of(seen: Observation, class_id: int, size_hw: tuple[int, int]) -> Instances:
    """One observation as the objects of an image."""
    x, y, width, height = seen.box_xywh
    segmentation = seen.mask.model_dump() if seen.mask else seen.polygons
    return Instances(
        np.array([[x, y, x + width, y + height]], np.float32),
        np.array([seen.score], np.float32),
        np.array([class_id], np.int64),
        size_hw,
        (from_coco(segmentation, size_hw),) if segmentation else None,
    )


def _run(
    path: Path, header: VideoHeader, wanted: list[Wanted], find_seek_points: bool
) -> Generator[tuple[Wanted, UInt8], None, tuple[list[Wanted], bool]]:
    """Read images from the first wanted frame up to a large distance between wanted frames.

    Args:
        find_seek_points: seek past earlier frames. In damaged files, frames may then have other numbers, which their times
            reveal.
    Returns:
        The frames still wanted, and whether seeking is reliable.
    """
    stop = threading.Event()
    start = Start(index=wanted[0][0]) if find_seek_points else None
    left, before = list(wanted), wanted[0][0]
    try:
        for item in decoded(path, path.as_posix(), lambda _gap: None, start=start, stop=stop):
            while left and left[0][0] < item.index:
                left.pop(0)
            if not left or (find_seek_points and left[0][0] - before > _FAR):
                return left, find_seek_points
            if item.index == left[0][0]:
                if abs(item.time_s - left[0][1]) < _SAME_S:
                    yield left[0], oriented_rgb(item.frame, header.aspect, header.size_hw)
                elif find_seek_points:
                    return left, False
                before = left.pop(0)[0]
        return [], find_seek_points
    finally:
        stop.set()


def _paths(video: Video, folder: Path, elsewhere: Path | None) -> Iterator[Path]:
    """Candidate paths of a video, the most certain first."""
    given = Path(video.file)
    name = PurePosixPath(video.file.replace("\\", "/")).name
    if elsewhere is not None:
        if video.path is not None:
            yield elsewhere / PurePosixPath(video.path).name
        yield elsewhere / name
    if video.path is not None:
        yield folder.resolve() / video.path
    if given.is_absolute() or video.path is None:
        yield given
    yield folder / name
    yield folder.resolve().parent / name
    yield given


def _found(paths: Iterator[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


_VIEWS = 8
_KEPT = 512  # JPEG files of at most 640 px
_View = tuple[int, int]  # track, index among its observations


class Views:
    """Views of tracks. Thread-safe; one thread decodes at a time."""

    def __init__(self, tracks: Tracks, footage: Footage) -> None:
        """Begin without any."""
        self._tracks, self._footage = tracks, footage
        self._kept: OrderedDict[_View, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._pass: tuple[int, Generator[int, None, None]] | None = None

    def indices(self, track: int) -> list[int]:
        """Indices of some observations of a track, evenly spaced, including the first and the last."""
        count = self._tracks.row(track).frames
        if count <= _VIEWS:
            return list(range(count))
        return [round(k * (count - 1) / (_VIEWS - 1)) for k in range(_VIEWS)]

    def get(self, track: int, index: int) -> bytes:
        """One of these observations with a margin and its outline, as JPEG.

        Raises:
            NotFoundError: no such view. ImageError: its video, or the frame in it, is missing.
        """
        if index not in self.indices(track):
            raise NotFoundError(f"track {track} has no view {index}; expected one of {self.indices(track)}.")
        with self._lock:
            if (track, index) not in self._kept:
                self._go_on(track, index)
            self._kept.move_to_end((track, index))
            return self._kept[track, index]

    def _go_on(self, track: int, index: int) -> None:
        for fresh in (False, True):
            if fresh or self._pass is None or self._pass[0] != track:
                if self._pass:
                    self._pass[1].close()
                left = [each for each in self.indices(track) if each >= index]
                self._pass = track, self._cut(track, left)
            for at in self._pass[1]:
                if at >= index:
                    break
            if (track, index) in self._kept:
                return
        raise ImageError(f"track {track}: its video no longer holds this frame.")

    def _cut(self, track: int, indices: Sequence[int]) -> Generator[int, None, None]:
        """Store views, and yield the index of each."""
        seen = self._tracks.entry(track).observations
        names = [category.name for category in self._tracks.header.categories]
        class_id = names.index(self._tracks.row(track).class_name)
        for video, group in groupby(indices, key=lambda index: seen[index].video):
            at = {(seen[index].frame, seen[index].time_s): index for index in group}
            for wanted, image in self._footage.images(video, list(at)):
                size_hw = image.shape[0], image.shape[1]
                instances = instances_of(seen[at[wanted]], class_id, size_hw)
                self._kept[track, at[wanted]] = crop_of(image, instances, 0)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
                yield at[wanted]
