"""One clock for a file whose timestamps jump: joined recordings, 33-bit counters that wrap, damaged timestamps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from seasift.video.file import fps, is_raw, zero_s

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

Note = Callable[[str], None]
"""Receives one line for the user about something that is not damage."""

_WRAP = 1 << 33  # MPEG counts 90,000 a second in 33 bits: 26.5 hours
_WRAP_FORMATS = frozenset({"mpegts", "mpeg"})
_WRAP_GAP_S = 60.0  # a counter that wraps continues at once; one that was reset begins anywhere
_ODD_S = 10.0  # a timestamp further ahead may be damaged
_MOST_REORDERED = 17  # the maximum of H.264 and HEVC, in images


class Clock:
    """Give packets timestamps that grow through the whole file.

    A recording whose clock begins before the previous one ended continues one step after the last image. Reading must
    begin at the start of the file, or before the first jump of the timestamps.

    Attributes:
        end_s: end of the last image so far, seconds from the file's beginning; None before the first.
    """

    def __init__(
        self, container: InputContainer, track: VideoStream, name: str = "", note: Note | None = None
    ) -> None:
        """
        Args:
            name: name of the file in notes.
            note: receives a line each time the clock goes back.
        """
        formats = set(container.format.name.split(","))
        self._base = float(track.time_base or 1)
        self._zero_s = zero_s(container, track)
        self._step = max(1, round(1 / (fps(track) or 25.0) / self._base))
        self._wraps = bool(formats & _WRAP_FORMATS)
        self._plain = "avi" in formats  # counts images: cannot jump
        self._raw = is_raw(container)
        self._name, self._note = name, note
        self._shift = 0
        self._last: int | None = None  # dts of the previous packet, on the one clock
        self._most: int | None = None  # the latest pts
        self._most_ends = 0

    @property
    def end_s(self) -> float | None:
        if self._most is None:
            return None
        return max(0.0, self._most_ends * self._base - (0.0 if self._raw else self._zero_s))

    def on_one_clock(self, packets: Iterable[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
        """The same packets with timestamps on the file's clock; damaged timestamps are removed."""
        waiting: Packet[VideoStream] | None = None
        for packet in packets:
            if waiting is not None:
                yield self._stamped(waiting, _stamp(packet))
            waiting = packet
        if waiting is not None:
            yield self._stamped(waiting, None)

    def _stamped(self, packet: Packet[VideoStream], following: int | None) -> Packet[VideoStream]:
        if self._raw:
            if packet.size:
                self._most, self._most_ends = self._most_ends, self._most_ends + self._step
            packet.pts = packet.dts = None
            return packet
        raw = _stamp(packet)
        if raw is None:
            if self._last is not None and packet.size:
                self._last += self._step
            return packet
        prefetch = self._ahead(packet, raw)
        if self._plain or self._last is None:
            if prefetch is None and packet.pts is not None and not self._plain:
                self._begin(packet, raw)
            self._passed(raw + self._shift, prefetch, packet)
            return packet
        delta = self._delta(raw, self._last)
        odd = delta < -self._step / 2 or delta * self._base > _ODD_S
        if odd and self._returns(raw, following):
            packet.pts = packet.dts = None
            self._last += self._step
            return packet
        if delta < -self._step / 2 and (packet.is_keyframe or delta < -_MOST_REORDERED * self._step):
            assert self._most is not None
            back = self._most + self._step - (self._last + delta + (prefetch or 0))
            self._shift = self._most + self._step - (raw + (prefetch or 0))
            self._tell(self._most + self._step, back)
        else:
            self._shift = self._last + delta - raw
        timestamp = raw + self._shift
        if packet.dts is not None:
            packet.dts = timestamp
        packet.pts = None if prefetch is None else timestamp + prefetch
        self._passed(timestamp, prefetch, packet)
        return packet

    def _begin(self, packet: Packet[VideoStream], raw: int) -> None:
        """Take the decoding time of the first image, whose damaged display time FFmpeg took for the file's beginning."""
        self._shift = round(self._zero_s / self._base) - raw
        packet.pts, packet.dts = None, raw + self._shift

    def _passed(self, timestamp: int, prefetch: int | None, packet: Packet[VideoStream]) -> None:
        self._last = timestamp
        shown = timestamp + (prefetch or 0)
        if packet.size and not packet.is_discard and (self._most is None or shown > self._most):
            long = packet.duration or 0
            self._most, self._most_ends = (
                shown,
                shown + (long if 0 < long * self._base <= _ODD_S else self._step),
            )

    def _ahead(self, packet: Packet[VideoStream], raw: int) -> int | None:
        """Delay from decoding a packet to showing its image; None if unknown."""
        if packet.pts is None:
            return None
        prefetch = packet.pts - raw
        if self._wraps:
            prefetch = (prefetch + _WRAP // 2) % _WRAP - _WRAP // 2
        return prefetch if abs(prefetch) * self._base <= _ODD_S else None

    def _delta(self, raw: int, last: int) -> int:
        """Time from the previous packet to this one."""
        delta = raw + self._shift - last
        if self._wraps and delta < 0 and (delta + _WRAP) * self._base <= _WRAP_GAP_S:
            delta += _WRAP
        elif self._wraps and delta > _WRAP // 2:
            delta -= _WRAP
        return delta

    def _returns(self, raw: int, following: int | None) -> bool:
        """Whether the next packet continues from the previous one; then this one's timestamp is damaged."""
        if following is None:
            return False
        assert self._last is not None
        as_before = abs(self._delta(following, self._last) - 2 * self._step)
        return as_before < abs(following - raw - self._step)

    def _tell(self, at: int, back: int) -> None:
        if self._note is not None:
            self._note(
                f"{self._name}: its clock goes back by {back * self._base:.2f} s at "
                f"{at * self._base - self._zero_s:.2f} s (joined recordings); times continue from there without a pause."
            )


def _stamp(packet: Packet[VideoStream]) -> int | None:
    return packet.dts if packet.dts is not None else packet.pts
