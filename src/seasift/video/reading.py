"""Read selected frames of one video file."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seasift.core.errors import ImageError
from seasift.core.types import SizeHW
from seasift.video.dive import Dive, DiveFrame, LiveDive, open_dive
from seasift.video.file import duration_s, fps, opened
from seasift.video.frames import Gap
from seasift.video.kinds import VIDEO_SUFFIXES
from seasift.video.live import is_live
from seasift.video.sampling import FrameSampling

__all__ = [
    "SUFFIXES",
    "FrameSampling",
    "Span",
    "expected_count",
    "frame_size",
    "frames",
    "read_span",
    "told",
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
        raise ImageError(told(dive.gaps))


def told(gaps: Sequence[Gap], most: int = 3) -> str:
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
