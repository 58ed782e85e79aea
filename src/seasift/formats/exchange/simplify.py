"""Simplify outlines for editing by people, and measure the loss."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from seasift.core.errors import InputError
from seasift.core.masks import from_coco
from seasift.core.types import Bool
from seasift.formats.exchange.content import Content, outlines
from seasift.formats.tracks import Observation, TrackEntry, Video

LEAST_IOU = 0.9
"""Minimum IoU with the exact outline; small and thin objects keep more vertices to reach it."""


@dataclass
class Simplified:
    """Tracks with simplified outlines. Only outlines along pixel edges change; a person's stay unchanged.

    Attributes:
        content: the document.
        px: maximum distance of a new outline from the exact one.
    """

    content: Content
    px: float
    _before: Counter[int] = field(default_factory=Counter)
    _after: Counter[int] = field(default_factory=Counter)
    _sum: float = 0.0
    _lowest: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.px < math.inf):
            raise InputError(f"--simplify {self.px:g}: expected px, 0 or more. 0 keeps every vertex.")

    def __iter__(self) -> Iterator[TrackEntry]:
        self._before.clear()
        self._after.clear()
        self._sum, self._lowest = 0.0, 1.0
        videos = self.content.header.videos
        for track in self.content.tracks:
            seen = [self._seen(one, videos[one.video]) for one in track.observations]
            yield track.model_copy(update={"observations": seen})

    def notes(self) -> list[str]:
        """A note on the loss, after iterating over all tracks; empty if no outline changed."""
        count = self._before.total()
        if not count:
            return []
        return [
            f"outlines simplified by up to {self.px:g} px: {_median(self._before)} vertices to {_median(self._after)} (median), "
            f"IoU with the exact outlines {self._sum / count:.3f} on average, {self._lowest:.3f} at least; "
            "--simplify 0 keeps every vertex"
        ]

    def _seen(self, one: Observation, video: Video) -> Observation:
        rings = outlines(one, video)
        if not self.px or not any(map(_traced, rings)):
            return one
        found, iou = simplified(rings, self.px)
        self._before[sum(map(len, rings)) // 2] += 1
        self._after[sum(map(len, found)) // 2] += 1
        self._sum += iou
        self._lowest = min(self._lowest, iou)
        return one.model_copy(update={"polygons": found, "mask": None})


def simplified(rings: list[list[float]], px: float) -> tuple[list[list[float]], float]:
    """Outlines of one object with fewer vertices, and their IoU with the exact ones.

    Source: Douglas and Peucker 1973, by OpenCV. The tolerance is halved until the IoU is at least `LEAST_IOU`.
    """
    exact = _bitmap(rings, rings)
    while px > 0.25:
        found = [_fewer(ring, px) if _traced(ring) else ring for ring in rings]
        shared = _bitmap(found, rings)
        iou = int((exact & shared).sum()) / max(int((exact | shared).sum()), 1)
        if iou >= LEAST_IOU:
            return found, iou
        px /= 2
    return rings, 1.0


def _traced(ring: list[float]) -> bool:
    """Whether an outline follows pixel edges and has more corners than a box."""
    points = np.array(ring).reshape(-1, 2)
    steps = points - np.roll(points, 1, axis=0)
    return len(points) > 4 and bool((steps == 0).any(axis=1).all())


def _fewer(ring: list[float], px: float) -> list[float]:
    ends = np.array(ring).reshape(-1, 2)
    steps = ends - np.roll(ends, 1, axis=0)
    lengths = np.abs(steps).sum(axis=1, keepdims=True)
    half = steps / lengths * np.minimum(lengths / 2, 0.5)
    # The line that the pixel steps follow is half a pixel before and after each corner.
    points = np.stack([np.roll(ends, 1, axis=0) + half, ends - half], axis=1).reshape(-1, 1, 2)
    kept = cv2.approxPolyDP(points.astype(np.float32), px, closed=True)
    return ring if len(kept) < 3 else [round(float(value), 2) for value in kept.ravel()]


def _bitmap(rings: list[list[float]], around: list[list[float]]) -> Bool:
    """Rasterise outlines by COCO's rule, in the box around other outlines with a margin."""
    points = np.concatenate([np.array(ring).reshape(-1, 2) for ring in around])
    low, high = np.floor(points.min(axis=0)) - 2, np.ceil(points.max(axis=0)) + 2
    width, height = (int(side) for side in high - low)
    moved = [(np.array(ring).reshape(-1, 2) - low).ravel().tolist() for ring in rings]
    return from_coco(moved, (height, width)).bitmap((height, width))


def _median(counts: Counter[int]) -> int:
    half, seen = counts.total() / 2, 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= half:
            return value
    return 0
