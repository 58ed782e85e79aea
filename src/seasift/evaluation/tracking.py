"""Quality of tracking: HOTA, IDF1 and counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import lap
import numpy as np

from seasift.core.types import Float64, Int64

ALPHAS = np.arange(0.05, 0.99, 0.05)
_SAME = 0.5  # minimum overlap that IDF1 takes for a match
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class EvaluatedFrame:
    """A frame with its true and its found identities.

    Attributes:
        truth_ids: (N,) true identities in the frame, each once.
        ids: (M,) found identities, each once.
        similarity: (N, M), such as the IoU of masks.
    """

    truth_ids: Int64
    ids: Int64
    similarity: Float64


@dataclass
class TrackingScore:
    """Sums over sequences, and the metrics that follow from them.

    Attributes:
        counted: number of found identities, over all sequences.
        true: number of true identities.
        off: sum over the sequences of the difference of both.
    """

    sequences: int = 0
    frames: int = 0
    counted: int = 0
    true: int = 0
    off: int = 0
    _right: Float64 = field(default_factory=lambda: np.zeros(len(ALPHAS)))
    _kept: Float64 = field(default_factory=lambda: np.zeros(len(ALPHAS)))
    _truth: int = 0
    _found: int = 0
    _same: float = 0.0

    def add(self, frames: Sequence[EvaluatedFrame]) -> None:
        """Count a sequence."""
        truth_of, truth_counts = _indices(frame.truth_ids for frame in frames)
        found_of, found_counts = _indices(frame.ids for frame in frames)
        self.sequences += 1
        self.frames += len(frames)
        self.true += len(truth_counts)
        self.counted += len(found_counts)
        self.off += abs(len(truth_counts) - len(found_counts))
        self._truth += int(truth_counts.sum())
        self._found += int(found_counts.sum())
        if len(truth_counts) and len(found_counts):
            self._same += _identical(frames, truth_of, found_of, (len(truth_counts), len(found_counts)))
            right, kept = _associated(frames, truth_of, found_of, truth_counts, found_counts)
            self._right += right
            self._kept += kept

    @property
    def deta(self) -> float:
        """Detection accuracy: mean over the thresholds of right / (right + missed + false)."""
        return float(np.mean(self._deta()))

    @property
    def assa(self) -> float:
        """Association accuracy."""
        return float(np.mean(self._assa()))

    @property
    def hota(self) -> float:
        """Higher order tracking accuracy: the geometric mean of both, averaged over the thresholds.

        Source: Luiten et al. 2021, as TrackEval computes it.
        """
        return float(np.mean(np.sqrt(self._deta() * self._assa())))

    @property
    def idf1(self) -> float:
        """F1 of observations under the best one-to-one map of identities. Source: Ristani et al. 2016."""
        return 2 * self._same / max(self._truth + self._found, 1)

    def _deta(self) -> Float64:
        return np.asarray(self._right / np.maximum(self._truth + self._found - self._right, 1))

    def _assa(self) -> Float64:
        return np.asarray(self._kept / np.maximum(self._right, 1))


def _indices(ids: Iterable[Int64]) -> tuple[dict[int, int], Float64]:
    """Each identity's index, and its number of observations."""
    values, counts = np.unique(np.concatenate([np.zeros(0, np.int64), *ids]), return_counts=True)
    return {int(value): index for index, value in enumerate(values)}, counts.astype(np.float64)


def _rows(frame_ids: Int64, index_of: dict[int, int]) -> Int64:
    return np.array([index_of[int(each)] for each in frame_ids], np.int64)


def _best(score: Float64) -> tuple[Int64, Int64]:
    """Rows and columns of the largest sum."""
    if not score.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    _, columns, _ = lap.lapjv(-score, extend_cost=True)
    rows = np.flatnonzero(columns >= 0)
    return rows, np.asarray(columns[rows], np.int64)


def _identical(
    frames: Sequence[EvaluatedFrame],
    truth_of: dict[int, int],
    found_of: dict[int, int],
    shape: tuple[int, int],
) -> float:
    together = np.zeros(shape)
    for frame in frames:
        pairs = np.ix_(_rows(frame.truth_ids, truth_of), _rows(frame.ids, found_of))
        together[pairs] += frame.similarity >= _SAME
    return float(together[_best(together)].sum())


def _associated(
    frames: Sequence[EvaluatedFrame],
    truth_of: dict[int, int],
    found_of: dict[int, int],
    truth_counts: Float64,
    found_counts: Float64,
) -> tuple[Float64, Float64]:
    """For each threshold: number of right observations, and the sum of their association accuracies."""
    alike = np.zeros((len(truth_counts), len(found_counts)))
    for frame in frames:
        similarity = frame.similarity
        total = similarity.sum(0)[None, :] + similarity.sum(1)[:, None] - similarity
        share = np.divide(similarity, total, out=np.zeros_like(similarity), where=total > _EPS)
        alike[np.ix_(_rows(frame.truth_ids, truth_of), _rows(frame.ids, found_of))] += share
    alignment = alike / (truth_counts[:, None] + found_counts[None, :] - alike)
    matches = np.zeros((len(ALPHAS), len(truth_counts), len(found_counts)))
    for frame in frames:
        rows, columns = _rows(frame.truth_ids, truth_of), _rows(frame.ids, found_of)
        picked = _best(alignment[np.ix_(rows, columns)] * frame.similarity)
        good = frame.similarity[picked][None, :] >= ALPHAS[:, None] - _EPS
        for alpha, right in enumerate(good):
            matches[alpha, rows[picked[0][right]], columns[picked[1][right]]] += 1
    kept = matches * matches / np.maximum(truth_counts[:, None] + found_counts[None, :] - matches, 1)
    return matches.sum((1, 2)), kept.sum((1, 2))
