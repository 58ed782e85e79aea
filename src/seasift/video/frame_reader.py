"""Frames of a video as Python users iterate over them."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType

from seasift.core.errors import ImageError, InputError
from seasift.video.dive import DiveFrame, LiveDive
from seasift.video.frames import Gap
from seasift.video.reading import Span, read_span, told
from seasift.video.sampling import FrameSampling, parse_time

TimeLike = str | float
"""Seconds as a number, or "90", "90s", "1:30", "00:01:30.5"."""


def open_video(
    path: str | os.PathLike[str],
    every: str | int = "1s",
    start: TimeLike | None = None,
    end: TimeLike | None = None,
) -> FrameReader:
    """Open a video file or a live source.

    Args:
        path: a video file; or a live source such as rtsp://… or /dev/video0.
        every: "2s" for one frame every 2 seconds; 30 or "30" for every 30th frame.
        start: first time in the video, in seconds or as "1:30"; default: its beginning.
        end: time before which to stop; default: its end.
    Returns:
        An iterable of frames, each with `.image` (H, W, 3) uint8 RGB, `.time_s` and `.frame`.
    Raises:
        InputError: no such file, not a video, or an invalid option.

    >>> for frame in seasift.open_video("dive.mp4", every="1s"):
    ...     found = model(frame.image)
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"a value of type {type(path).__name__}; expected the path of a video file.")
    return FrameReader(path if isinstance(path, str) else Path(path), parse_span(every, start, end))


def parse_span(every: str | int, start: TimeLike | None, end: TimeLike | None) -> Span:
    """Which frames of a video to take.

    Raises:
        InputError: an invalid option, or an end before the start.
    """
    start_s, end_s = parse_time(start, "--start"), parse_time(end, "--end")
    if end_s is not None and end_s <= (start_s or 0.0):
        raise InputError(f"--end {end}: not behind --start {start or 0}. Give a later end.")
    return Span(FrameSampling.parse(str(every)), start_s, end_s)


class FrameReader:
    """Frames of a video or live source, decoded in advance by a separate thread.

    Each iteration starts from the beginning. The thread ends with the iteration: at the last frame, when a `for` loop is
    left and its iterator is gone, at `close()`, or at the end of a `with` block.

    Attributes:
        gaps: parts that could not be read so far. They are skipped; a warning names them at the end.

    >>> with seasift.open_video("dive.mp4", every="2s", start="1:00") as video:
    ...     for frame in video:
    ...         print(frame.frame, frame.time_s, frame.image.shape)
    """

    def __init__(self, source: Path | str, span: Span) -> None:
        """Open the source; see `open_video`."""
        self._name = str(source)
        self._dive = read_span(source, span)
        self._running: weakref.WeakSet[Generator[DiveFrame]] = weakref.WeakSet()

    @property
    def gaps(self) -> list[Gap]:
        """Parts that could not be read."""
        return list(self._dive.gaps)

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the frames, px."""
        return self._dive.videos[0].height, self._dive.videos[0].width

    @property
    def duration_s(self) -> float | None:
        """Length of the whole file by its header, seconds; None if it does not say."""
        return self._dive.videos[0].duration_s

    def __iter__(self) -> Iterator[DiveFrame]:
        frames = self._frames()
        self._running.add(frames)
        return frames

    def _frames(self) -> Generator[DiveFrame]:
        frames = self._dive.frames()
        empty = True
        try:
            for frame in frames:
                empty = False
                yield frame
        finally:
            if isinstance(frames, Generator):
                frames.close()  # ends the thread that decodes
        if self._dive.gaps:
            warnings.warn(told(self._dive.gaps), stacklevel=2)
        elif empty:
            length = f"; it is {self.duration_s:.2f} s long" if self.duration_s else ""
            raise ImageError(f"{self._name}: no images in that span{length}. Change start or end.")

    def close(self) -> None:
        """End every iteration and its thread."""
        for frames in list(self._running):
            frames.close()
        if isinstance(self._dive, LiveDive):
            self._dive.close()

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        height, width = self.size_hw
        length = "" if self.duration_s is None else f", {self.duration_s:.2f} s"
        return f"FrameReader({self._name!r}, {width}x{height} px{length})"
