"""Pictures of a dive's frames, taken from its videos when they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np

from seasift.core.errors import BadPicture
from seasift.core.instances import Instances
from seasift.core.masks import from_coco
from seasift.core.types import UInt8
from seasift.formats.tracks import Header, Observation, Video
from seasift.runtime.decoding import decoded
from seasift.runtime.skim import Start
from seasift.runtime.upright import upright_rgb
from seasift.runtime.video_file import Header as FileHeader
from seasift.runtime.video_file import read_header

Wanted = tuple[int, float]
"""Place of a frame in its file, and its time there, seconds."""

_SAME_S = 0.001
_FAR = 250  # frames; to one that is further away a new start is quicker


class Footage:
    """The videos of a survey, as far as they are still there.

    A video is looked for in the folder that the user names, then on its way from tracks.json, under the whole name that
    the survey was given, by its last part in the survey's folder and beside it, and from the folder that one is in.
    """

    def __init__(self, header: Header, folder: Path, elsewhere: Path | None = None) -> None:
        """See the class."""
        self.paths = [_found(_places(video, folder, elsewhere)) for video in header.videos]
        self._sizes = [(video.height, video.width) for video in header.videos]
        self._header = cache(read_header)

    def pictures(self, video: int, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, UInt8]]:
        """Frames of one video, (H, W, 3) uint8 RGB, in the order of time; those that are not there are left out.

        Args:
            video: place among the dive's videos.
            wanted: frames, in the order of time.
        Raises:
            BadPicture: the video is not there, or is another one.
        """
        path = self.paths[video]
        if path is None:
            raise BadPicture("its video is not there any more. Name its folder with --footage.")
        header = self._header(path)
        if header.size_hw != self._sizes[video]:
            raise BadPicture(f"{path}: another video than the one surveyed: its pictures have another size.")
        left, skim = list(wanted), True
        while left:
            left, skim = yield from _run(path, header, left, skim)


def instances_of(seen: Observation, class_id: int, size_hw: tuple[int, int]) -> Instances:
    """One observation as the objects of a picture."""
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
    path: Path, header: FileHeader, wanted: list[Wanted], skim: bool
) -> Generator[tuple[Wanted, UInt8], None, tuple[list[Wanted], bool]]:
    """Pictures from the first wanted frame on, to one that lies far ahead.

    Args:
        skim: pass over what lies before; in damaged files frames may then have other numbers, which shows by
            their times.
    Returns:
        What is still wanted, and whether skimming can be trusted.
    """
    stop = threading.Event()
    start = Start(index=wanted[0][0]) if skim else None
    left, before = list(wanted), wanted[0][0]
    try:
        for item in decoded(path, path.as_posix(), lambda _gap: None, start=start, stop=stop):
            while left and left[0][0] < item.index:
                left.pop(0)
            if not left or (skim and left[0][0] - before > _FAR):
                return left, skim
            if item.index == left[0][0]:
                if abs(item.time_s - left[0][1]) < _SAME_S:
                    yield left[0], upright_rgb(item.frame, header.aspect, header.size_hw)
                elif skim:
                    return left, False
                before = left.pop(0)[0]
        return [], skim
    finally:
        stop.set()


def _places(video: Video, folder: Path, elsewhere: Path | None) -> Iterator[Path]:
    """Where a video may be, the surest first."""
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


def _found(places: Iterator[Path]) -> Path | None:
    return next((place for place in places if place.is_file()), None)
