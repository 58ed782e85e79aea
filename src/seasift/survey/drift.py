"""Does the footage look like the pictures that the model learned from?

Each frame's statistics (`core.looks`) are held against those of pictures of the training data: the distance to the
nearest of some hundred samples, in standard deviations. The limit is the distance that 95% of training pictures keep
to the samples of other videos. The drift score is the share of frames beyond it: about 0.05 for footage like the
training data, 1 for footage that never looks like it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seasift.core.looks import NAMES
from seasift.core.types import Float64
from seasift.runtime.model_file import LooksEntry

SAMPLES = 256
LIMIT_SHARE = 0.95
UNLIKE, MOSTLY_UNLIKE = 0.2, 0.5


@dataclass(frozen=True)
class Drift:
    """How far a dive's frames look from the training pictures.

    Attributes:
        score: share of frames that look like none of them.
        frames: how many were compared.
        most: statistic that lies furthest off, and by how many of the training's standard deviations.
    """

    score: float
    frames: int
    most: tuple[str, float]


def drift_of(looks: Iterable[Sequence[float]], reference: LooksEntry) -> Drift | None:
    """Compare frames one by one; None without frames, or if the reference has other statistics."""
    if reference.names != NAMES:
        return None
    samples, mean, std = (np.array(each) for each in (reference.samples, reference.mean, reference.std))
    frames = beyond = 0
    total = np.zeros(len(NAMES))
    for values in looks:
        scaled = (np.array(values) - mean) / std
        frames += 1
        beyond += bool(_nearest(scaled[None], samples)[0] > reference.limit)
        total += scaled
    if not frames:
        return None
    furthest = int(np.argmax(np.abs(total)))
    return Drift(
        round(beyond / frames, 4), frames, (NAMES[furthest], round(float(total[furthest] / frames), 2))
    )


def reference_of(looks: Float64, groups: Sequence[str], data: str) -> LooksEntry:
    """The reference from the statistics of training pictures.

    Args:
        looks: (P, 6) in the order of `core.looks.NAMES`.
        groups: the video of each; distances are taken between pictures of different ones.
        data: name of the part.
    """
    mean, std = looks.mean(axis=0), np.maximum(looks.std(axis=0), 1e-3)
    scaled = (looks - mean) / std
    step = max(1, len(looks) // SAMPLES)
    chosen = np.argsort(np.array(groups), kind="stable")[::step][:SAMPLES]
    names = np.array(groups)
    distances = []
    for place, row in enumerate(scaled):
        others = scaled[chosen[names[chosen] != names[place]]]
        if len(others):
            distances.append(_nearest(row[None], others)[0])
    limit = float(np.quantile(distances, LIMIT_SHARE)) if distances else 1.0
    return LooksEntry(
        data=data,
        pictures=len(looks),
        names=NAMES,
        mean=tuple(mean.round(4).tolist()),
        std=tuple(std.round(4).tolist()),
        samples=tuple(tuple(row) for row in scaled[chosen].round(3).tolist()),
        limit=round(max(limit, 1e-3), 4),
    )


def _nearest(rows: Float64, samples: Float64) -> Float64:
    return np.asarray(np.sqrt(((rows[:, None] - samples[None]) ** 2).sum(axis=-1)).min(axis=1))
