"""Name each object by the finest level with a sufficient score: class, supercategory or "object"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seasift.core.boxes import class_agnostic_nms
from seasift.core.classes import group_of
from seasift.core.instances import Category, Instances
from seasift.core.types import Bool, Float32, Float64, Int64

CLASS, SUPERCATEGORY, OBJECT = range(3)
LEVELS = ("class", "supercategory", "object")
LISTED = 0.05
"""With rolled-up names, objects with at least this class score are listed if any level reaches its threshold."""
ANYTHING = "object"
"""Name of an object whose supercategory is uncertain."""
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

    def in_words(self) -> str:
        """What is named how. A level with the threshold 1 names nothing.

        >>> RollUp(0.65, 0.34, 1.0).in_words()
        'the class from a score of 0.65, else the supercategory from 0.34'
        """
        levels = (
            ("the class", self.by_class),
            ("the supercategory", self.by_supercategory),
            ('"object"', self.by_object),
        )
        parts = [(name, least) for name, least in levels if least < 1]
        return ", else ".join(
            f"{name} from {'a score of ' if index == 0 else ''}{least:.2f}"
            for index, (name, least) in enumerate(parts)
        )


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
    by_name, anything = _any_of(found.class_scores, groups, names)
    best = _likeliest(by_name, names)
    supercategory = np.maximum(by_name[np.arange(len(found)), best], 0)
    supercategory[[names[index] == UNGROUPED for index in best.tolist()]] = 0
    scores = np.stack([found.scores, supercategory, anything], axis=1).astype(np.float32)
    return LevelScores(scores, tuple(names[index] for index in best.tolist()))


def track_scores(
    class_scores: Float32, class_id: int, categories: Sequence[Category], *, alone: bool = False
) -> LevelScores:
    """Scores of one tracked object: at each level, the mean of its scores in its frames.

    In a frame, the score of a supercategory is that of `level_scores`; an object that is a bag in one frame and a net in the
    next is surely trash in both.

    Args:
        class_scores: (F, C), the scores of the object for every class in each of its F >= 1 frames.
        class_id: the class of the track.
        categories: C classes of the model.
        alone: the model gives one score an object, so the classes of a frame are opinions about the same score: the
            highest counts, not all together.
    Returns:
        Scores of one object.
    """
    groups = [category.group for category in categories]
    names = list(dict.fromkeys(groups))
    by_name, anything = _any_of(class_scores, groups, names, highest=alone)
    means = by_name.mean(axis=0)
    best = int(_likeliest(means[None], names)[0])
    supercategory = 0.0 if names[best] == UNGROUPED else float(means[best])
    of_class = float(class_scores[:, class_id].mean(dtype=np.float64))
    scores = np.array([[of_class, supercategory, float(anything.mean())]], np.float32)
    return LevelScores(scores, (names[best],))


def _any_of(
    class_scores: Float32, groups: Sequence[str], names: Sequence[str], *, highest: bool = False
) -> tuple[Float64, Float64]:
    """Scores of N objects for being of any class of each supercategory (N, G), and of any class at all (N,)."""
    scores = np.clip(class_scores.astype(np.float64), 0, 1)  # (N, C)
    member = np.array([[group == name for group in groups] for name in names])  # (G, C)
    if highest:
        return np.stack([scores[:, row].max(axis=1) for row in member], axis=1), scores.max(axis=1)
    missed = 1 - scores
    return np.stack([1 - missed[:, row].prod(axis=1) for row in member], axis=1), 1 - missed.prod(axis=1)


def _likeliest(by_name: Float64, names: Sequence[str]) -> Int64:
    """Index of the supercategory with the highest score (N,); one without a name only if there is no other."""
    shown = by_name.copy()
    if UNGROUPED in names:
        shown[:, names.index(UNGROUPED)] = -1
    return np.asarray(shown.argmax(axis=1), np.int64)


def coarse_names(classes: Iterable[str | Category]) -> tuple[str, ...]:
    """The names that objects can get instead of their classes: supercategories in the order of the classes, then "object".

    Args:
        classes: names, or categories, which may have a supercategory that their name does not tell.

    >>> coarse_names(["rov", "trash_bag", "trash_net", "cod"])
    ('vehicle', 'trash', 'object')
    """
    groups = dict.fromkeys(group_of(each) if isinstance(each, str) else each.group for each in classes)
    return (*(name for name in groups if name != UNGROUPED), ANYTHING)


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
        [ANYTHING] * len(found),
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
