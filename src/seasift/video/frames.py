"""Videos and frames of a dive, and the parts of a video that could not be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

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
