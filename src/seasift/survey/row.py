"""Parts of a dive that were looked at by others, put in a row as an unbroken run would give it."""

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
BROKE = "each process that was to look at it broke down"


@dataclass(frozen=True, eq=False)
class Block:
    """Some frames of a part.

    Attributes:
        part: its place in the list of parts.
        frames: in order.
        first: see `Segment.first`; None while there is none.
        done: the last block of the part.
        next: see `Segment.next`; of the last block.
        gaps: see `Segment.gaps`; of the last block.
        error: why a worker gave the part up.
    """

    part: int
    frames: tuple[Looked, ...] = ()
    first: Boundary | None = None
    done: bool = False
    next: Boundary | None = None
    gaps: tuple[Gap, ...] = ()
    error: str | None = None


class Row:
    """Checks that each part begins with the very frame at which the part before ended.

    Where it does not, or its worker gave up, the rest of the file is looked at anew, in one go.
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
            after: the frame that was looked at last, before a break.
            rest: looks at what follows a frame (index, time) in a file, see `Dive.rest`.
            tell: is told in one line where something went another way.
        """
        self._dive, self._parts, self._rest, self._tell = dive, parts, rest, tell
        self._video = -1
        self._begun = self._done = (
            True  # of the part at hand: its first frame was checked; nothing of it is missing
        )
        self._through = True  # of the file at hand: nothing of it is missing
        self._expected: Boundary | None = None  # None: nothing is known
        self._last = None if after is None else (after.video, after.frame, after.time_s)

    def frames(self, blocks: Iterator[Block]) -> Iterator[Looked]:
        """All frames in order.

        Args:
            blocks: in order; those of a part that no worker could look at are missing.
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
        """The rest of the file, behind the last frame of it that was given."""
        self._done = self._through = True
        file = self._dive.videos[self._video].file
        self._tell(f"{file}: {reason}; the rest of it is looked at without Ray.")
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
        """A part of which something is missing is told and left out."""
        if index < 0 or self._done:
            return
        part, self._done, self._expected = self._parts[index], True, None
        file, from_s = self._dive.videos[part.video].file, part.from_s or 0.0
        if self._last is not None and self._last[0] == part.video:
            from_s = max(from_s, self._last[2])
        self._dive.gaps.append(Gap(file, from_s, part.to_s, BROKE))
