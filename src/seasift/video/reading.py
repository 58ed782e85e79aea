"""Read selected frames of one video, and iterate over them in Python."""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from seasift.core.errors import ImageError, InputError
from seasift.core.types import SizeHW
from seasift.video.dive import Dive, DiveFrame, LiveDive, open_dive
from seasift.video.file import duration_s, fps, opened
from seasift.video.frames import FrameSampling, Gap, parse_time
from seasift.video.kinds import VIDEO_SUFFIXES
from seasift.video.live import is_live

__all__ = [
    "SUFFIXES",
    "FrameSampling",
    "Span",
    "describe_gaps",
    "expected_count",
    "frame_size",
    "frames",
    "read_span",
]

SUFFIXES = VIDEO_SUFFIXES


@dataclass(frozen=True)
class Span:
    """Frames to take: the first of each share, from `start_s` to before `end_s`, in seconds."""

    every: FrameSampling
    start_s: float | None = None
    end_s: float | None = None


def read_span(source: Path | str, span: Span) -> Dive | LiveDive:
    """One file or live source as a dive.

    Raises:
        ImageError: as `open_dive`.
    """
    return open_dive([source], every=span.every, start_s=span.start_s, end_s=span.end_s)


def frames(path: Path, every: FrameSampling, *, stop: threading.Event | None = None) -> Iterator[DiveFrame]:
    """Decode a video and yield the selected frames, in order.

    Args:
        stop: asked between two packets; ends the frames when set.
    Raises:
        ImageError: missing, not a video, or without an image track; or damaged, raised after all readable frames,
            with the position.
    """
    dive = read_span(path, Span(every))
    yield from dive.frames(stop=stop) if isinstance(dive, Dive) else dive.frames()
    if dive.gaps:
        raise ImageError(describe_gaps(dive.gaps))


def describe_gaps(gaps: Sequence[Gap], most: int = 3) -> str:
    """One line on the unreadable parts of a file or live source."""
    parts = [f"from {gap.from_s:.2f} s to {gap.end} ({gap.reason})" for gap in gaps[:most]]
    more = f" and {len(gaps) - most} more parts" if len(gaps) > most else ""
    name = gaps[0].file
    if is_live(name):
        return f"{name}: no images {', '.join(parts)}{more}. Check the connection."
    return f"{name}: damaged; nothing could be read {', '.join(parts)}{more}. Copy it again."


def expected_count(
    path: Path, every: FrameSampling, start_s: float | None = None, end_s: float | None = None
) -> int:
    """Number of frames that `frames` will yield, by the header; 1 if unknown. For progress bars."""
    try:
        with opened(path) as (container, track):
            whole_s = duration_s(container, track) or 0.0
            count = track.frames or round(whole_s * (fps(track) or 0.0))
    except ImageError:
        return 1
    share_s = max(0.0, min(whole_s, whole_s if end_s is None else end_s) - (start_s or 0.0))
    if every.frames:
        return max(1, -(-round(count * share_s / whole_s if whole_s else count) // every.frames))
    return max(1, round(share_s / (every.seconds or 1.0)))


def frame_size(path: Path) -> SizeHW | None:
    """Height and width of the frames in px by the header, before rotation; None if unknown."""
    try:
        with opened(path) as (_, track):
            return (track.height, track.width) if track.height and track.width else None
    except ImageError:
        return None


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
            warnings.warn(describe_gaps(self._dive.gaps), stacklevel=2)
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
