"""Read frames of a dive on demand, and cut images of a track at several times in one pass over its videos."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path, PurePosixPath

import numpy as np

from seasift.core.errors import ImageError, NotFoundError
from seasift.core.instances import Instances
from seasift.core.masks import from_coco
from seasift.core.types import UInt8
from seasift.formats.tracks import Header, Observation, Video
from seasift.review.tracks import Tracks
from seasift.survey.best import crop_of
from seasift.video.decoding import decoded
from seasift.video.file import Header as FileHeader
from seasift.video.file import read_header
from seasift.video.orientation import oriented_rgb
from seasift.video.seeking import Start

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
        self.paths = [_found(_indices(video, folder, elsewhere)) for video in header.videos]
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
    path: Path, header: FileHeader, wanted: list[Wanted], find_seek_points: bool
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


def _indices(video: Video, folder: Path, elsewhere: Path | None) -> Iterator[Path]:
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


def _found(indices: Iterator[Path]) -> Path | None:
    return next((index for index in indices if index.is_file()), None)


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
