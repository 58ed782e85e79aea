"""Name each object by the finest level with a sufficient score: class, supercategory or "object"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seasift.core.boxes import class_agnostic_nms
from seasift.core.instances import Category, Instances
from seasift.core.types import Bool, Float32, Int64

CLASS, SUPERCATEGORY, OBJECT = range(3)
LEVELS = ("class", "supercategory", "object")
LISTED = 0.05
"""With rolled-up names, objects with at least this class score are listed if any level reaches its threshold."""
UNGROUPED = "other"
"""Classes without a supercategory in their name: they roll up to "object" directly."""


@dataclass(frozen=True)
class RollUp:
    """Minimum scores to name an object at each level.

    Attributes:
        by_class: minimum score of the class to name an object by its class.
        by_supercategory: minimum score of the supercategory to name it by that.
        by_object: minimum score of "object" to count as certain.
    """

    by_class: float
    by_supercategory: float
    by_object: float


@dataclass(frozen=True, eq=False)
class RolledUp:
    """Names of N objects.

    Attributes:
        names: class, supercategory or "object".
        levels: (N,) index into `LEVELS`.
        scores: (N,) score at that level.
        sure: (N,) whether the level's threshold is met; an object below all of them is named "object".
    """

    names: tuple[str, ...]
    levels: Int64
    scores: Float32
    sure: Bool


@dataclass(frozen=True, eq=False)
class LevelScores:
    """Scores of N objects at each level.

    Attributes:
        scores: (N, 3) float32, by `LEVELS`.
        supercategories: N names, the likeliest of each object.
    """

    scores: Float32
    supercategories: tuple[str, ...]


def level_scores(found: Instances, categories: Sequence[Category]) -> LevelScores:
    """Scores of each object for its class, its likeliest supercategory, and for being any object.

    Classes count as independent: the score of several of them is 1 - prod(1 - score). Without `class_scores` an
    object's own score is used for all three.

    Args:
        found: N objects.
        categories: C classes of the model; the index is the class_id.
    """
    groups = [category.group for category in categories]
    if found.class_scores is None:
        own = tuple(groups[class_id] for class_id in found.class_ids.tolist())
        scores = np.repeat(found.scores[:, None], 3, axis=1)
        scores[[name == UNGROUPED for name in own], SUPERCATEGORY] = 0
        return LevelScores(scores, own)
    names = list(dict.fromkeys(groups))
    missed = 1 - np.clip(found.class_scores.astype(np.float64), 0, 1)  # (N, C)
    member = np.array([[group == name for group in groups] for name in names])  # (G, C)
    by_name = np.stack([1 - missed[:, row].prod(axis=1) for row in member], axis=1)  # (N, G)
    if UNGROUPED in names:
        by_name[:, names.index(UNGROUPED)] = -1
    best = by_name.argmax(axis=1)
    supercategory = np.maximum(by_name[np.arange(len(found)), best], 0)
    scores = np.stack([found.scores, supercategory, 1 - missed.prod(axis=1)], axis=1).astype(np.float32)
    return LevelScores(scores, tuple(names[index] for index in best.tolist()))


def roll_up(found: Instances, categories: Sequence[Category], thresholds: RollUp) -> RolledUp:
    """Name each object by the finest level with a sufficient score.

    Args:
        found: N objects; their class scores are unchanged.
        categories: C classes of the model; the index is the class_id.
        thresholds: thresholds of the model, fitted on data outside its training data.

    >>> named = roll_up(found, model.categories, model.info.roll_up())
    >>> list(zip(named.names, named.scores))
    """
    at = level_scores(found, categories)
    levels, sure = choose_levels(at.scores, thresholds)
    spelled = (
        [categories[class_id].name for class_id in found.class_ids.tolist()],
        at.supercategories,
        ["object"] * len(found),
    )
    names = tuple(spelled[level][index] for index, level in enumerate(levels.tolist()))
    return RolledUp(names, levels, at.scores[np.arange(len(found)), levels], sure)


def choose_levels(scores: Float32, thresholds: RollUp) -> tuple[Int64, Bool]:
    """The level (N,) of each object and whether it meets that level's threshold (N,), from `LevelScores.scores`."""
    least = np.array([thresholds.by_class, thresholds.by_supercategory, thresholds.by_object], np.float32)
    met = scores >= least
    levels = np.where(met.any(axis=1), met.argmax(axis=1), OBJECT)
    return levels.astype(np.int64), np.asarray(met.any(axis=1))


def named_once(
    found: Instances, categories: Sequence[Category], thresholds: RollUp, *, only_sure: bool
) -> tuple[Instances, RolledUp]:
    """Remove objects that overlap a better one of another class, and roll up the names of the rest.

    Args:
        found: N objects, best first.
        categories: C classes of the model.
        thresholds: thresholds of the model.
        only_sure: drop objects below the threshold of every level.
    """
    found = class_agnostic_nms(found)
    named = roll_up(found, categories, thresholds)
    if not only_sure:
        return found, named
    kept = np.flatnonzero(named.sure)
    names = tuple(named.names[index] for index in kept)
    return found.take(kept), RolledUp(names, named.levels[kept], named.scores[kept], named.sure[kept])
