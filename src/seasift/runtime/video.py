"""Frames of video files, through PyAV (FFmpeg)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seasift.core.errors import BadInput, BadPicture
from seasift.core.types import SizeHW, UInt8

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

SUFFIXES = frozenset(
    {".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv"}
)


@dataclass(frozen=True)
class Every:
    """Which frames of a video to take: each `frames`-th one, or the first of each `seconds`."""

    frames: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, text: str) -> Every:
        """`30` is every 30th frame, `2s` or `0.5s` a frame for each so many seconds.

        Raises:
            BadInput: anything else, or not above 0.
        """
        match = re.fullmatch(r"(?:(\d+)|(\d+(?:\.\d*)?|\.\d+)\s*s)", text.strip())
        if match and match[1] and int(match[1]) > 0:
            return cls(frames=int(match[1]))
        if match and match[2] and float(match[2]) > 0:
            return cls(seconds=float(match[2]))
        raise BadInput(
            f"--every {text!r}; expected a number of frames like 30, or of seconds like 2s or 0.5s."
        )


@dataclass(frozen=True)
class VideoFrame:
    """One frame: its place in the video (0-based), its time, and the picture (H, W, 3) uint8 RGB, upright."""

    index: int
    time_s: float
    image_rgb_u8: UInt8


def frames(path: Path, every: Every) -> Iterator[VideoFrame]:
    """Decode a video and give some of its frames, in order.

    Raises:
        BadPicture: missing, not a video, without a picture track, or damaged; frames before the damage have
            been given by then.
    """
    import av

    try:
        with av.open(str(path)) as container:
            yield from _chosen(container, _track(container, path), every)
    except FileNotFoundError:
        raise BadPicture(f"{path}: no such file. Check the name and the folder you are in.") from None
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise BadPicture(
            f"{path}: not a video FFmpeg can read to its end ({reason}); expected MP4, MOV, MKV, AVI "
            "or alike. Copy it again, or convert it."
        ) from None


def expected_count(path: Path, every: Every) -> int:
    """How many frames `frames` will give, by the video's header; 1 if it does not say. For progress bars."""
    import av

    try:
        with av.open(str(path)) as container:
            track = container.streams.video[0]
            if every.frames:
                return max(1, -(-track.frames // every.frames))
            length_s = float((track.duration or 0) * (track.time_base or 0))
            return max(1, round(length_s / (every.seconds or 1.0)))
    except (av.FFmpegError, OSError, IndexError):
        return 1


def frame_size(path: Path) -> SizeHW | None:
    """Height and width of a video's frames in px, by its header; None if it does not say."""
    import av

    try:
        with av.open(str(path)) as container:
            track = container.streams.video[0]
            return track.height, track.width
    except (av.FFmpegError, OSError, IndexError):
        return None


def _track(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise BadPicture(
            f"{path}: holds no picture track, or is truncated; expected a whole video. Copy it again."
        )
    track = container.streams.video[0]
    track.thread_type = "AUTO"
    return track


def _chosen(container: InputContainer, track: VideoStream, every: Every) -> Iterator[VideoFrame]:
    due_s = first_s = None
    for index, frame in enumerate(container.decode(track)):
        time_s = float(frame.time or 0.0)
        first_s = time_s if first_s is None else first_s
        if every.frames:
            if index % every.frames:
                continue
        elif every.seconds:
            # Half a millisecond of grace: time stamps are rounded to the track's time base.
            if due_s is not None and time_s + 0.0005 < due_s:
                continue
            due_s = first_s + every.seconds * (int((time_s + 0.0005 - first_s) / every.seconds) + 1)
        picture = frame.to_ndarray(format="rgb24")
        turned = np.rot90(picture, k=round(frame.rotation / 90) % 4) if frame.rotation else picture
        yield VideoFrame(index, time_s, np.ascontiguousarray(turned))
