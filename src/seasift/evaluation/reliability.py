"""Reliability of scores, counts at each threshold, and thresholds of the roll-up.

The roll-up's thresholds make each level's names right with a given probability.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from seasift.core.boxes import class_agnostic_nms
from seasift.core.calibration import Calibration, features
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
from seasift.evaluation.confusion import CROWD, IOU, ClassMatches, Truth, match
from seasift.evaluation.intervals import Draws, interval

REG_MAX = 10
FEWEST = 50
"""Minimum number of right and of wrong detections for a calibration."""


def reliability_of(matches: Sequence[ClassMatches]) -> dict[str, Any]:
    """Compare scores with the share of right detections, over all classes.

    Args:
        matches: one entry per class, see `matches.matches_of`; right at IoU .50 counts, detections in crowds do not.
    Returns:
        "iou"; "detections"; "error", the expected calibration error: the mean over detections of how far the mean
        score of their bin lies from the share that is right (None without detections); "bins" of equal width with
        "from", "to", "count", "score" (mean) and "right" (share); "calibration" (a, b, c), None if fewer than 50
        are right or wrong; "calibrated_error", after it, on the detections that it was fitted on.
    Source: Naeini, Cooper, Hauskrecht 2015 (expected calibration error), section 2; Kuppers et al. 2020
        (Multivariate Confidence Calibration for Object Detection), section 3, on the meaning of right.
    """
    scores = np.concatenate([np.zeros(0), *(each.scores[each.counted[0]] for each in matches)])
    right = np.concatenate([np.zeros(0, bool), *(each.right[0][each.counted[0]] for each in matches)])
    bins = _bins(scores, right)
    calibration = fit(scores, right)
    after = None if calibration is None else _bins(calibration.apply(scores).astype(np.float64), right)
    return {
        "iou": IOU,
        "detections": len(scores),
        "error": _error(bins),
        "bins": bins,
        "calibration": None if calibration is None else asdict(calibration),
        "calibrated_error": None if after is None else _error(after),
    }


def fit(scores: Float64, right: Bool) -> Calibration | None:
    """Beta calibration by maximum likelihood; a negative power is left out.

    Returns:
        None if fewer than 50 are right or wrong, or if higher scores are not right more often.
    """
    if min(right.sum(), (~right).sum()) < FEWEST:
        return None
    columns = features(scores)
    for kept in ([0, 1, 2], [0, 2], [1, 2]):
        weights = np.zeros(3)
        weights[kept] = _logistic(columns[:, kept], right)
        if weights[0] >= 0 and weights[1] >= 0 and weights[:2].sum() > 0:
            return Calibration(*(float(weight) for weight in weights))
    return None


def _logistic(columns: Float64, right: Bool) -> Float64:
    """Weights of a logistic regression by Newton's method, with slight shrinkage, so that it always ends."""
    weights = np.zeros(columns.shape[1])
    for _ in range(100):
        chance = 1 / (1 + np.exp(-np.clip(columns @ weights, -30, 30)))
        slope = columns.T @ (right - chance) - 1e-6 * weights
        bend = (columns * (chance * (1 - chance))[:, None]).T @ columns + 1e-6 * np.eye(len(weights))
        step = np.linalg.solve(bend, slope)
        weights = weights + step / max(1.0, float(np.abs(step).max()) / 2)
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _bins(scores: Float64, right: Bool) -> list[dict[str, Any]]:
    index = np.minimum((scores * REG_MAX).astype(int), REG_MAX - 1)
    bins: list[dict[str, Any]] = []
    for number in range(REG_MAX):
        here = index == number
        shares = (float(scores[here].mean()), float(right[here].mean())) if here.any() else (None, None)
        bins.append(
            {
                "from": number / REG_MAX,
                "to": (number + 1) / REG_MAX,
                "count": int(here.sum()),
                "score": shares[0],
                "right": shares[1],
            }
        )
    return bins


def _error(bins: Sequence[dict[str, Any]]) -> float | None:
    filled = [each for each in bins if each["count"]]
    count = sum(each["count"] for each in filled)
    return (
        sum(each["count"] * abs(each["score"] - each["right"]) for each in filled) / count if count else None
    )


THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 19))


def operating_points_of(
    matches: Sequence[ClassMatches],
    groups: Sequence[str],
    lowest: float,
    supercategories: Mapping[str, ClassMatches] | None = None,
) -> dict[str, Any]:
    """Counts at IoU .50 at thresholds of .05, .10 ... .90.

    Args:
        matches: one entry per class; see `matches.matches_of`.
        groups: the dive, else the video, of each image, in the order of the images in `matches`.
        supercategories: detections by their likeliest supercategory, see `rollup_fit.Named`.
        lowest: the minimum score of listed detections; lower thresholds have no counts.
    Returns:
        "thresholds", and "classes": for each class "objects", "videos" (or dives) with some, and for each threshold "found",
        "right", and the design effects "found_alike" and "objects_alike" of right / found and right / objects;
        "supercategories": the same by name.
    """
    thresholds = [each for each in THRESHOLDS if each >= lowest - 1e-9]
    _, video_of = np.unique(np.asarray(groups), return_inverse=True)
    return {
        "thresholds": thresholds,
        "classes": [_of_class(m, video_of.ravel(), thresholds) for m in matches],
        "supercategories": {
            name: _of_class(m, video_of.ravel(), thresholds) for name, m in (supercategories or {}).items()
        },
    }


def design_effect(right: Float64, of: Float64) -> float:
    """The design effect: variance of a share over alike images divided by that over independent ones.

    Args:
        right, of: (V,) hits and trials in each video.
    Returns:
        1 or more. Where it cannot be estimated (one video, or all or none are hits), the mean number of trials per video: a
        whole video counts as one trial.
    Source: Rao and Scott 1992, section 2: the variance of a ratio over clusters by linearisation.
    """
    held = of > 0
    right, of = right[held], of[held]
    videos, trials = len(of), float(of.sum())
    if not videos:
        return 1.0
    share = float(right.sum()) / trials
    if videos < 2 or share in (0.0, 1.0):
        return max(1.0, trials / videos)
    variance = videos / (videos - 1) * float(((right - share * of) ** 2).sum()) / trials**2
    return max(1.0, variance / (share * (1 - share) / trials))


def _of_class(matches: ClassMatches, video_of: Any, thresholds: Sequence[float]) -> dict[str, Any]:
    videos = int(video_of.max()) + 1 if len(video_of) else 0
    objects = np.bincount(video_of, weights=matches.objects, minlength=videos).astype(float)
    row: dict[str, Any] = {
        "objects": int(objects.sum()),
        "videos": int((objects > 0).sum()),
        "found": [],
        "right": [],
        "found_alike": [],
        "objects_alike": [],
    }
    video = video_of[matches.image]
    for threshold in thresholds:
        listed = matches.counted[0] & (matches.scores >= threshold)
        found = np.bincount(video[listed], minlength=videos).astype(float)
        right = np.bincount(video[listed & matches.right[0]], minlength=videos).astype(float)
        row["found"].append(int(found.sum()))
        row["right"].append(int(right.sum()))
        row["found_alike"].append(round(design_effect(right, found), 3))
        row["objects_alike"].append(round(design_effect(right, objects), 3))
    return row


PROBABILITIES = (0.5, 0.6, 0.7, 0.8, 0.9)
FEWEST_NAMED = 20
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
        groups = [category.group for category in self.categories]
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
        names = coarse_names(self.categories)[:-1]
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
        thresholds = fit_rollup(scores, right, probability)
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


def fit_rollup(scores: Float32, right: Bool, probability: float) -> RollUp:
    """The lowest thresholds at which each level's names are right with this probability.

    Level by level, finest first: of the detections that no finer level has named, at least this share of those with scores from
    the threshold on is right. A level that cannot reach it with `FEWEST_NAMED` detections gets the threshold 1 and names nothing.

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
    enough = np.flatnonzero((share >= probability) & (counts >= FEWEST_NAMED))
    return float(scores[order][ends[enough[-1]]]) if len(enough) else NEVER
