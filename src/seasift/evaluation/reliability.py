"""Reliability of scores, and counts at each threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from seasift.core.calibration import Calibration, features
from seasift.core.types import Bool, Float64
from seasift.evaluation.confusion import IOU, ClassMatches

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
