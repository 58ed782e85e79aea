"""What a dive is made of: its videos and their frames."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from seasift.core.types import UInt8


@dataclass(frozen=True)
class DiveVideo:
    """One file of a dive.

    Attributes:
        file: as given, with forward slashes.
        width, height: px, upright, square pixels; every frame of the file is given that large.
        offset_s: where the file begins on the dive's clock.
        fps: nominal; times never follow from it.
        frames: by the header, if it says.
        duration_s: by the header, if it says.
        start_utc: of the file's beginning, if it was given or the metadata says.
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
        video: place of its file in `Dive.videos`.
        frame: place in the file, from 0, counting every decoded frame.
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
