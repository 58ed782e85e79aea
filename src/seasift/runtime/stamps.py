"""When the pictures of a video file are shown."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from seasift.runtime.video_file import EACH_ALONE, fps, stated_s, zero_s

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_LATE_S = 2.0  # a picture that is older than the last one by less is out of order: damage does that


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
        self._zero_s = zero_s(container, track)
        self.length_s = stated_s(container, track)
        self.step_s = 1 / (fps(track) or 25.0)
        if "avi" in container.format.name.split(",") and track.frames:
            # FFmpeg shortens the time of a truncated one, not the number.
            self.length_s = max(self.length_s or 0.0, track.frames * self.step_s)
        self.last_s: float | None = None
        self._shift_s = 0.0
        self._inside: deque[float] | None = deque() if track.codec_context.name in EACH_ALONE else None
        # Where pictures are stored in another order than shown, the stamps in the order of time are right.
        self._sorted: list[int] | None = [] if stores_as_decoded(container, track) else None

    def _of_packet(self, packet: Packet[VideoStream]) -> float:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or not packet.time_base:
            return self.last_s or 0.0
        return max(0.0, float(stamp * packet.time_base) - self._zero_s)

    def going_in(self, packet: Packet[VideoStream]) -> None:
        """A compressed picture goes into the decoder."""
        if self._sorted is not None and packet.dts is not None:
            heappush(self._sorted, packet.dts)
        if self._inside is not None and packet.size:
            self._inside.append(self._of_packet(packet))

    def lost(self, packet: Packet[VideoStream]) -> float:
        """The decoder fails at this one, or at one some pictures before it: it works on several at once.

        Returns:
            When the picture that will not come out was to be shown, as well as can be told.
        """
        if self._sorted is not None and packet.dts in self._sorted:
            self._sorted.remove(packet.dts)
            heapify(self._sorted)
        return self._inside.popleft() if self._inside else self._of_packet(packet)

    def of_frame(self, frame: VideoFrame) -> float | None:
        """Of the next picture that comes out, always behind the one before; None for one that comes too late.

        By its stamp, which `Clock` has put on the file's one clock; a picture without one, or whose decoder gives one
        that lies far back, comes a step behind the picture before.
        """
        if self._sorted:
            frame.pts = heappop(self._sorted)
        if self._inside:
            self._inside.popleft()
        last = self.last_s
        on_s = 0.0 if last is None else last + self.step_s
        time_s = on_s if frame.time is None else float(frame.time) - self._zero_s + self._shift_s
        if last is not None and time_s <= last:
            if time_s == last:
                time_s += self.step_s / 16
            elif last - time_s < _LATE_S:
                return None
            else:
                self._shift_s += on_s - time_s
                time_s = on_s
        self.last_s = time_s
        return time_s
