"""A small video whose frames tell their number, made with PyAV."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def frame_image(index: int, height: int = 32, width: int = 48) -> Any:
    """Grey of 8 x index + 20; the left half is black in its upper part."""
    image = np.full((height, width, 3), 20 + 8 * index, np.uint8)
    image[: height // 2, : width // 2] = 0
    return image


def index_of(image: Any) -> int:
    return round((float(np.median(image[image > 12])) - 20) / 8)


def save_video(path: Path, *, count: int = 25, fps: int = 10, pts: list[int] | None = None) -> Path:
    """A clip of `count` frames; `pts` gives their times in milliseconds instead of `fps`."""
    with av.open(str(path), "w") as container:
        track = container.add_stream("mpeg4", rate=fps)
        track.width, track.height, track.pix_fmt = 48, 32, "yuv420p"
        track.bit_rate = 2_000_000
        if pts:
            track.codec_context.time_base = Fraction(1, 1000)
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(frame_image(index), format="rgb24")
            if pts:
                frame.pts, frame.time_base = pts[index], Fraction(1, 1000)
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return path


GOP = {"bf": "2", "g": "12"}
_HEVC = "log-level=none:pools=none:frame-threads=1:keyint=12:bframes=3:open-gop=1"
# The containers and codecs of issue reports: file name, encoder, pixel format, options.
KINDS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "h264-mp4": ("a.mp4", "libx264", "yuv420p", GOP),
    "h264-open-gop-mkv": ("a.mkv", "libx264", "yuv420p", GOP | {"x264-params": "open-gop=1"}),
    "h264-ts": ("a.ts", "libx264", "yuv420p", GOP),
    "h264-avi": ("a.avi", "libx264", "yuv420p", GOP),
    "h264-10-bit-mp4": ("b.mp4", "libx264", "yuv420p10le", GOP),
    "hevc-10-bit-mp4": ("c.mp4", "libx265", "yuv420p10le", {"preset": "ultrafast", "x265-params": _HEVC}),
    "hevc-ts": ("b.ts", "libx265", "yuv420p", {"preset": "ultrafast", "x265-params": _HEVC}),
    "mpeg2-ts": ("c.ts", "mpeg2video", "yuv420p", GOP),
    "mpeg2-mkv": ("b.mkv", "mpeg2video", "yuv420p", GOP),
    "mpeg4-avi": ("b.avi", "mpeg4", "yuv420p", GOP),
    "mjpeg-avi": ("c.avi", "mjpeg", "yuvj420p", {}),
    "mjpeg-mov": ("a.mov", "mjpeg", "yuvj420p", {}),
    "prores-mov": ("b.mov", "prores_ks", "yuv422p10le", {}),
}


def numbered_image(index: int) -> Any:
    """(64, 96, 3): the number in six fields, light for 1 and dark for 0; below it a bar moves. To 64."""
    image = np.full((64, 96, 3), 90, np.uint8)
    for bit in range(6):
        image[:32, bit * 16 : bit * 16 + 16] = 200 if index >> bit & 1 else 40
    image[32:, (index * 3) % 90 :][:, :6] = 200
    return image


def number_of(image: Any) -> int:
    return sum(int(image[8:24, bit * 16 + 4 : bit * 16 + 12].mean() > 120) << bit for bit in range(6))


def save_kind(folder: Path, kind: str, count: int = 64) -> Path:
    """`count` frames, 10 a second, of one of `KINDS`."""
    name, codec, pixels, options = KINDS[kind]
    images = (numbered_image(index) for index in range(count))
    return encode(folder / name, images, codec=codec, pixels=pixels, options=options)


def encode(
    path: Path,
    images: Iterable[Any],
    *,
    codec: str = "mpeg4",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    aspect: Fraction | None = None,
    metadata: dict[str, str] | None = None,
    fps: int = 10,
) -> Path:
    """A video of the images."""
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        track = container.add_stream(codec, rate=fps)
        track.pix_fmt = pixels
        track.codec_context.options = options or {"qscale": "2"}
        if aspect:
            track.codec_context.sample_aspect_ratio = aspect
        for index, image in enumerate(images):
            if index == 0:
                track.height, track.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return path


def turn_clockwise(path: Path) -> Path:
    """Say in an MP4's track header that the image is to be shown turned by 90 degrees clockwise."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    # (x, y) is shown at (a x + c y, b x + d y): right becomes down. ISO/IEC 14496-12, 8.3.2.
    data[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 32 * one, 0, 1 << 30)
    path.write_bytes(bytes(data))
    return path
