"""Estimate the number of objects, with 95% intervals from the model's precision and recall.

Of n tracks of a class, T are right: T ~ Binomial(n, p). Of N objects present, each was found with probability r. With a
prior of 1/sqrt(N), N - T ~ NegativeBinomial(T + 1/2, r). Counts on labelled images give Beta posteriors of p and r. The
counts are divided by their design effect, because frames of one video are alike. The prior is worth two images and has
the mean of all classes together.

Sources: Raftery 1988 (Inference for the binomial N parameter) on unknown N; Rao and Scott 1992 (A simple method for
the analysis of clustered binary data) on dividing by the design effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seasift.core.types import Float64
from seasift.modelfile.info import OperatingPointsClass, OperatingPointsEntry

LEVEL, DRAWS, SEED = 0.95, 20_000, 0
PRIOR = 2.0
_LEAST_RECALL = 1e-4
USEFUL = 30
"""An upper limit above this multiple of the number of tracks (plus one) shows only that the model misses most."""


@dataclass(frozen=True)
class Interval:
    """Number of objects of a class that were present.

    Attributes:
        estimate: median of the posterior.
        low, high: its central 95%.
        precision, recall: posterior means used.
    """

    estimate: int
    low: int
    high: int
    precision: float
    recall: float

    def useful(self, tracks: int) -> bool:
        """Whether the upper limit is informative: the model does not miss most of the class."""
        return useful(self.high, tracks)

    def limits(self, tracks: int) -> str:
        """The interval in words."""
        return limits(self.low, self.high, tracks)


def useful(high: int, tracks: int) -> bool:
    """See `Interval.useful`."""
    return high <= USEFUL * (tracks + 1)


def limits(low: int, high: int, tracks: int) -> str:
    """See `Interval.limits`."""
    return f"{low:,} to {high:,}" if useful(high, tracks) else f"from {low:,}, no upper limit"


@dataclass(frozen=True)
class Trials:
    """Evidence on a share: successes and trials, divided by the design effect, and the prior's mean."""

    hits: float
    of: float
    prior: float

    def draw(self, rng: np.random.Generator, draws: int) -> Float64:
        """Draw from the Beta posterior."""
        return np.asarray(rng.beta(self._a, self._b, draws), np.float64)

    @property
    def mean(self) -> float:
        """Of the posterior."""
        return self._a / (self._a + self._b)

    @property
    def _a(self) -> float:
        return PRIOR * self.prior + self.hits

    @property
    def _b(self) -> float:
        return PRIOR * (1 - self.prior) + self.of - self.hits


def interval_of(
    tracks: int, precision: Trials, recall: Trials, *, seed: int = SEED, stream: int = 0, draws: int = DRAWS
) -> Interval:
    """Estimate the objects present from the counted tracks.

    Args:
        stream: number of the class, so that each has its own random numbers.
    """
    rng = np.random.default_rng([seed, stream])
    right = rng.binomial(tracks, precision.draw(rng, draws))
    found = np.maximum(recall.draw(rng, draws), _LEAST_RECALL)
    there = right + rng.negative_binomial(right + 0.5, found)
    low, middle, high = np.quantile(
        there, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], method="inverted_cdf"
    ).astype(int)
    return Interval(int(middle), int(low), int(high), round(precision.mean, 4), round(recall.mean, 4))


def index_of(counting: OperatingPointsEntry, threshold: float) -> int | None:
    """Index of the model's threshold nearest to a survey's; None if they differ by more than .05."""
    away = [abs(each - threshold) for each in counting.thresholds]
    nearest = min(range(len(away)), key=away.__getitem__)
    return nearest if away[nearest] <= 0.05 + 1e-9 else None


def intervals_of(
    tracks: Mapping[int, int], rows: Sequence[OperatingPointsClass], index: int, *, first_stream: int = 0
) -> dict[int, Interval]:
    """The interval of each class, or of each supercategory.

    Args:
        tracks: number of counted tracks by index in `rows`.
        rows: results of the model for each class or supercategory.
        index: from `index_of`.
        first_stream: number of the first row's random numbers.
    """
    found, right = (
        sum(values[index] for values in each) for each in ([r.found for r in rows], [r.right for r in rows])
    )
    objects = sum(row.objects for row in rows)
    priors = [min(max(right / of, 0.01), 0.99) if of else 0.5 for of in (found, objects)]
    result = {}
    for key, number in sorted(tracks.items()):
        row = rows[key]
        by, of = row.found_alike[index], row.objects_alike[index]
        precision = Trials(row.right[index] / by, row.found[index] / by, priors[0])
        recall = Trials(row.right[index] / of, row.objects / of, priors[1])
        result[key] = interval_of(number, precision, recall, stream=first_stream + key)
    return result
