"""Average precision and recall as COCO defines them, in plain Python loops over plain lists.

Written from the definition (cocodataset.org, detection evaluation); slow and obvious. A box is (x1, y1, x2,
y2); a mask is a set of pixels. The grids of IoUs and recalls are COCO's floats, as given by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Shape = Any  # tuple of four for a box, frozenset of pixels for a mask


@dataclass(frozen=True)
class Truth:
    image: int
    category: int
    shape: Shape
    area: float
    crowd: bool = False


@dataclass(frozen=True)
class Found:
    image: int
    category: int
    shape: Shape
    area: float
    score: float


def size_of(shape: Shape) -> float:
    if isinstance(shape, frozenset):
        return len(shape)
    x1, y1, x2, y2 = shape
    return (x2 - x1) * (y2 - y1)


def overlap(found: Shape, truth: Shape, crowd: bool) -> float:
    """Intersection over union; with a crowd, over the found object alone."""
    if isinstance(found, frozenset):
        shared: float = len(found & truth)
    else:
        width = min(found[2], truth[2]) - max(found[0], truth[0])
        height = min(found[3], truth[3]) - max(found[1], truth[1])
        shared = max(width, 0) * max(height, 0)
    whole = size_of(found) if crowd else size_of(found) + size_of(truth) - shared
    return shared / whole if whole else 0.0


def precision_and_recall(
    truths: Sequence[Truth],
    founds: Sequence[Found],
    *,
    images: Sequence[int],
    category: int,
    iou: float,
    recalls: Sequence[float],
    counts: Callable[[float], bool],
    limit: int,
) -> tuple[list[float], float] | None:
    """Precision at each recall and the greatest recall of one class at one IoU; None without truth.

    Args:
        counts: whether an object of this area counts; one that does not is neither right nor wrong.
        limit: detections taken of an image and class, the best.
    """
    marked: list[tuple[float, str]] = []  # score and "right", "wrong" or "neither"
    wanted = 0
    for image in images:
        here = [t for t in truths if t.image == image and t.category == category]
        neither = [t.crowd or not counts(t.area) for t in here]
        wanted += neither.count(False)
        candidates = [f for f in founds if f.image == image and f.category == category]
        candidates.sort(key=lambda f: -f.score)
        taken: set[int] = set()
        for found in candidates[:limit]:
            partner = _partner(found, here, neither, taken, iou)
            if partner is not None:
                taken.add(partner)
                marked.append((found.score, "neither" if neither[partner] else "right"))
            else:
                marked.append((found.score, "wrong" if counts(found.area) else "neither"))
    if not wanted:
        return None
    return _curve(marked, wanted, recalls)


def _partner(
    found: Found, here: Sequence[Truth], neither: Sequence[bool], taken: set[int], iou: float
) -> int | None:
    """The free truth of greatest overlap, a counting one before any other; the later of equals."""
    for kind in (False, True):
        best, partner = iou, None
        for index, truth in enumerate(here):
            free = index not in taken or truth.crowd
            if neither[index] is kind and free and overlap(found.shape, truth.shape, truth.crowd) >= best:
                best, partner = overlap(found.shape, truth.shape, truth.crowd), index
        if partner is not None:
            return partner
    return None


def _curve(
    marked: Sequence[tuple[float, str]], wanted: int, recalls: Sequence[float]
) -> tuple[list[float], float]:
    points = []
    right = wrong = 0
    for _score, mark in sorted(marked, key=lambda item: -item[0]):
        right += mark == "right"
        wrong += mark == "wrong"
        if right + wrong:
            points.append((right / wanted, right / (right + wrong)))
    at = [max((p for reached, p in points if reached >= recall), default=0.0) for recall in recalls]
    return at, max((reached for reached, _ in points), default=0.0)
