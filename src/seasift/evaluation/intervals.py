"""Intervals of the APs on one part, and of the difference of two models on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seasift.core.types import Int64
from seasift.data.coco import CocoDataset
from seasift.evaluation.bootstrap import LEVEL, Resampled, draw_weights, interval, resampled, unit_names
from seasift.evaluation.matches import ClassMatches, picture_names


@dataclass(frozen=True)
class Judged:
    """One run under all resamples.

    Attributes:
        groups: dives (else videos) in the part.
        class_groups: class name to how many of them have objects of it.
        kinds: "boxes" and, if judged, "masks". The first resample is the part itself.
        pattern: that found the videos; None: each picture was drawn alone.
        unit: what was drawn: "dive", "video" or "image".
    """

    groups: int
    class_groups: dict[str, int]
    kinds: dict[str, Resampled]
    pattern: str | None
    unit: str

    def intervals(self) -> dict[str, Any]:
        """Kind to figure to [low, high], and "per_class" name to kind to that of its AP."""
        return _summary(self, self.kinds, lambda values: interval(values[1:]))

    def record(self, resamples: int, seed: int) -> dict[str, Any]:
        """`intervals` and what they come from, as report.json keeps them."""
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
    """Dives, else videos, drawn again and again, the same for all models that are judged on a part.

    Attributes:
        groups: dives or videos.
        class_groups: class name to how many of them have objects of it.
        weights: (1 + R, P) how often each picture counts; the first row is the part itself.
        pattern: that found the videos; None: each picture is drawn alone.
        unit: what is drawn: "dive", "video" or "image".
    """

    groups: int
    class_groups: dict[str, int]
    weights: Int64
    pattern: str | None
    unit: str

    def judge(self, matches: Mapping[str, Sequence[ClassMatches]]) -> Judged:
        """Resample the matches of each kind."""
        kinds = {kind: resampled(each, self.weights) for kind, each in matches.items()}
        return Judged(self.groups, self.class_groups, kinds, self.pattern, self.unit)


def draw(
    truth: CocoDataset,
    pattern: str | None,
    resamples: int,
    seed: int,
    dives: Mapping[str, str] | None = None,
) -> Draws:
    """Draw dives where they are known, else videos.

    Args:
        truth: pictures and objects.
        pattern: regular expression that finds a picture's video in its name (None: each is drawn alone).
        dives: file name to dive, of the images whose dive is known.
    Raises:
        BadInput: not a regular expression.
    """
    groups, unit = unit_names(picture_names(truth), pattern, dives or {})
    weights = draw_weights(groups, resamples, seed)
    weights = np.concatenate([np.ones((1, len(groups)), np.int64), weights])
    return Draws(len(set(groups)), _class_groups(truth, groups), weights, pattern, unit)


def difference(first: Judged, second: Judged) -> dict[str, Any]:
    """Second minus first: kind to figure to {"value", "interval", "zero_inside"}, and "per_class".

    Both must come from one call of `judge_runs`. An entry is None where either has no figure.
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


def _summary(judged: Judged, kinds: dict[str, Resampled], say: Any) -> dict[str, Any]:
    return {
        **{
            kind: {name: say(values) for name, values in each.overall.items()} for kind, each in kinds.items()
        },
        "per_class": {
            name: {kind: say(each.per_class[:, place]) for kind, each in kinds.items()}
            for place, name in enumerate(judged.class_groups)
        },
    }


def _class_groups(truth: CocoDataset, groups: Sequence[str]) -> dict[str, int]:
    group_of = dict(zip(sorted(image.id for image in truth.images), groups, strict=True))
    held = {category.id: set[str]() for category in truth.categories}
    for annotation in truth.annotations:
        if not annotation.iscrowd:
            held[annotation.category_id].add(group_of[annotation.image_id])
    return {category.name: len(held[category.id]) for category in truth.categories}
