"""Intervals of AP on a split, and of the difference of two models.

Whole dives or videos are resampled, since frames of one dive are not independent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seasift.core.errors import InputError
from seasift.core.types import Int64
from seasift.data.coco import CocoDataset
from seasift.data.dives import found_group
from seasift.evaluation.coco_metrics import IOUS, RECALLS
from seasift.evaluation.confusion import ClassMatches, image_names


@dataclass(frozen=True)
class RunIntervals:
    """One run under all resamples.

    Attributes:
        groups: dives (else videos) in the split.
        class_groups: class name to the number of groups with objects of it.
        kinds: "boxes" and, if evaluated, "masks". The first resample is the split itself.
        pattern: regular expression that found the videos; None: single images were drawn.
        unit: "dive", "video" or "image".
        levels: the same of supercategories and of any object, if computed.
    """

    groups: int
    class_groups: dict[str, int]
    kinds: dict[str, Resampled]
    pattern: str | None
    unit: str
    levels: Mapping[str, RunIntervals] = field(default_factory=dict)

    def intervals(self) -> dict[str, Any]:
        """Kind to metric to [low, high], and "per_class" name to kind to that of its AP."""
        return _summary(self, self.kinds, lambda values: interval(values[1:]))

    def record(self, resamples: int, seed: int) -> dict[str, Any]:
        """`intervals` and their source, as in report.json."""
        return {
            "level": LEVEL,
            "resamples": resamples,
            "seed": seed,
            "groups": self.groups,
            "group": self.pattern,
            "unit": self.unit,
            "class_groups": self.class_groups,
            **self.intervals(),
        }


@dataclass(frozen=True)
class Draws:
    """Resamples of dives, else videos; the same for all models on a split.

    Attributes:
        groups: dives or videos.
        class_groups: class name to the number of groups with objects of it.
        weights: (1 + R, P) count of each image; the first row is the split itself.
        pattern: regular expression that found the videos; None: single images are drawn.
        unit: "dive", "video" or "image".
        names: the group of each image.
    """

    groups: int
    class_groups: dict[str, int]
    weights: Int64
    pattern: str | None
    unit: str
    names: Sequence[str] = ()

    def of_classes(self, truth: CocoDataset) -> Draws:
        """The same draws for a truth with other classes of the same images."""
        return replace(self, class_groups=_class_groups(truth, self.names))

    def evaluate(self, matches: Mapping[str, Sequence[ClassMatches]]) -> RunIntervals:
        """Resample the matches of each kind."""
        kinds = {kind: resampled(each, self.weights) for kind, each in matches.items()}
        return RunIntervals(self.groups, self.class_groups, kinds, self.pattern, self.unit)


def draw(
    truth: CocoDataset,
    pattern: str | None,
    resamples: int,
    seed: int,
    dives: Mapping[str, str] | None = None,
) -> Draws:
    """Draw dives where they are known, else videos.

    Args:
        truth: images and objects.
        pattern: regular expression that finds an image's video in its name; None: single images are drawn.
        dives: file name to dive, of the images whose dive is known.
    Raises:
        InputError: not a regular expression.
    """
    groups, unit = unit_names(image_names(truth), pattern, dives or {})
    weights = draw_weights(groups, resamples, seed)
    weights = np.concatenate([np.ones((1, len(groups)), np.int64), weights])
    return Draws(len(set(groups)), _class_groups(truth, groups), weights, pattern, unit, groups)


def difference(first: RunIntervals, second: RunIntervals) -> dict[str, Any]:
    """Second minus first: kind to metric to {"value", "interval", "zero_inside"}, and "per_class".

    Both must come from one call of `evaluate_runs`. An entry is None where either has no value.
    """
    kinds = {
        kind: Resampled(
            {name: second.kinds[kind].overall[name] - values for name, values in mine.overall.items()},
            second.kinds[kind].per_class - mine.per_class,
        )
        for kind, mine in first.kinds.items()
        if kind in second.kinds
    }
    return _summary(first, kinds, _difference)


def _difference(values: Any) -> dict[str, Any] | None:
    limits = interval(values[1:])
    if limits is None or np.isnan(values[0]):
        return None
    return {"value": float(values[0]), "interval": limits, "zero_inside": limits[0] <= 0 <= limits[1]}


def _summary(evaluated: RunIntervals, kinds: dict[str, Resampled], say: Any) -> dict[str, Any]:
    return {
        **{
            kind: {name: say(values) for name, values in each.overall.items()} for kind, each in kinds.items()
        },
        "per_class": {
            name: {kind: say(each.per_class[:, index]) for kind, each in kinds.items()}
            for index, name in enumerate(evaluated.class_groups)
        },
    }


def _class_groups(truth: CocoDataset, groups: Sequence[str]) -> dict[str, int]:
    group_of = dict(zip(sorted(image.id for image in truth.images), groups, strict=True))
    held = {category.id: set[str]() for category in truth.categories}
    for annotation in truth.annotations:
        if not annotation.iscrowd:
            held[annotation.category_id].add(group_of[annotation.image_id])
    return {category.name: len(held[category.id]) for category in truth.categories}


RESAMPLES, SEED, LEVEL = 1000, 0, 0.95
FEW_GROUPS, FEW_CLASS_GROUPS = 20, 5
_CELLS = 4_000_000  # of one array in memory: resamples x detections of a class

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Resampled:
    """APs of one kind in each resample; NaN where a resample has no object.

    Attributes:
        overall: "AP", "AP50" and "AP75" to (R,): means over the classes that have objects in the resample.
        per_class: (R, C) AP.
    """

    overall: dict[str, Values]
    per_class: Values


def group_names(file_names: Sequence[str], pattern: str | None) -> list[str]:
    """The group (video) of each image, found by a regular expression; see `found_group`.

    A name without a group is its own group; without a pattern, every name is.

    Raises:
        InputError: not a regular expression.
    """
    try:
        found = [re.search(pattern, name) if pattern else None for name in file_names]
    except re.error as error:
        raise InputError(
            f"group {pattern!r}: not a regular expression ({error}); expected one such as 'vid_(\\d+)_frame'. "
            "Give another --group"
        ) from None
    return [
        (found_group(match) or name) if match else name for name, match in zip(file_names, found, strict=True)
    ]


def unit_names(
    file_names: Sequence[str], pattern: str | None, dives: Mapping[str, str]
) -> tuple[list[str], str]:
    """The resampled unit: the dive of each image where it is known, else its video (see `group_names`).

    Args:
        dives: file name to dive.
    Returns:
        The unit of each image, and its kind: "dive", "video" or "image".
    Raises:
        InputError: not a regular expression.
    """
    groups = group_names(file_names, pattern)
    if not any(name in dives for name in file_names):
        return groups, "image" if pattern is None else "video"
    named = zip(file_names, groups, strict=True)
    return [f"dive {dives[name]}" if name in dives else f"video {group}" for name, group in named], "dive"


def draw_weights(groups: Sequence[str], resamples: int, seed: int) -> Int64:
    """Count of each image in each resample, (R, P): the number of draws of its group.

    Each resample draws as many groups as there are, with replacement.
    """
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    return np.asarray(drawn[:, index.ravel()], np.int64)


def resampled(classes: Sequence[ClassMatches], weights: Int64) -> Resampled:
    """The APs of one kind under each row of weights.

    Args:
        classes: from `matches.matches_of`.
        weights: (R, P) whole numbers; ones give COCO's own metrics.
    """
    values = np.stack([class_ap(each, weights) for each in classes], axis=-1)
    at = {"AP": values, **{f"AP{round(100 * iou)}": values[:, [index]] for iou, index in IOUS.items()}}
    overall = {name: mean_known(part.reshape(len(weights), -1)) for name, part in at.items()}
    return Resampled(overall, values.mean(axis=1))


def class_ap(matches: ClassMatches, weights: Int64) -> Values:
    """AP of one class at each IoU under each row of weights, (R, 10); NaN in rows without objects.

    An image of weight n counts as n equal images. Two of its detections of the class with the same score count n times the
    first, then n times the second.
    """
    step = max(1, _CELLS // max(1, len(matches.image)))
    parts = [_class_ap(matches, weights[start : start + step]) for start in range(0, len(weights), step)]
    return np.concatenate(parts)


def _class_ap(matches: ClassMatches, weights: Int64) -> Values:
    objects = weights @ matches.objects
    values = np.full((len(weights), len(matches.right)), np.nan)
    if not objects.any():
        return values
    times = weights[:, matches.image].astype(np.int32)
    kinds, kind_of = np.unique(matches.counted, axis=0, return_inverse=True)
    for kind, counted in enumerate(kinds):  # one kind for all IoUs, unless there are crowds
        shown = np.cumsum(times * counted, axis=1, dtype=np.int32)
        for iou in np.flatnonzero(kind_of.ravel() == kind):
            indices = np.flatnonzero(matches.right[iou])
            values[:, iou] = _area(times[:, indices], shown[:, indices], objects)
    values[objects == 0] = np.nan
    return values


def _area(times: npt.NDArray[np.int32], shown: npt.NDArray[np.int32], objects: Int64) -> Values:
    """COCO's average precision: the mean, over 101 recalls, of the best precision at that recall or a higher one.

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
    """Mean of each row without NaN; NaN if all values are."""
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
