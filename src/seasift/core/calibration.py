"""Scores that say how often they are right."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from seasift.core.instances import Instances
from seasift.core.types import Float32, Float64

EDGE = 1e-6
"""Scores are kept this far from 0 and 1, where their logarithms end."""


@dataclass(frozen=True)
class Calibration:
    """Beta calibration: a score s becomes 1 / (1 + exp(-(a ln s - b ln(1 - s) + c))).

    It rises with s, so the order of objects stays. a = b = 1, c = 0 changes nothing.

    Attributes:
        a: 0 or more; `a + b` is positive.
        b: 0 or more.
        c: any number.
    Source: Kull, Silva Filho, Flach 2017 (Beta calibration), section 4.
    """

    a: float
    b: float
    c: float

    def __post_init__(self) -> None:
        if not (self.a >= 0 and self.b >= 0 and self.a + self.b > 0 and math.isfinite(self.c)):
            raise ValueError(f"calibration a={self.a}, b={self.b}, c={self.c} does not rise with the score")

    def apply(self, scores: Float32 | Float64) -> Float32:
        """(N,) scores to (N,) probabilities of being right."""
        logits = features(scores) @ np.array([self.a, self.b, self.c])
        return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)

    def applied_to(self, found: Instances) -> Instances:
        """Objects with their scores, also those for every class, as probabilities of being right."""
        class_scores = found.class_scores
        if class_scores is not None:
            class_scores = self.apply(class_scores.reshape(-1)).reshape(class_scores.shape)
        return replace(found, scores=self.apply(found.scores), class_scores=class_scores)

    def invert(self, probability: float) -> float:
        """The score that becomes this probability, or the nearest there is."""
        low, high = EDGE, 1 - EDGE
        for _ in range(60):
            middle = (low + high) / 2
            if self.apply(np.array([middle], np.float32))[0] < probability:
                low = middle
            else:
                high = middle
        return low if probability > 0 else 0.0


def features(scores: Float32 | Float64) -> Float64:
    """(N,) scores to (N, 3): ln s, -ln(1 - s), 1."""
    kept = np.clip(np.asarray(scores, np.float64), EDGE, 1 - EDGE)
    return np.stack([np.log(kept), -np.log1p(-kept), np.ones_like(kept)], axis=1)
