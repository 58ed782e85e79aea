"""Intervals of AP by drawing whole dives or videos again and again: frames of one dive are not independent.

Source: Efron and Tibshirani 1993, chapters 6 and 13 (percentile intervals), with dives or videos as the units.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seasift.core.errors import BadInput
from seasift.core.types import Int64
from seasift.evaluation.curves import IOUS, RECALLS
from seasift.evaluation.matches import ClassMatches

RESAMPLES, SEED, LEVEL = 1000, 0, 0.95
FEW_GROUPS, FEW_CLASS_GROUPS = 20, 5
_CELLS = 4_000_000  # of one array in memory: resamples x detections of a class

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Resampled:
    """APs of one kind in each resample; NaN where a resample has no object to judge by.

    Attributes:
        overall: "AP", "AP50" and "AP75" to (R,): means over the classes that have objects in the resample.
        per_class: (R, C) AP.
    """

    overall: dict[str, Values]
    per_class: Values


def group_names(file_names: Sequence[str], pattern: str | None) -> list[str]:
    """The group (video) of each picture: the first bracket of a regular expression, or all that it finds.

    A name without a group is a group of its own, as every name is without a pattern.

    Raises:
        BadInput: not a regular expression.
    """
    try:
        found = [re.search(pattern, name) if pattern else None for name in file_names]
    except re.error as error:
        raise BadInput(
            f"group {pattern!r}: not a regular expression ({error}); expected one such as 'vid_(\\d+)_frame'. "
            "Give another --group"
        ) from None
    return [
        (match.group(1 if match.re.groups else 0) or name) if match else name
        for name, match in zip(file_names, found, strict=True)
    ]


def unit_names(
    file_names: Sequence[str], pattern: str | None, dives: Mapping[str, str]
) -> tuple[list[str], str]:
    """What is drawn again and again: the dive of each image where it is known, else its video (see `group_names`).

    Args:
        dives: file name to dive.
    Returns:
        The unit of each image, and what it is called: "dive", "video" or "image".
    Raises:
        BadInput: not a regular expression.
    """
    groups = group_names(file_names, pattern)
    if not any(name in dives for name in file_names):
        return groups, "image" if pattern is None else "video"
    named = zip(file_names, groups, strict=True)
    return [f"dive {dives[name]}" if name in dives else f"video {group}" for name, group in named], "dive"


def draw_weights(groups: Sequence[str], resamples: int, seed: int) -> Int64:
    """How often each picture counts in each resample, (R, P): as often as its group was drawn.

    As many groups are drawn, with replacement, as there are.
    """
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    return np.asarray(drawn[:, place.ravel()], np.int64)


def resampled(classes: Sequence[ClassMatches], weights: Int64) -> Resampled:
    """The APs of one kind under each row of weights.

    Args:
        classes: from `matches.matches_of`.
        weights: (R, P) whole numbers; ones give COCO's own figures.
    """
    values = np.stack([class_ap(each, weights) for each in classes], axis=-1)
    at = {"AP": values, **{f"AP{round(100 * iou)}": values[:, [place]] for iou, place in IOUS.items()}}
    overall = {name: mean_known(part.reshape(len(weights), -1)) for name, part in at.items()}
    return Resampled(overall, values.mean(axis=1))


def class_ap(matches: ClassMatches, weights: Int64) -> Values:
    """AP of one class at each IoU under each row of weights, (R, 10); NaN in rows without objects.

    A picture of weight n counts as n equal pictures side by side. Two detections of the class in it with the
    very same score count n times the first, then n times the second.
    """
    step = max(1, _CELLS // max(1, len(matches.picture)))
    parts = [_class_ap(matches, weights[start : start + step]) for start in range(0, len(weights), step)]
    return np.concatenate(parts)


def _class_ap(matches: ClassMatches, weights: Int64) -> Values:
    objects = weights @ matches.objects
    values = np.full((len(weights), len(matches.right)), np.nan)
    if not objects.any():
        return values
    times = weights[:, matches.picture].astype(np.int32)
    kinds, kind_of = np.unique(matches.counted, axis=0, return_inverse=True)
    for kind, counted in enumerate(kinds):  # one kind for all IoUs, unless there are crowds
        shown = np.cumsum(times * counted, axis=1, dtype=np.int32)
        for iou in np.flatnonzero(kind_of.ravel() == kind):
            places = np.flatnonzero(matches.right[iou])
            values[:, iou] = _area(times[:, places], shown[:, places], objects)
    values[objects == 0] = np.nan
    return values


def _area(times: npt.NDArray[np.int32], shown: npt.NDArray[np.int32], objects: Int64) -> Values:
    """COCO's area below precision and recall: mean over 101 recalls of the best precision from there on.

    Only right detections matter: between two of them precision only falls.

    Args:
        times: (R, K) weight of each right detection, best first.
        shown: (R, K) right and wrong ones up to and with it.
        objects: (R,) truth.
    """
    right = np.cumsum(times, axis=1)
    precision = right / np.maximum(shown, 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.searchsorted(RECALLS, right / np.maximum(objects, 1)[:, None], side="right")
    return np.asarray((best * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALLS))


def mean_known(values: Values) -> Values:
    """Mean of each row over what is not NaN; NaN if all is."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def interval(values: Values, level: float = LEVEL) -> list[float] | None:
    """Percentile interval [low, high] over the resamples that have a value; None if fewer than half do."""
    known = values[~np.isnan(values)]
    if 2 * len(known) < len(values) or not len(known):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return [float(low), float(high)]


def intervals(values: Mapping[str, Values]) -> dict[str, list[float] | None]:
    """`interval` of each."""
    return {name: interval(each) for name, each in values.items()}
