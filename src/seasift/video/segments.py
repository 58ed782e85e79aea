"""Decode parts of a video by themselves: a segment, or only keyframes.

A segment is verified to hold the frames of an unbroken run. Keyframes that are dense enough take a fraction of the work of
decoding all.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seasift.core.errors import ImageError
from seasift.video.clock import Clock, Note
from seasift.video.decoding import Timestamps, decoded, read_packets, stores_as_decoded
from seasift.video.file import duration_s, is_raw, opened, zero_s
from seasift.video.frames import Damage, DiveFrame, Gap, Report
from seasift.video.orientation import Decoded, deinterlaced
from seasift.video.seeking import Start, has_index, images_before, jump, shown

if TYPE_CHECKING:
    from av.index import IndexEntries
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


_SAME_S = 0.00001
_FEW = 4


@dataclass(frozen=True)
class Part:
    """Some seconds of a file of a dive.

    Attributes:
        video: index of the file in `Dive.videos`.
        from_s: presentation time in the file; None begins like an unbroken run.
        to_s: the first time after the segment; None means the end of the file.
        last: after a break: the last evaluated frame, at `from_s`.
    """

    video: int
    from_s: float | None = None
    to_s: float | None = None
    last: int | None = None


@dataclass(frozen=True)
class Boundary:
    """A whole frame at the boundary of two segments.

    Attributes:
        index, time_s: of the frame.
        opens: whether it is the first of its share (`--every`), and so evaluated.
    """

    index: int
    time_s: float
    opens: bool

    def same(self, other: Boundary | None) -> bool:
        """Whether two runs reached the same frame."""
        return (
            other is not None
            and self.index == other.index
            and abs(self.time_s - other.time_s) < _SAME_S
            and self.opens == other.opens
        )


@dataclass(eq=False)
class Segment:
    """A segment being decoded; iterate `frames` once.

    Attributes:
        first: the first whole frame of the segment, or after it if it has none; None until reached.
        next: the first whole frame after the segment; None until reached, and if the file ends before.
    """

    part: Part
    run: Callable[[Callable[[Gap], None], threading.Event], Iterator[Decoded]]
    choose: Callable[[Iterator[Decoded], Callable[[Decoded], bool]], Iterator[DiveFrame]]
    share: Callable[[Decoded], int]
    first: Boundary | None = None
    next: Boundary | None = None
    _reported: list[Gap] = field(default_factory=list)

    @property
    def gaps(self) -> list[Gap]:
        """Gaps after `first`, up to `next`; known when the frames are exhausted."""
        return [gap for gap in self._reported if self._is_reported(gap)]

    def frames(self, stop: threading.Event) -> Iterator[DiveFrame]:
        """The frames to evaluate, in order."""
        return self.choose(self._watched(stop), self._inside)

    def _inside(self, item: Decoded) -> bool:
        if self.part.last is not None and item.index <= self.part.last:
            return False
        return self.part.from_s is None or item.time_s >= self.part.from_s

    def _watched(self, stop: threading.Event) -> Iterator[Decoded]:
        before: Decoded | None = None
        for item in self.run(self._reported.append, stop):
            if self.first is None and (self.part.from_s is None or item.time_s >= self.part.from_s):
                self.first = self._edge(before, item)
            if self.part.to_s is not None and item.time_s >= self.part.to_s:
                self.next = self._edge(before, item)
                return
            yield item
            before = item

    def _edge(self, before: Decoded | None, item: Decoded) -> Boundary:
        opens = before is None or self.share(before) != self.share(item)
        return Boundary(item.index, item.time_s, opens)

    def _is_reported(self, gap: Gap) -> bool:
        """Whether a gap belongs to this segment. One closed by `first` belongs to the previous segment, which saw it begin."""
        if self.part.from_s is not None and self.first is None:
            return False
        if gap.to_s is None:
            return True
        behind = self.part.from_s is None or self.first is None or gap.to_s > self.first.time_s
        return behind and (self.next is None or gap.to_s <= self.next.time_s)


def cuts(path: Path, begin_s: float, end_s: float, length_s: float) -> list[float]:
    """Times inside a file at which to divide it, in seconds, all at round times.

    MP4 and MOV have an index, so any segment is reached at once. Other files are read from the beginning for each segment,
    so they get few. AVI gets one, because its frames are counted by decoding.

    Args:
        begin_s, end_s: range of the file to divide.
        length_s: desired length of a segment.
    """
    try:
        with opened(path) as (container, track):
            whole_s = duration_s(container, track)
            if whole_s is None or stores_as_decoded(container, track):
                return []
            step_s = length_s if has_index(container, track) else max(length_s, whole_s / _FEW)
    except ImageError:
        return []  # decoding reports the error
    first = int(begin_s // step_s) + 1
    last = math.ceil(min(end_s, whole_s) / step_s)
    return [index * step_s for index in range(first, last)]


_MOST_BYTES = 256 << 20  # between two keyframes
_SHORT_S = 1.0
Share = Callable[[int, float], int]
"""Maps index and time of a frame to its share, see `sampling.FrameSampling.share`."""


@dataclass(eq=False)
class _Group:
    """A keyframe and the packets up to the next one.

    Attributes:
        before: number of frames of the file shown before the group.
        packets: in the order of the file, the keyframe first.
        leading: number of packets shown before the keyframe: they need the previous group, too.
    """

    before: int
    packets: list[Packet[VideoStream]] = field(default_factory=list)
    leading: int = 0
    size: int = 0

    def frames(self) -> list[tuple[int, int]]:
        """Index in the file and timestamp of each frame from the keyframe on, in order of time."""
        first = _stamp(self.packets[0])
        timestamps = sorted(
            timestamp for packet in self.packets if shown(packet) and (timestamp := _stamp(packet)) >= first
        )
        return [(self.before + self.leading + index, timestamp) for index, timestamp in enumerate(timestamps)]


def keyframes(
    path: Path,
    name: str,
    report: Report,
    share: Share,
    *,
    start: Start | None = None,
    stop: threading.Event | None = None,
    note: Note | None = None,
) -> Iterator[Decoded]:
    """The first keyframe of each share of frames or seconds; without one, the first frame after a keyframe.

    Index and time are those of decoding all. They follow from the packets, each counted as one image. Files whose packets
    have no times (AVI, raw streams) are decoded whole.

    Args:
        name, report, start, stop, note: as for `decoding.decoded`.
    """
    stop = stop or threading.Event()
    last = -1
    with opened(path) as (container, track):
        if not stores_as_decoded(container, track) and not is_raw(container):
            zero = zero_s(container, track)
            entries = None if start is None else jump(container, track, start, zero)
            reader = _KeyframeReader(track, name, report, share, Timestamps(container, track), zero)
            packets = Clock(container, track, name, note).on_one_clock(
                read_packets(container, track, stop, reader.failed)
            )
            for item in reader.chosen(packets, entries, start):
                last = item.index
                yield from deinterlaced([item])  # its neighbours in time are distant
            if not reader.gave_up:
                if not stop.is_set():
                    reader.end()
                return
    for item in decoded(path, name, report, start=start, stop=stop, note=note):
        if item.index > last:
            yield item


class _KeyframeReader:
    """One pass over an open file."""

    def __init__(
        self, track: VideoStream, name: str, report: Report, share: Share, timestamps: Timestamps, zero: float
    ) -> None:
        self._track, self._name, self._report, self._share = track, name, report, share
        self._length_s, self._step_s, self._zero_s = timestamps.length_s, timestamps.step_s, zero
        self._damage = Damage(name, report, timestamps.step_s)
        self._reached_s: float | None = None
        self._taken: int | None = None  # last share that has its frame
        self.gave_up = False

    def failed(self, reason: str) -> None:
        self._damage.bad(self._reached_s or 0.0, f"the file cannot be read here ({reason})")

    def chosen(
        self, packets: Iterable[Packet[VideoStream]], entries: IndexEntries | None, start: Start | None
    ) -> Iterator[Decoded]:
        """The frames to take; sets `gave_up` if they cannot be determined."""
        waiting: _Group | None = None
        for group in self._groups(packets, entries):
            if waiting is not None:
                yield from self._of(waiting, group, start)
            waiting = group
        if waiting is not None and not self.gave_up:
            yield from self._of(waiting, None, start)

    def end(self) -> None:
        """Report what is missing at the end."""
        if self._damage.end(self._length_s):
            return
        reached = 0.0 if self._reached_s is None else self._reached_s + self._step_s
        short = self._length_s is not None and reached + max(_SHORT_S, 2 * self._step_s) < self._length_s
        if self._reached_s is None or short:
            self._report(Gap(self._name, reached, self._length_s, "the file ends early"))

    def _groups(
        self, packets: Iterable[Packet[VideoStream]], entries: IndexEntries | None
    ) -> Iterator[_Group]:
        group: _Group | None = None
        before = 0
        first = True
        for packet in packets:
            if not packet.size or (packet.pts is None and packet.dts is None):
                continue
            if packet.is_keyframe:
                if group is None and entries is not None:
                    known = images_before(packet, entries)
                    if known is None:
                        self.gave_up = True
                        return
                    before, first = known, known == 0
                elif group is not None:
                    before += sum(map(shown, group.packets)) - (group.leading if first else 0)
                    group.leading = 0 if first else group.leading
                    first = False
                    yield group
                group = _Group(before)
            if group is None:
                continue  # a decoder returns no image before the first keyframe
            group.packets.append(packet)
            group.size += packet.size
            group.leading += shown(packet) and _stamp(packet) < _stamp(group.packets[0])
            if group.size > _MOST_BYTES:
                self.gave_up = True
                return
        if group is not None:
            group.leading = 0 if first else group.leading
            yield group

    def _of(self, group: _Group, following: _Group | None, start: Start | None) -> Iterator[Decoded]:
        """The frames to take from a group."""
        frames = [(index, self._time_s(timestamp), timestamp) for index, timestamp in group.frames()]
        if not frames:
            return
        self._reached_s = frames[-1][1]
        if start is not None and not _reaches(frames[-1][0], frames[-1][1], start):
            return
        key = _stamp(group.packets[0]) if shown(group.packets[0]) else None  # an edit list may hide it
        key_share = None if key is None else self._share(*frames[0][:2])
        next_share = None
        if following is not None and (behind := following.frames()):
            next_share = self._share(behind[0][0], self._time_s(behind[0][1]))
        wanted: dict[int, tuple[int, float]] = {}
        for index, time_s, timestamp in frames:
            own = self._share(index, time_s)
            if own == self._taken or (timestamp != key and own in (key_share, next_share)):
                continue
            wanted[timestamp] = index, time_s
            self._taken = own
        if wanted:
            yield from self._images(group, wanted, only_key=wanted.keys() == {key})

    def _images(
        self, group: _Group, wanted: dict[int, tuple[int, float]], *, only_key: bool
    ) -> Iterator[Decoded]:
        left = dict(wanted)
        for frame in self._decode(group.packets[:1] if only_key else group.packets):
            found = left.pop(frame.pts, None) if frame.pts is not None else None
            if found is None:
                continue
            index, time_s = found
            if frame.is_corrupt:
                self._damage.bad(time_s, "damaged images")
                continue
            self._damage.good(time_s)
            yield Decoded(index, time_s, frame)
            if not left:
                break
        for _, time_s in left.values():
            self._damage.bad(time_s, "it cannot be decoded")
        self._track.codec_context.flush_buffers()

    def _decode(self, packets: Iterable[Packet[VideoStream]]) -> Iterator[VideoFrame]:
        """Frames of packets, including those that the decoder holds back; failures give none."""
        import av

        for packet in [*packets, None]:
            try:
                yield from self._track.codec_context.decode(packet)
            except (av.FFmpegError, OSError, ValueError):
                continue

    def _time_s(self, timestamp: int) -> float:
        return float(timestamp * (self._track.time_base or 1)) - self._zero_s


def _stamp(packet: Packet[VideoStream]) -> int:
    timestamp = packet.pts if packet.pts is not None else packet.dts
    assert timestamp is not None
    return timestamp


def _reaches(index: int, time_s: float, start: Start) -> bool:
    """Whether a frame is at or after the start."""
    if start.index is not None:
        return index >= start.index
    assert start.time_s is not None
    return time_s + 0.001 >= start.time_s
