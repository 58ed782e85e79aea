"""A decoded frame as a viewer shows it: progressive, square pixels, upright, 8-bit RGB."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from seasift.core.types import SizeHW, UInt8

if TYPE_CHECKING:
    from av.filter import Graph
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


# FFmpeg's numbers of colour matrices.
_BT709, _UNKNOWN, _BT2020_NCL, _BT2020_KIN = 1, 2, 9, (10, 13, 14)


@dataclass(frozen=True, eq=False)
class Decoded:
    """A frame as decoded.

    Attributes:
        index: index in the file, from 0, counting every decoded frame.
        time_s: presentation time from the file's beginning.
    """

    index: int
    time_s: float
    frame: VideoFrame


def deinterlaced(frames: Iterable[Decoded]) -> Iterator[Decoded]:
    """Deinterlace frames with FFmpeg's bwdif, one for one; progressive frames pass.

    The filter starts at the first frame that is marked as interlaced. It uses one frame before and one after.
    """
    graph: Graph | None = None
    made_for: tuple[int, int, str] | None = None
    waiting: deque[Decoded] = deque()
    for item in frames:
        frame = item.frame
        kind = (frame.width, frame.height, frame.format.name)
        if graph is not None and kind != made_for:
            yield from _rest(graph, waiting)
            graph = None
        if graph is None and not frame.interlaced_frame:
            yield item
            continue
        if graph is None:
            graph, made_for = _bwdif(frame), kind
        waiting.append(item)
        graph.vpush(frame)
        yield from _pulled(graph, waiting)
    if graph is not None:
        yield from _rest(graph, waiting)


def _bwdif(frame: VideoFrame) -> Graph:
    import av.filter

    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    graph.link_nodes(
        source,
        graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"),
        graph.add("buffersink"),
    ).configure()
    return graph


def _pulled(graph: Graph, waiting: deque[Decoded]) -> Iterator[Decoded]:
    import av

    while waiting:
        try:
            frame = graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield replace(waiting.popleft(), frame=frame)


def _rest(graph: Graph, waiting: deque[Decoded]) -> Iterator[Decoded]:
    graph.vpush(None)
    yield from _pulled(graph, waiting)
    while waiting:  # the filter dropped one: use the frame unfiltered
        yield waiting.popleft()


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height in px with square pixels: the shorter side grows, so no pixel is lost.

    Args:
        aspect: width of a pixel by its height; None, 0 and implausible values count as 1.
    """
    ratio = float(aspect or 1)
    if not 0.25 <= ratio <= 4 or abs(ratio - 1) < 0.005:
        return width, height
    return (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))


def oriented_rgb(frame: VideoFrame, aspect: Fraction | None, size_hw: SizeHW | None = None) -> UInt8:
    """The image (H, W, 3) uint8 RGB.

    Args:
        aspect: width of a pixel by its height, from the track.
        size_hw: size of the result, px: all images of a file have the size of the first.
    """
    width, height = square_size(frame.width, frame.height, aspect)
    image = _rgb(frame, width, height)
    image = np.ascontiguousarray(_placed(image, _matrix(frame)))
    if size_hw is None or image.shape[:2] == size_hw:
        return image
    return np.asarray(cv2.resize(image, size_hw[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _rgb(frame: VideoFrame, width: int, height: int) -> UInt8:
    import av

    try:
        rgb = frame.reformat(width=width, height=height, format="rgb24")
    except (av.FFmpegError, OSError, ValueError):
        # A matrix FFmpeg cannot undo (YCgCo, ICtCp, a damaged header): use a similar one, for nearly the right colours.
        frame.colorspace = _BT2020_NCL if frame.colorspace in _BT2020_KIN else _BT709
        frame.color_trc = frame.color_primaries = _UNKNOWN
        rgb = frame.reformat(width=width, height=height, format="rgb24")
    return np.asarray(rgb.to_ndarray(), np.uint8)


def oriented_size(frame: VideoFrame, aspect: Fraction | None) -> SizeHW:
    """Height and width of `oriented_rgb` in px, without making it."""
    width, height = square_size(frame.width, frame.height, aspect)
    return (width, height) if _turns(_matrix(frame)) else (height, width)


def _matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Display matrix: shows (x, y) at (a x + c y, b x + d y). ISO/IEC 14496-12, 8.3.2."""
    from av.sidedata.sidedata import SideDataContainer

    # frame.side_data makes a circle of references, which keeps frames in memory until the next garbage collection.
    data = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    if data is None:
        return _AS_STORED
    a, b, _, c, d = struct.unpack("=5i", bytes(cast("SideData", data))[:20])
    return (a, b, c, d) if a * d != b * c else _AS_STORED


_AS_STORED = (1, 0, 0, 1)


def _turns(matrix: tuple[int, int, int, int]) -> bool:
    """Whether width and height are swapped, by the nearest right angle."""
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)


def _placed(image: UInt8, matrix: tuple[int, int, int, int]) -> UInt8:
    """Rotate and mirror an image."""
    a, b, c, d = matrix
    if _turns(matrix):
        image, right, down = image.transpose(1, 0, 2), c, b
    else:
        right, down = a, d
    return image[:: 1 if down > 0 else -1, :: 1 if right > 0 else -1]


def pixel_aspect(track: VideoStream) -> Fraction | None:
    """Width of a stored pixel by its height; None if unknown."""
    return track.sample_aspect_ratio
