"""Thresholds of the roll-up: each level's names are right with a given probability."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seasift.core.boxes import class_agnostic_nms
from seasift.core.classes import group_of
from seasift.core.instances import Category, Instances
from seasift.core.rollup import (
    CLASS,
    LEVELS,
    OBJECT,
    SUPERCATEGORY,
    RollUp,
    choose_levels,
    coarse_names,
    level_scores,
)
from seasift.core.types import Bool, Float32, Float64, Int64
from seasift.evaluation.confusion import CROWD, ClassMatches, Truth, match
from seasift.evaluation.intervals import Draws, interval

PROBABILITIES = (0.5, 0.6, 0.7, 0.8, 0.9)
FEWEST = 20
"""Minimum number of detections above the threshold of a level: with fewer, the share of right ones is chance."""
NEVER = 1.0
_IOUS = 10  # rows of `ClassMatches`; all of IoU .50 here


@dataclass
class Named:
    """Scores of all detections at each level, and whether each is right.

    Attributes:
        categories: classes of the truth; the index is the class_id.
        scores: arrays (N, 3), one per image.
        right: arrays (N, 3) bool: an object of the class, of the supercategory, any object (IoU .50).
        supercategories: N names, the likeliest of each detection, one entry an image.
        objects: number of objects of each supercategory, one entry an image.
    """

    categories: Sequence[Category]
    scores: list[Float32] = field(default_factory=list)
    right: list[Bool] = field(default_factory=list)
    supercategories: list[tuple[str, ...]] = field(default_factory=list)
    objects: list[Counter[str]] = field(default_factory=list)

    def add(self, found: Instances, truth: Truth) -> None:
        """Add one image; of several detections of one object the best counts."""
        once = class_agnostic_nms(found)
        partners = match(once, truth).truth_index
        once = once.take(partners != CROWD)
        partners = partners[partners != CROWD]
        at = level_scores(once, self.categories)
        groups = [group_of(category.name) for category in self.categories]
        right = np.zeros((len(once), len(LEVELS)), bool)
        for index in np.flatnonzero(partners >= 0):
            class_id = int(truth.single.class_ids[partners[index]])
            right[index, OBJECT] = True
            right[index, SUPERCATEGORY] = groups[class_id] == at.supercategories[index]
            right[index, CLASS] = class_id == once.class_ids[index]
        self.scores.append(at.scores)
        self.right.append(right)
        self.supercategories.append(at.supercategories)
        self.objects.append(Counter(groups[class_id] for class_id in truth.single.class_ids.tolist()))

    def images(self, ids: Sequence[int]) -> Int64:
        """The image of each detection, (N,): its index in the order of ids, as `ClassMatches` and `Draws` count images.

        Args:
            ids: of the images, in the order in which they were added.
        """
        ranks = np.argsort(np.argsort(np.asarray(ids, np.int64), kind="stable"), kind="stable")
        return np.repeat(ranks, [len(each) for each in self.scores]).astype(np.int64)

    def by_supercategory(self, ids: Sequence[int]) -> dict[str, ClassMatches]:
        """The detections whose likeliest supercategory each is, with their scores for it, as matched at IoU .50.

        Args:
            ids: of the images, in the order in which they were added.
        Returns:
            By name; empty if names of classes tell no supercategory.
        """
        names = coarse_names(category.name for category in self.categories)[:-1]
        scores, right = self.arrays()
        image, order = self.images(ids), np.argsort(np.asarray(ids, np.int64), kind="stable").tolist()
        likeliest = np.array([name for each in self.supercategories for name in each], dtype=object)
        found = {}
        for name in names:
            mine = np.flatnonzero(likeliest == name)
            mine = mine[np.argsort(-scores[mine, SUPERCATEGORY], kind="stable")]
            hits = np.broadcast_to(right[mine, SUPERCATEGORY], (_IOUS, len(mine)))
            found[name] = ClassMatches(
                image=image[mine],
                scores=scores[mine, SUPERCATEGORY].astype(np.float64),
                right=hits,
                counted=np.ones_like(hits),
                objects=np.array([self.objects[index][name] for index in order], np.int64),
            )
        return found

    def arrays(self) -> tuple[Float32, Bool]:
        """All detections: scores (N, 3) and right (N, 3)."""
        empty = np.zeros((0, len(LEVELS)))
        return (
            np.concatenate([empty.astype(np.float32), *self.scores]),
            np.concatenate([empty.astype(bool), *self.right]),
        )


def rollup_record(
    named: Named, used: RollUp | None, *, ids: Sequence[int] = (), draws: Draws | None = None
) -> dict[str, Any]:
    """The part of the record.

    Args:
        named: all detections.
        used: the model's own thresholds, or None.
        ids: of the images, in the order in which they were added to `named`.
        draws: for the intervals of the model's own thresholds; None for none.
    Returns:
        "fitted": for each of `PROBABILITIES` its "probability", "thresholds" by level and "levels" (see `level_shares`)
        on these detections; "own": "thresholds" and "levels" of the model's own thresholds here, None without.
    """
    scores, right = named.arrays()
    fitted = []
    for probability in PROBABILITIES:
        thresholds = fit(scores, right, probability)
        fitted.append({"probability": probability, **_shares_at(scores, right, thresholds)})
    own = None if used is None else _shares_at(scores, right, used)
    if own and used and draws is not None:
        for name, limits in _limits(scores, right, used, named.images(ids), draws).items():
            own["levels"][name]["interval"] = limits
    return {"fitted": fitted, "own": own}


def _limits(
    scores: Float32, right: Bool, thresholds: RollUp, image: Int64, draws: Draws
) -> dict[str, list[float] | None]:
    """Interval of the share of right names at each level."""
    levels, sure = choose_levels(scores, thresholds)
    found = {}
    for level, name in enumerate(LEVELS):
        mine = sure & (levels == level)
        weights = draws.weights[1:, image[mine]]
        total, hits = weights.sum(axis=1), (weights * right[mine, level]).sum(axis=1)
        shares = np.divide(hits, total, out=np.full(len(total), np.nan), where=total > 0)
        found[name] = interval(shares)
    return found


def _shares_at(scores: Float32, right: Bool, thresholds: RollUp) -> dict[str, Any]:
    values = (thresholds.by_class, thresholds.by_supercategory, thresholds.by_object)
    return {
        "thresholds": dict(zip(LEVELS, values, strict=True)),
        "levels": level_shares(scores, right, thresholds),
    }


def level_shares(scores: Float32, right: Bool, thresholds: RollUp) -> dict[str, dict[str, Any]]:
    """Level to "count", the number of objects that it names with certainty, and "right", the share of right ones."""
    levels, sure = choose_levels(scores, thresholds)
    rows = {}
    for level, name in enumerate(LEVELS):
        mine = sure & (levels == level)
        share = float(right[mine, level].mean()) if mine.any() else None
        rows[name] = {"count": int(mine.sum()), "right": share}
    return rows


def fit(scores: Float32, right: Bool, probability: float) -> RollUp:
    """The lowest thresholds at which each level's names are right with this probability.

    Level by level, finest first: of the detections that no finer level has named, at least this share of those with scores from
    the threshold on is right. A level that cannot reach it with `FEWEST` detections gets the threshold 1 and names nothing.

    Args:
        scores: (N, 3), see `core.rollup.LevelScores`.
        right: (N, 3).
        probability: of being right.
    """
    left = np.ones(len(scores), bool)
    thresholds = []
    for level in range(len(LEVELS)):
        found = _lowest(scores[left, level].astype(np.float64), right[left, level], probability)
        thresholds.append(found)
        left &= scores[:, level] < np.float32(found)
    return RollUp(*thresholds)


def _lowest(scores: Float64, right: Bool, probability: float) -> float:
    if not len(scores):
        return NEVER
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(scores[order][1:] != scores[order][:-1], True))
    counts = ends + 1
    share = np.cumsum(right[order])[ends] / counts
    enough = np.flatnonzero((share >= probability) & (counts >= FEWEST))
    return float(scores[order][ends[enough[-1]]]) if len(enough) else NEVER
