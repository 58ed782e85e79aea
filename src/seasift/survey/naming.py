"""Name tracks: by the class, else the supercategory, else "object", by the model's thresholds.

The votes of all frames decide. The class is the one with the highest sum of scores. With roll-up, the score of each level is
the mean over the track's frames of its score in a frame, see `core.rollup.track_scores`, and the thresholds for single
objects apply to these means: the finest level that reaches its threshold names the track. A track that reaches none counts
only if the user gave a threshold; then it is an "object".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seasift.core.instances import Category
from seasift.core.rollup import (
    ANYTHING,
    CLASS,
    OBJECT,
    UNGROUPED,
    RollUp,
    choose_levels,
    coarse_names,
    track_scores,
)
from seasift.core.types import Float32
from seasift.survey.kept import Frame, Seen, Vote
from seasift.survey.store import Store

_SHOWN = 0.01
"""Class scores below this are not written."""


@dataclass(frozen=True)
class TrackName:
    """What a track is called.

    Attributes:
        class_id: the class with the highest sum of scores.
        score: probability of the class: mean over its frames, in which another class counts 0.
        best_score: highest score as an object of the class.
        name_id: index of its name in `Naming.names`.
        group_id: index of its supercategory in `Naming.groups`.
        level: index into `core.rollup.LEVELS`.
        level_score: score of the name; `score` without roll-up.
        sure: whether the name reaches its threshold; true without roll-up.
        class_scores: mean score of each likely class over the frames, the highest first; empty without roll-up.
    """

    class_id: int
    score: float
    best_score: float
    name_id: int
    group_id: int
    level: int
    level_score: float
    sure: bool
    class_scores: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Naming:
    """How to name the tracks of a survey.

    Attributes:
        categories: C classes of the model; the index is the class_id.
        rollup: thresholds of rolled-up names; None for names of classes.
        only_sure: do not count a track that is sure at no level.
    """

    categories: tuple[Category, ...]
    rollup: RollUp | None = None
    only_sure: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All names a track can get: the classes, then supercategories and "object"."""
        return (*(category.name for category in self.categories), *self._coarse)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Supercategories to count by; empty if names of classes tell none and are not rolled up."""
        own = [category.group for category in self.categories]
        if self.rollup is None and len(self._coarse) == 1:
            return ()
        other = (UNGROUPED,) if UNGROUPED in own else ()
        return (*self._coarse[:-1], *other, *((ANYTHING,) if self.rollup else ()))

    def group_of_class(self, class_id: int) -> int:
        """Index of the supercategory of a class in `groups`; 0 without any."""
        return self.groups.index(self.categories[class_id].group) if self.groups else 0

    def group_of_name(self, name_id: int) -> int:
        """Index of the supercategory of a name in `groups`; 0 without any."""
        if name_id < len(self.categories):
            return self.group_of_class(name_id)
        return self.groups.index(self.names[name_id])

    def name_of(self, store: Store, track: int, seen: Sequence[tuple[Seen, Frame]]) -> TrackName:
        """Name one track by its frames and the second opinions in them."""
        votes = store.votes(track)
        class_id, score, best_score = _class_of(seen, votes)
        if self.rollup is None:
            return TrackName(
                class_id, score, best_score, class_id, self.group_of_class(class_id), CLASS, score, True
            )
        scores, alone = _scores_by_frame(seen, votes, len(self.categories))
        at = track_scores(scores, class_id, self.categories, alone=alone)
        levels, sure = choose_levels(at.scores, self.rollup)
        level = int(levels[0])
        name_id = class_id
        if level != CLASS:
            name = ANYTHING if level == OBJECT else at.supercategories[0]
            name_id = self.names.index(name)  # a class of this name, such as "plant", is the same name
        means = scores.mean(axis=0, dtype=np.float64).round(6).tolist()
        likely = sorted(range(len(means)), key=lambda index: (-means[index], index))
        return TrackName(
            class_id=class_id,
            score=score,
            best_score=best_score,
            name_id=name_id,
            group_id=self.group_of_name(name_id),
            level=level,
            level_score=round(float(at.scores[0, level]), 6),
            sure=bool(sure[0]),
            class_scores=tuple((index, means[index]) for index in likely if means[index] >= _SHOWN),
        )

    def counts(self, name: TrackName) -> bool:
        """Whether a track with this name counts, if it was seen often enough."""
        return name.sure or not self.only_sure

    @cached_property
    def _coarse(self) -> tuple[str, ...]:
        return coarse_names(self.categories)


def _class_of(seen: Sequence[tuple[Seen, Frame]], votes: Sequence[Vote]) -> tuple[int, float, float]:
    """The class with the highest sum of scores, the first in the model's list if equal; its mean and best score.

    Second opinions count, too; a class counts once per frame, with its highest score.
    """
    highest: dict[tuple[int, int], float] = {}
    opinions: list[Seen | Vote] = [*(one for one, _ in seen), *votes]
    for each in opinions:
        key = each.seq, each.class_id
        highest[key] = max(each.score, highest.get(key, 0.0))
    scores: dict[int, list[float]] = {}
    for (_, class_id), score in highest.items():
        scores.setdefault(class_id, []).append(score)
    sums = {class_id: math.fsum(each) for class_id, each in scores.items()}
    best = min(sums, key=lambda class_id: (-sums[class_id], class_id))
    return best, round(sums[best] / len(seen), 6), max(scores[best])


def _scores_by_frame(
    seen: Sequence[tuple[Seen, Frame]], votes: Sequence[Vote], classes: int
) -> tuple[Float32, bool]:
    """Scores (F, C) of a track for every class in each of its frames, and whether the model gives one score an object.

    They are those of the observation of the frame, as the thresholds were fitted. Only where a model gives one score an
    object, a class has the score of the best opinion about it.
    """
    scores = np.zeros((len(seen), classes), np.float32)
    rows = {}  # of frames in which second opinions count
    for row, (one, _) in enumerate(seen):
        if one.class_scores is not None:
            scores[row] = np.frombuffer(one.class_scores, "<f4")
        else:
            rows[one.seq] = row
            scores[row, one.class_id] = one.score
    for vote in votes:
        if vote.seq in rows:
            row = rows[vote.seq]
            scores[row, vote.class_id] = max(scores[row, vote.class_id], vote.score)
    return scores, all(one.class_scores is None for one, _ in seen)
