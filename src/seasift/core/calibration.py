"""Calibration: scores that state how often they are right."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from seasift.core.instances import Instances
from seasift.core.types import Float32, Float64

EDGE = 1e-6
"""Distance that scores keep from 0 and 1, where the logarithm is undefined."""


@dataclass(frozen=True)
class Calibration:
    """Beta calibration: a score s becomes 1 / (1 + exp(-(a ln s - b ln(1 - s) + c))).

    It rises with s, so the order of objects is unchanged. a = b = 1, c = 0 changes nothing.

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
        """Convert the scores of objects, class scores included, to probabilities of being right."""
        class_scores = found.class_scores
        if class_scores is not None:
            class_scores = self.apply(class_scores.reshape(-1)).reshape(class_scores.shape)
        return replace(found, scores=self.apply(found.scores), class_scores=class_scores)

    def invert(self, probability: float) -> float:
        """The score that maps to this probability, or the nearest one."""
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
