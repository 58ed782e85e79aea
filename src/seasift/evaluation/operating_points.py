"""How many of each class are found and right at each threshold: what intervals of counts are made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seasift.core.types import Float64
from seasift.evaluation.confusion import ClassMatches

THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 19))


def operating_points_of(
    matches: Sequence[ClassMatches], groups: Sequence[str], lowest: float
) -> dict[str, Any]:
    """Counts at IoU .50 at thresholds of .05, .10 ... .90.

    Args:
        matches: one entry a class; see `matches.matches_of`.
        groups: the dive, else the video, of each image, in the order of the images in `matches`.
        lowest: detections with lower scores were not listed, so lower thresholds have no counts.
    Returns:
        "thresholds", and "classes": for each class "objects", "videos" (or dives) that hold some, and for each threshold "found",
        "right", and the design effects "found_alike" and "objects_alike" of right / found and right / objects.
    """
    thresholds = [each for each in THRESHOLDS if each >= lowest - 1e-9]
    _, video_of = np.unique(np.asarray(groups), return_inverse=True)
    return {
        "thresholds": thresholds,
        "classes": [_of_class(m, video_of.ravel(), thresholds) for m in matches],
    }


def design_effect(right: Float64, of: Float64) -> float:
    """By how much the variance of a share over alike images exceeds that over independent ones.

    Args:
        right, of: (V,) hits and trials in each video.
    Returns:
        1 or more. The mean number of trials a video where it cannot be told: in a single video, or where all or none
        are hits; then a whole video counts as one trial.
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
