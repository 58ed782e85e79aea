"""When the pictures of a video file are shown."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from seasift.runtime.video_file import duration_s, fps, zero_s

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Codecs whose pictures need no other and are stored as shown.
EACH_ALONE = frozenset(
    {"mjpeg", "prores", "dnxhd", "dvvideo", "rawvideo", "ffv1", "huffyuv", "ffvhuff", "utvideo"}
)
_BEYOND_S = 10.0  # a stamp so far behind the file's end is a damaged one


def stores_as_decoded(container: InputContainer, track: VideoStream) -> bool:
    """Whether stamps are those of storing and not of showing: AVI knows no others."""
    return "avi" in container.format.name.split(",") and track.codec_context.name not in EACH_ALONE


class Stamps:
    """Times in a file, seconds from its beginning.

    Attributes:
        length_s: of the picture track by the header; None if it does not say.
        step_s: nominal time from picture to picture.
        last_s: of the last picture that was asked for.
    """

    def __init__(self, container: InputContainer, track: VideoStream) -> None:
        """Of an open file."""
        self._zero_s = zero_s(container)
        self.length_s = duration_s(container, track)
        self.step_s = 1 / (fps(track) or 25.0)
        if "avi" in container.format.name.split(",") and track.frames:
            # FFmpeg shortens the time of a truncated one, not the number.
            self.length_s = max(self.length_s or 0.0, track.frames * self.step_s)
        self.last_s: float | None = None
        # Where pictures are stored in another order than shown, the stamps in the order of time are right.
        self._sorted: list[int] | None = [] if stores_as_decoded(container, track) else None

    def of_packet(self, packet: Packet[VideoStream]) -> float:
        """Of a compressed picture, as far as it says."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or not packet.time_base:
            return self.last_s or 0.0
        return max(0.0, float(stamp * packet.time_base) - self._zero_s)

    def going_in(self, packet: Packet[VideoStream]) -> None:
        """A compressed picture goes into the decoder."""
        if self._sorted is not None and packet.dts is not None:
            heappush(self._sorted, packet.dts)

    def lost(self, packet: Packet[VideoStream]) -> None:
        """It will not come out."""
        if self._sorted is not None and packet.dts in self._sorted:
            self._sorted.remove(packet.dts)
            heapify(self._sorted)

    def of_frame(self, frame: VideoFrame) -> float:
        """Of the next picture that comes out, always behind the one before.

        By its stamp; a missing or impossible one becomes the time of the picture before and a step more.
        """
        if self._sorted:
            frame.pts = heappop(self._sorted)
        last = self.last_s
        time_s = None if frame.time is None else float(frame.time) - self._zero_s
        if time_s is not None and self.length_s and time_s > self.length_s + _BEYOND_S:
            time_s = None
        if time_s is None or (last is not None and time_s <= last):
            time_s = 0.0 if last is None else last + self.step_s
        self.last_s = time_s
        return time_s
