"""Which frames of a video to take."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from numbers import Real

from seasift.core.errors import InputError

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
