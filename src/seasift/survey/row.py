"""Join segments evaluated by workers into the sequence of an unbroken run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from seasift.core.errors import ImageError
from seasift.survey.kept import Frame
from seasift.survey.looking import Looked
from seasift.video.dive import Dive
from seasift.video.frames import Gap
from seasift.video.segments import Boundary, Part

Rest = Callable[[Dive, int, tuple[int, float] | None], Iterator[Looked]]
BROKE = "each process that evaluated it crashed"


@dataclass(frozen=True, eq=False)
class Block:
    """Some frames of a segment.

    Attributes:
        part: index of the segment.
        frames: in order.
        first: see `Segment.first`; None until reached.
        done: whether this is the last block of the segment.
        next: see `Segment.next`; only in the last block.
        gaps: see `Segment.gaps`; only in the last block.
        error: why a worker gave up the segment.
    """

    part: int
    frames: tuple[Looked, ...] = ()
    first: Boundary | None = None
    done: bool = False
    next: Boundary | None = None
    gaps: tuple[Gap, ...] = ()
    error: str | None = None


class Row:
    """Check that each segment begins with the very frame at which the previous one ended.

    If it does not, or its worker gave up, the rest of the file is evaluated again in one run.
    """

    def __init__(
        self,
        dive: Dive,
        parts: Sequence[Part],
        after: Frame | None,
        rest: Rest,
        tell: Callable[[str], None],
    ) -> None:
        """
        Args:
            after: the last evaluated frame before an interruption.
            rest: evaluates what follows a frame (index, time) in a file, see `Dive.rest`.
            tell: called with one line for each deviation.
        """
        self._dive, self._parts, self._rest, self._tell = dive, parts, rest, tell
        self._video = -1
        self._begun = self._done = (
            True  # current segment: its first frame was checked, and nothing is missing
        )
        self._through = True  # current file: nothing is missing
        self._expected: Boundary | None = None  # None: unknown
        self._last = None if after is None else (after.video, after.frame, after.time_s)

    def frames(self, blocks: Iterator[Block]) -> Iterator[Looked]:
        """All frames in order.

        Args:
            blocks: in order; a segment that failed on all workers has none.
        """
        at = -1
        for block in blocks:
            while at < block.part:
                self._close(at)
                at += 1
                self._open(self._parts[at])
            if not self._done:
                yield from self._take(block)
        for part in range(at, len(self._parts)):
            if part > at:
                self._open(self._parts[part])
            self._close(part)

    def _open(self, part: Part) -> None:
        if part.video != self._video:
            self._video, self._through, self._expected = part.video, False, None
            if part.last is not None and self._last is not None:
                self._expected = Boundary(part.last, self._last[2], opens=True)
        self._begun, self._done = False, self._through

    def _take(self, block: Block) -> Iterator[Looked]:
        if not self._begun:
            self._begun = True
            if self._expected is not None and not self._expected.same(block.first):
                yield from self._anew("its parts do not fit together")
                return
        for looked in block.frames:
            self._last = looked.video, looked.frame, looked.time_s
            yield looked
        if block.error is not None:
            yield from self._anew(f"a worker gave up ({block.error})")
        elif block.done:
            self._dive.gaps.extend(block.gaps)
            self._done, self._expected, self._through = True, block.next, block.next is None

    def _anew(self, reason: str) -> Iterator[Looked]:
        """The rest of the file after its last returned frame."""
        self._done = self._through = True
        file = self._dive.videos[self._video].file
        self._tell(f"{file}: {reason}; the rest of the file is evaluated without Ray.")
        last = self._last
        try:
            after = last[1:] if last is not None and last[0] == self._video else None
            for looked in self._rest(self._dive, self._video, after):
                last = looked.video, looked.frame, looked.time_s
                yield looked
        except ImageError as error:
            self._tell(str(error))
            from_s = last[2] if last is not None and last[0] == self._video else 0.0
            self._dive.gaps.append(Gap(file, from_s, None, "it cannot be opened"))
        self._last = last

    def _close(self, index: int) -> None:
        """Report a segment with missing frames, and skip it."""
        if index < 0 or self._done:
            return
        part, self._done, self._expected = self._parts[index], True, None
        file, from_s = self._dive.videos[part.video].file, part.from_s or 0.0
        if self._last is not None and self._last[0] == part.video:
            from_s = max(from_s, self._last[2])
        self._dive.gaps.append(Gap(file, from_s, part.to_s, BROKE))
