"""Frames of one video file in the order of time, through damage."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING

from seasift.runtime.gaps import Damage, Gap, Report
from seasift.runtime.skim import Skimmed, Start, skim
from seasift.runtime.upright import Decoded, deinterlaced
from seasift.runtime.video_file import duration_s, fps, opened, zero_s

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_READ_ERRORS = 8  # in a row, then the rest is given up: some come back for ever
# Codecs whose pictures need no other and are stored as shown.
_EACH_ALONE = frozenset(
    {"mjpeg", "prores", "dnxhd", "dvvideo", "rawvideo", "ffv1", "huffyuv", "ffvhuff", "utvideo"}
)
_BEYOND_S = 10.0  # a stamp so far behind the file's end is a damaged one


def decoded(
    path: Path, name: str, report: Report, *, start: Start | None = None, stop: threading.Event | None = None
) -> Iterator[Decoded]:
    """Decode a file.

    Args:
        name: what reports call it.
        report: is told of each part that could not be read.
        start: leave out frames before; packets before are counted and not decoded where that gives the same.
        stop: ends the work between two packets when set.
    Returns:
        Progressive frames whose time grows from each to the next. Frames that the decoder marks as damaged
        count, but are left out.
    Raises:
        BadPicture: nothing of the file can be read.
    """
    stop = stop or threading.Event()
    with opened(path) as (container, track):
        reader = _Reader(container, track, Damage(name, report))
        packets = reader.packets(stop)
        skimmed: Skimmed | None = Skimmed(0, None, [])
        if start is not None and not _orders_stamps(container, track):
            skimmed = skim(packets, start, zero_s(container))
        if skimmed is not None:
            yield from deinterlaced(reader.frames(skimmed, packets))
            reader.end(name, report)
            return
    yield from decoded(path, name, report, stop=stop)  # keyframes lie too far apart


class _Reader:
    """One pass over an open file."""

    def __init__(self, container: InputContainer, track: VideoStream, damage: Damage) -> None:
        self._container, self._track, self._damage = container, track, damage
        self._zero_s = zero_s(container)
        self._length_s = duration_s(container, track)
        self._step_s = 1 / (fps(track) or 25.0)
        self._last_s: float | None = None
        self._stopped = False
        self._stamps: list[int] | None = [] if _orders_stamps(container, track) else None

    def packets(self, stop: threading.Event) -> Iterator[Packet[VideoStream]]:
        """Compressed pictures as they lie in the file, the last one empty; goes on after errors."""
        import av

        errors = 0
        while True:
            try:
                for packet in self._container.demux(self._track):
                    if stop.is_set():
                        self._stopped = True
                        return
                    errors = 0
                    yield packet
                return
            except (av.FFmpegError, OSError) as error:
                errors += 1
                self._damage.bad(self._last_s or 0.0, f"the file cannot be read here ({_why(error)})")
                if errors >= _READ_ERRORS:
                    return

    def frames(self, skimmed: Skimmed, packets: Iterator[Packet[VideoStream]]) -> Iterator[Decoded]:
        """Whole frames, numbered from where skimming left off."""
        index = skimmed.index
        for frame in self._pictures(skimmed.packets, packets):
            if skimmed.from_pts is not None and frame.pts is not None and frame.pts < skimmed.from_pts:
                continue  # needs pictures from before the point where decoding began
            time_s = self._time_of(frame)
            if frame.is_corrupt:
                self._damage.bad(time_s, "damaged pictures")
            else:
                self._damage.good(time_s)
                yield Decoded(index, time_s, frame)
            index += 1

    def end(self, name: str, report: Report) -> None:
        """Tell what is missing at the end."""
        if self._stopped:
            return
        self._damage.end(self._length_s)
        reached = 0.0 if self._last_s is None else self._last_s + self._step_s
        if self._last_s is None or (self._length_s and reached + max(1.0, 2 * self._step_s) < self._length_s):
            report(Gap(name, reached, self._length_s, "the file ends early"))

    def _pictures(self, *parts: Iterable[Packet[VideoStream]]) -> Iterator[VideoFrame]:
        import av

        for part in parts:
            for packet in part:
                if self._stamps is not None and packet.dts is not None:
                    heappush(self._stamps, packet.dts)
                try:
                    pictures = packet.decode()
                except av.error.EOFError:
                    return
                except (av.FFmpegError, OSError, ValueError) as error:
                    self._damage.bad(self._packet_s(packet), f"it cannot be decoded ({_why(error)})")
                    if self._stamps is not None and packet.dts in self._stamps:
                        self._stamps.remove(packet.dts)
                        heapify(self._stamps)
                    continue
                for picture in pictures:
                    if self._stamps:
                        picture.pts = heappop(self._stamps)
                    yield picture
                del pictures

    def _packet_s(self, packet: Packet[VideoStream]) -> float:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or not packet.time_base:
            return self._last_s or 0.0
        return max(0.0, float(stamp * packet.time_base) - self._zero_s)

    def _time_of(self, frame: VideoFrame) -> float:
        """By its stamp; a missing or impossible one becomes the time of the frame before and a frame more."""
        last = self._last_s
        time_s = None if frame.time is None else float(frame.time) - self._zero_s
        lost = time_s is None or (self._length_s and time_s > self._length_s + _BEYOND_S)
        if lost or (last is not None and time_s is not None and time_s <= last):
            time_s = 0.0 if last is None else last + self._step_s
        assert time_s is not None
        self._last_s = time_s
        return time_s


def _orders_stamps(container: InputContainer, track: VideoStream) -> bool:
    """Whether stamps are those of storing and not of showing: AVI knows no others.

    Where pictures are stored in another order than shown, the stamps in the order of time are the right ones.
    """
    return "avi" in container.format.name.split(",") and track.codec_context.name not in _EACH_ALONE


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)
