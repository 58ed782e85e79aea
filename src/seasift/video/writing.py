"""Images with times as an MP4 (H.264) that any player shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from seasift.core.errors import InputError, MissingExtraError
from seasift.core.files import replacing
from seasift.core.types import SizeHW, UInt8

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

# 90,000 a second: whole numbers for every usual frame rate and for milliseconds.
_TICKS = 90_000
_BT709, _VIDEO_RANGE = 1, 1  # FFmpeg's numbers of what every player assumes for H.264
_ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf", "h264_nvenc", "h264_qsv")
# No B-frames: with uneven times they would make the track look shorter than its last image's time.
_OPTIONS = {"libx264": {"crf": "20", "preset": "veryfast", "bf": "0"}}


class VideoWriter:
    """Receives images in order of time. Made by `writing_video`."""

    def __init__(self, path: Path, opened: ExitStack) -> None:
        """Write nothing before the first image, which sets the size; `opened` closes the file."""
        self._path, self._opened = path, opened
        self._container: OutputContainer | None = None
        self._track: VideoStream | None = None
        self._size_hw: SizeHW = (0, 0)
        self._last, self._step = -1, _TICKS // 30
        self.count = 0

    def add(self, image_rgb_u8: UInt8, time_s: float) -> None:
        """Add one image (H, W, 3) uint8 RGB, shown from this time until the next image.

        Images of another size than the first are scaled to it. A time that is not after the previous one moves 1/90,000 s
        after it.
        """
        import av

        if self._container is None or self._track is None:
            self._size_hw = image_rgb_u8.shape[0], image_rgb_u8.shape[1]
            part = self._opened.enter_context(replacing(self._path))
            options = {"movflags": "+faststart"}
            container = av.open(str(part), "w", format="mp4", options=options)
            self._container = self._opened.enter_context(container)
            self._track = _add_track(self._container, self._size_hw)
        if image_rgb_u8.shape[:2] != self._size_hw:
            image_rgb_u8 = np.asarray(cv2.resize(image_rgb_u8, self._size_hw[::-1]), np.uint8)
        rgb = av.VideoFrame.from_ndarray(_even(image_rgb_u8), format="rgb24")
        frame = rgb.reformat(format="yuv420p", dst_colorspace="ITU709")
        ticks = max(self._last + 1, round(time_s * _TICKS))
        if self.count:
            self._step = ticks - self._last
        self._last = frame.pts = ticks
        frame.time_base = Fraction(1, _TICKS)
        self._container.mux(self._track.encode(frame))
        self.count += 1

    def finish(self) -> None:
        """Write what the encoder holds back; the last image is shown as long as the one before it."""
        if self._container is None or self._track is None:
            return
        for packet in self._track.encode():
            if packet.pts == self._last:
                packet.duration = self._step
            self._container.mux(packet)


@contextmanager
def writing_video(path: Path) -> Iterator[VideoWriter]:
    """Write an MP4 that appears whole, with its index in front, or not at all. No images, no file.

    Raises:
        InputError: the path cannot be written. MissingExtraError: PyAV has no H.264 encoder.
    """
    import av

    try:
        with ExitStack() as opened:
            writer = VideoWriter(path, opened)
            yield writer
            writer.finish()
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(f"{path}: cannot be written ({reason}). Give another -o.") from None


def encoder() -> str:
    """The first encoder of H.264 that PyAV was built with and that this machine can run.

    Raises:
        MissingExtraError: no encoder found.
    """
    import av

    for name in _ENCODERS:
        if name in av.codecs_available:
            return name
    raise MissingExtraError(
        "this build of PyAV has no encoder of H.264; expected "
        f"{_ENCODERS[0]} or {_ENCODERS[1]}. Install PyAV's wheel: pip install --force-reinstall av"
    )


def _add_track(container: OutputContainer, size_hw: SizeHW) -> VideoStream:
    name = encoder()
    track = cast("VideoStream", container.add_stream(name, rate=30))
    track.height, track.width = (side + side % 2 for side in size_hw)
    track.pix_fmt = "yuv420p"
    track.codec_context.time_base = Fraction(1, _TICKS)
    track.codec_context.options = dict(_OPTIONS.get(name, {}))
    track.codec_context.max_b_frames = 0
    track.codec_context.colorspace = track.codec_context.color_primaries = track.codec_context.color_trc = (
        _BT709
    )
    track.codec_context.color_range = _VIDEO_RANGE
    track.thread_type = "AUTO"
    return track


def _even(image_rgb_u8: UInt8) -> UInt8:
    """Pad odd sides by one row or column: common H.264 halves the resolution of colour."""
    height, width = image_rgb_u8.shape[:2]
    if height % 2 or width % 2:
        grown = cv2.copyMakeBorder(image_rgb_u8, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        return np.asarray(grown, np.uint8)
    return image_rgb_u8
