"""A small video whose frames tell their number, made with PyAV."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def frame_picture(index: int, height: int = 32, width: int = 48) -> Any:
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
            frame = av.VideoFrame.from_ndarray(frame_picture(index), format="rgb24")
            if pts:
                frame.pts, frame.time_base = pts[index], Fraction(1, 1000)
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return path


def turn_clockwise(path: Path) -> Path:
    """Say in an MP4's track header that the picture is to be shown turned by 90 degrees clockwise."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    # (x, y) is shown at (a x + c y, b x + d y): right becomes down. ISO/IEC 14496-12, 8.3.2.
    data[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 32 * one, 0, 1 << 30)
    path.write_bytes(bytes(data))
    return path
