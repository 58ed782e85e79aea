"""The images that went worst, kept while all images stream by."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from seasift.core.instances import Instances
from seasift.data.coco import CocoImage
from seasift.evaluation.confusion import Matching
from seasift.evaluation.truth import Truth


@dataclass(frozen=True)
class Evaluated:
    """One image, what was found in it and how that fits the truth."""

    image: CocoImage
    truth: Truth
    found: Instances
    matching: Matching


@dataclass
class WorstImages:
    """The images of lowest F1; of equal ones those with more errors, then the earlier.

    An image without errors is never among them.

    Attributes:
        size: how many are kept.
    """

    size: int
    _heap: list[tuple[float, int, int, Evaluated]] = field(default_factory=list)
    _seen: int = 0

    def add(self, evaluated: Evaluated) -> None:
        """Consider an image."""
        self._seen += 1
        matching = evaluated.matching
        if matching.errors and self.size:
            entry = (-(matching.f1 or 0.0), matching.errors, -self._seen, evaluated)
            if len(self._heap) < self.size:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    def worst_first(self) -> list[Evaluated]:
        """The kept images."""
        return [entry[-1] for entry in sorted(self._heap, key=lambda entry: entry[:3], reverse=True)]
