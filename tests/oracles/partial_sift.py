"""sift's class loss for labels that leave classes and background open: one image, in loops, in double precision."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence


def sigmoid(logit: float) -> float:
    """Plain definition."""
    return 1 / (1 + math.exp(-logit))


def quality_focal(probability: float, quality: float) -> float:
    """Li et al. 2020 (Generalized Focal Loss), equation 5, with beta 2."""
    entropy = -(quality * math.log(probability) + (1 - quality) * math.log(1 - probability))
    return float(abs(quality - probability) ** 2 * entropy)


def any_of(probabilities: Sequence[float], classes: Collection[int]) -> float:
    """Noisy-OR."""
    none = 1.0
    for label in classes:
        none *= 1 - probabilities[label]
    return 1 - none


def class_loss(
    logits: Sequence[Sequence[float]],
    points: Sequence[Sequence[float]],
    boxes: Sequence[Sequence[float]],
    class_sets: Sequence[Collection[int]],
    owners: Sequence[int | None],
    qualities: Sequence[float],
    *,
    labelled: bool,
) -> float:
    """Sum over all points.

    Args:
        logits: (A, C).
        points: (A, 2) px.
        boxes: (N, 4) px, of all objects.
        class_sets: of each object, the classes that it may be of.
        owners: of each point, its object; None: background.
        qualities: of each point.
        labelled: whether what is no object is background.
    """
    total = 0.0
    for index, row in enumerate(logits):
        scores = [sigmoid(value) for value in row]
        mine = owners[index]
        if mine is not None:
            wanted = class_sets[mine]
            total += quality_focal(any_of(scores, wanted), qualities[index])
            total += sum(quality_focal(p, 0.0) for label, p in enumerate(scores) if label not in wanted)
            continue
        x, y = points[index]
        within = any(left < x < right and top < y < bottom for left, top, right, bottom in boxes)
        if labelled or within:
            total += sum(quality_focal(p, 0.0) for p in scores)
    return total
