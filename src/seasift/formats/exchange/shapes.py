"""What formats with key frames share: runs without a gap, one outline an object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from seasift.formats.tracks import Observation


def largest(rings: Sequence[list[float]]) -> list[float]:
    """The outline of the largest area; empty if there is none."""
    return max(rings, key=area, default=[])


def area(ring: list[float]) -> float:
    """px² inside an outline."""
    xs, ys = ring[0::2], ring[1::2]
    ends = zip(xs, ys, [*xs[1:], xs[0]], [*ys[1:], ys[0]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for x1, y1, x2, y2 in ends)) / 2


def lost_outlines(
    lost: Counter[str], rings: Sequence[Sequence[list[float]]], *, together: bool = False
) -> None:
    """Count the outlines that a format leaves out which holds one of each object.

    Args:
        rings: of each observation of an object.
        together: the format's objects have outlines in all frames or in none.
    """
    if together and not all(rings):
        lost["outline (of an object that has none in some frames; boxes are kept)"] += sum(map(bool, rings))
    else:
        lost["second outline of an object (the largest is kept)"] += sum(
            max(0, len(one) - 1) for one in rings
        )


def stride(seen: Sequence[Observation]) -> int:
    """Frames from one look at the video to the next: the smallest step between observations."""
    steps = [later.frame - one.frame for one, later in pairwise(seen)]
    return min((step for step in steps if step > 0), default=1)


def runs(seen: Sequence[Observation]) -> list[list[Observation]]:
    """Observations in pieces between which some looks found nothing; tools must not interpolate there."""
    step = stride(seen)
    pieces: list[list[Observation]] = []
    for one in seen:
        if pieces and one.frame - pieces[-1][-1].frame <= step:
            pieces[-1].append(one)
        else:
            pieces.append([one])
    return pieces
