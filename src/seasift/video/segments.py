"""Decode a segment of a file by itself, and verify that an unbroken run gives the same frames."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from seasift.core.errors import ImageError
from seasift.video.decoding import stores_as_decoded
from seasift.video.file import duration_s, opened
from seasift.video.frames import DiveFrame, Gap
from seasift.video.orientation import Decoded
from seasift.video.seeking import has_index

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
        return [gap for gap in self._reported if self._told(gap)]

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

    def _told(self, gap: Gap) -> bool:
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
