"""Dynamic masks (Tian et al. 2020, CondInst) cell by cell and channel by channel, slow and obvious."""

from __future__ import annotations

import numpy as np


def logits(features, parameters, box_norm, rows, columns) -> np.ndarray:
    """Logits of one object's mask on some cells.

    Args:
        features: (H', W', 8).
        parameters: 10 x 8 weights, 8 biases, 8 x 8 weights, 8 biases, 8 weights and a bias.
        box_norm: x1, y1, x2, y2 relative to the input.
        rows, columns: first and last + 1.
    """
    height, width, _ = features.shape
    x1, y1, x2, y2 = (float(v) * n for v, n in zip(box_norm, (width, height) * 2, strict=True))
    said = np.zeros((rows[1] - rows[0], columns[1] - columns[0]))
    for row in range(*rows):
        for column in range(*columns):
            values = [float(v) for v in features[row, column]]
            values += [_relative(column + 0.5, x1, x2), _relative(row + 0.5, y1, y2)]
            numbers = iter(parameters.tolist())
            for outputs in (8, 8, 1):
                sums = [0.0] * outputs
                for value in values:
                    for k in range(outputs):
                        sums[k] += value * next(numbers)
                sums = [total + next(numbers) for total in sums]
                values = sums if outputs == 1 else [max(total, 0.0) for total in sums]
            said[row - rows[0], column - columns[0]] = values[0]
    return said


def _relative(place, low, high) -> float:
    """-1 at the low side, 1 at the high one, of a box that counts as at least one cell; at most 4 either way."""
    half = max(high - low, 1.0) / 2
    return min(max((place - (low + high) / 2) / half, -4.0), 4.0)
