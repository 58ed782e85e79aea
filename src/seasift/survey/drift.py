"""Measure how much the footage differs from the training data.

A frame's statistics are six of the image (`inference.predictor`) and, for networks with prototypes, the mean and
deviation of each prototype over the image (`inference.predictor`). The distance of a frame is that to the
nearest of some hundred training images, with each statistic in standard deviations over them. The distance of a dive
is the median of its frames. The model file holds the same distance for each training video, to images of other
videos. The drift score is the share of training videos that are nearer than the dive: uniform over 0..1 for similar
footage, close to 1 for footage unlike the training data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seasift.core.types import Float64
from seasift.inference.predictor import NAMES, statistic_names
from seasift.modelfile.info import ImageStatisticsEntry

SAMPLES = 256
UNLIKE = 0.9


@dataclass(frozen=True)
class Drift:
    """Distance of a dive's frames from the training images.

    Attributes:
        score: share of training videos that are nearer to other training videos than this dive is.
        distance: median over the frames.
        frames: number of frames compared.
        most: image statistic with the largest deviation, and the deviation in standard deviations of the training data.
    """

    score: float
    distance: float
    frames: int
    most: tuple[str, float]


class Reference:
    """A model's `ImageStatisticsEntry`, ready to measure distances."""

    def __init__(self, entry: ImageStatisticsEntry) -> None:
        self.entry = entry
        self._samples = np.array(entry.samples)
        self._mean, self._std = np.array(entry.mean), np.array(entry.std)

    def distance(self, looks: Float64) -> float | None:
        """Distance of a frame to the nearest sample; None if its statistics are of another kind."""
        if len(looks) != len(self._mean):
            return None
        return float(_nearest((looks - self._mean) / self._std, self._samples))

    def drift(self, distance: float, frames: int, means: Sequence[float]) -> Drift:
        """Drift of a dive, from its median distance and the mean image statistics of its frames."""
        off = (np.array(means) - self._mean[: len(NAMES)]) / self._std[: len(NAMES)]
        furthest = int(np.argmax(np.abs(off)))
        nearer = sum(each < distance for each in self.entry.video_distances)
        score = nearer / len(self.entry.video_distances)
        most = (NAMES[furthest], round(float(off[furthest]), 2))
        return Drift(round(score, 4), round(distance, 4), frames, most)


def reference_of(looks: Float64, groups: Sequence[str], data: str) -> ImageStatisticsEntry:
    """Compute the reference from statistics of training images.

    Args:
        looks: (P, S) from `inference.predictor`.
        groups: video of each image; distances are between images of different videos.
        data: name of the data.
    """
    mean, std = looks.mean(axis=0), np.maximum(looks.std(axis=0), 1e-3)
    scaled = (looks - mean) / std
    names = np.array(groups)
    count = min(SAMPLES, len(looks))
    chosen = np.argsort(names, kind="stable")[[k * len(looks) // count for k in range(count)]]
    samples, sample_names = scaled[chosen].round(2), names[chosen]
    medians = []
    for name in np.unique(names):
        others = samples[sample_names != name]
        if len(others):
            medians.append(float(np.median([_nearest(row, others) for row in scaled[names == name]])))
    return ImageStatisticsEntry(
        data=data,
        pictures=len(looks),
        names=statistic_names(looks.shape[1]),
        mean=tuple(mean.round(4).tolist()),
        std=tuple(std.round(4).tolist()),
        samples=tuple(tuple(row) for row in samples.tolist()),
        video_distances=tuple(round(each, 3) for each in sorted(medians)),
    )


def _nearest(row: Float64, samples: Float64) -> np.float64:
    return np.float64(np.sqrt(((samples - row) ** 2).sum(axis=1).min()))
