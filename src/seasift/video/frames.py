"""Videos and frames of a dive, which frames to take, and the parts that could not be read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from numbers import Real

from seasift.core.errors import InputError
from seasift.core.types import UInt8


@dataclass(frozen=True)
class DiveVideo:
    """One file of a dive.

    Attributes:
        file: path as given, with forward slashes.
        width, height: px, upright, square pixels; every frame of the file has this size.
        offset_s: beginning of the file on the dive's clock.
        fps: nominal; never used to compute times.
        frames: by the header, if it says.
        duration_s: by the header, if it says.
        start_utc: beginning of the file, if given or stated in the metadata.
    """

    file: str
    width: int
    height: int
    offset_s: float
    fps: float | None
    frames: int | None
    duration_s: float | None
    start_utc: datetime | None


@dataclass(frozen=True, eq=False)
class DiveFrame:
    """One frame.

    Attributes:
        video: index of its file in `Dive.videos`.
        frame: index in the file, from 0, counting every decoded frame.
        time_s: presentation time from the file's beginning.
        dive_s: the same on the dive's clock.
        image_rgb_u8: (H, W, 3) uint8 RGB, upright.
    """

    video: int
    frame: int
    time_s: float
    dive_s: float
    image_rgb_u8: UInt8

    @property
    def image(self) -> UInt8:
        """The image, (H, W, 3) uint8 RGB: short for `image_rgb_u8`."""
        return self.image_rgb_u8


Report = Callable[["Gap"], None]


@dataclass(frozen=True)
class Gap:
    """A part of a file without readable images.

    Attributes:
        file: as the user named it.
        from_s: start, presentation time in the file, seconds.
        to_s: time of the first image after it, or the expected end of the file; None if unknown.
        reason: in a few words.
    """

    file: str
    from_s: float
    to_s: float | None
    reason: str

    @property
    def end(self) -> str:
        """`to_s` in words."""
        return "its end" if self.to_s is None else f"{self.to_s:.2f} s"

    def __str__(self) -> str:
        return f"{self.file}: nothing could be read from {self.from_s:.2f} s to {self.end}: {self.reason}."


class Damage:
    """Joins nearby errors into one gap, which the next good image closes."""

    def __init__(self, file: str, report: Report, step_s: float) -> None:
        """`step_s`: nominal time from image to image."""
        self._file, self._report, self._step_s = file, report, step_s
        self._whole_s: float | None = None  # last good image
        self._first: float | None = None
        self._last, self._reason = 0.0, ""

    def bad(self, time_s: float, reason: str) -> None:
        """Record that something at that time could not be read."""
        if self._first is None:
            # Decoders report late: the next expected image may be missing, too.
            next_s = 0.0 if self._whole_s is None else self._whole_s + self._step_s
            self._first, self._last, self._reason = min(time_s, next_s), time_s, reason
        self._first, self._last = min(self._first, time_s), max(self._last, time_s)

    def good(self, time_s: float) -> None:
        """Record a good image. Decoders return images late: one from before the damage closes nothing."""
        if self._first is not None and time_s > self._last:
            self._report(Gap(self._file, self._first, time_s, self._reason))
            self._first = None
        self._whole_s = time_s

    def end(self, time_s: float | None) -> bool:
        """Record the end of the images and the expected end of the file; return whether this is damage."""
        if self._first is None:
            return False
        to_s = None if time_s is None or time_s <= self._first else time_s
        self._report(Gap(self._file, self._first, to_s, self._reason))
        self._first = None
        return True


_LONGEST = 40
GRACE_S = 0.0005  # timestamps are rounded to the track's time base


@dataclass(frozen=True)
class FrameSampling:
    """Which frames of a video to take: every `frames`-th one, or the first of every `seconds`.

    With `keyframes`, take the first keyframe of those frames or seconds, if any; only keyframes are decoded.
    """

    frames: int | None = None
    seconds: float | None = None
    keyframes: bool = False

    @classmethod
    def parse(cls, text: str) -> FrameSampling:
        """Parse `30` (every 30th frame), `2s` (one frame every 2 seconds) or `1s keyframes`.

        Raises:
            InputError: anything else, or not above 0.
        """
        if len(text) > _LONGEST:
            raise InputError(f"--every: a text of {len(text):,} characters; expected one like 30 or 2s.")
        match = re.fullmatch(r"(?:(\d+)|(\d+(?:\.\d*)?|\.\d+)\s*s)(\s+keyframes)?", text.strip())
        if match and match[1] and int(match[1]) > 0:
            return cls(frames=int(match[1]), keyframes=bool(match[3]))
        if match and match[2] and float(match[2]) > 0:
            return cls(seconds=float(match[2]), keyframes=bool(match[3]))
        raise InputError(
            f"--every {text!r}; expected a number of frames like 30, or of seconds like 2s or 0.5s."
        )

    def share(self, index: int, time_s: float) -> int:
        """Index of the share of `frames` or `seconds` that holds a frame; the first frame of each is taken.

        Whether a frame is taken depends only on the one before it, so a run can begin anywhere.
        """
        if self.frames:
            return index // self.frames
        return math.floor((time_s + GRACE_S) / (self.seconds or 1.0))


def parse_time(time: str | float | None, option: str) -> float | None:
    """A time of footage in seconds, from a number or from `90`, `90s`, `.5`, `1:30` or `01:02:03.5`.

    Raises:
        InputError: anything else.
    """
    if time is None:
        return None
    if not isinstance(time, str | Real) or isinstance(time, bool):
        raise InputError(
            f"{option}: a value of type {type(time).__name__}; expected seconds, or a text like 1:30."
        )
    text = time if isinstance(time, str) else f"{float(time):f}"
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)\s*s?", text.strip())
    if not match:
        raise InputError(
            f"{option} {text!r}; expected seconds like 90 or 90s, or a time like 1:30 or 00:01:30."
        )
    if len(text) > _LONGEST:
        raise InputError(f"{option}: a time of {len(text):,} characters; expected seconds like 90, or 1:30.")
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3])
