"""Evaluate the frames of a dive in order, with all that tracking, counting and drawing need of an image."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial

from seasift.core.instances import Instances
from seasift.core.types import Float64, UInt8
from seasift.inference.stream import in_order
from seasift.survey.best import crop_of
from seasift.survey.kept import Frame
from seasift.tracking.camera import CameraView
from seasift.video.dive import Dive, DiveFrame, LiveDive

Look = Callable[[UInt8], tuple[Instances, Float64]]
"""Maps an image (H, W, 3) uint8 RGB to its objects and statistics, see `inference.image_statistics`."""


@dataclass(frozen=True, eq=False)
class Looked:
    """A frame after the model: the image is no longer needed.

    Attributes:
        video, frame, time_s, dive_s: as in `video.dive.DiveFrame`.
        instances: its objects.
        looks: statistics of the frame, see `Look`.
        view: view of the camera, for its motion.
        crop: maps the index of an object to its image (JPEG), see `best.crop_of`.
    """

    video: int
    frame: int
    time_s: float
    dive_s: float
    instances: Instances
    looks: Float64
    view: CameraView
    crop: Callable[[int], bytes]


Looking = Callable[[Dive | LiveDive, Frame | None], Iterator[Looked]]
"""Maps a dive and the last evaluated frame to the frames after it; `Dive.gaps` grows meanwhile."""


def looked(look: Look, frame: DiveFrame) -> Looked:
    """Evaluate one frame."""
    image = frame.image_rgb_u8
    instances, looks = look(image)
    return Looked(
        frame.video,
        frame.frame,
        frame.time_s,
        frame.dive_s,
        instances,
        looks,
        CameraView.of(image, instances),
        partial(crop_of, image, instances),
    )


def look_here(look: Look, max_in_flight: int, dive: Dive | LiveDive, after: Frame | None) -> Iterator[Looked]:
    """Evaluate all frames in threads of this process.

    Args:
        look: called by threads.
        max_in_flight: images being evaluated; as many again may wait.
    """
    index, time_s = (None, None) if after is None else ((after.video, after.frame), after.time_s)
    return in_threads(look, max_in_flight, dive.frames(index, after_time_s=time_s))


def in_threads(look: Look, max_in_flight: int, frames: Iterator[DiveFrame]) -> Iterator[Looked]:
    """Frames in order, several at once; the number of images in memory does not grow with the dive."""
    try:
        yield from in_order((partial(looked, look, frame) for frame in frames), max_in_flight)
    finally:
        if isinstance(frames, Generator):
            frames.close()  # ends the thread that decodes
