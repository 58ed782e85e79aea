"""Masks by small networks whose weights the model gives for each object.

Each object brings the weights of three 1x1 convolutions. They run on the mask features of the image and on two coordinates
relative to the object's box, only on the grid cells that the box can reach.

Source: Tian et al. 2020 (CondInst), section 3.1; Lyu et al. 2022 (RTMDet), section 3.2. Differs: coordinates are relative to
the box, not to the point that found it, so that the network knows where its box ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from seasift.core.types import Float32

FEATURES = 8  # channels of the mask features
SIZES = (FEATURES + 2, 8, 8, 1)  # channels before, between and after the layers
LEAST_SIDE = 1.0  # cells: a box counts as at least so wide and high
FARTHEST = 4.0  # coordinates end there; a box reaches from -1 to 1
_CHUNK = 2048  # cells: larger products would wake the threads of BLAS, which disturb the engine

Reach = tuple[tuple[int, int], tuple[int, int]]  # first row, last + 1, and the same of columns


def layer_slices() -> list[tuple[slice, slice]]:
    """Where the weights (inputs, outputs) and the bias of each layer lie among an object's parameters."""
    slices, start = [], 0
    for inputs, outputs in pairwise(SIZES):
        end = start + inputs * outputs
        slices.append((slice(start, end), slice(end, end + outputs)))
        start = end + outputs
    return slices


PARAMETERS = layer_slices()[-1][1].stop


def dynamic_logits(
    features: Float32, parameters: Float32, boxes_norm: Float32, reaches: Sequence[Reach]
) -> Iterator[Float32]:
    """Logits of each object's mask on the cells that it reaches.

    Args:
        features: (H', W', FEATURES) float32, of the whole input.
        parameters: (N, PARAMETERS) float32.
        boxes_norm: (N, 4) float32, x1, y1, x2, y2 relative to the input.
        reaches: rows and columns of the cells of each object.
    Returns:
        N arrays (rows, columns) float32; no cells, no values.
    """
    planes = np.ascontiguousarray(features.transpose(2, 0, 1))
    height, width = features.shape[:2]
    downs, acrosses = _relative(boxes_norm[:, 1::2], height), _relative(boxes_norm[:, ::2], width)
    layers = zip(*_with_bias(parameters), strict=True)
    # What goes into each layer lies in the same memory for all objects: fresh memory costs more than the products.
    most = max(_CHUNK, width)
    memory = [np.empty((channels + 1) * most, np.float32) for channels in SIZES[:-1]]
    nothing = np.zeros(max(SIZES) * most, np.float32)  # with a single nought np.maximum is four times as slow
    for (rows, columns), down, across, matrices in zip(reaches, downs, acrosses, layers, strict=True):
        logits = np.empty((rows[1] - rows[0], columns[1] - columns[0]), np.float32)
        step = max(_CHUNK // max(logits.shape[1], 1), 1)
        for top in range(rows[0], rows[1], step):
            part = slice(top, min(top + step, rows[1]))
            said = logits[top - rows[0] : part.stop - rows[0]]
            count = said.size
            seen, *hidden = (
                flat[: (channels + 1) * count].reshape(channels + 1, count)
                for flat, channels in zip(memory, SIZES, strict=False)
            )
            cells = seen.reshape(len(seen), *said.shape)
            cells[:FEATURES] = planes[:, part, slice(*columns)]
            cells[FEATURES] = across[slice(*columns)]
            cells[FEATURES + 1] = down[part, None]
            for matrix, after in zip(matrices, hidden, strict=False):
                seen[-1] = 1  # meets the bias
                found = np.matmul(matrix, seen, out=after[:-1])
                np.maximum(found, nothing[: found.size].reshape(found.shape), out=found)
                seen = after
            seen[-1] = 1
            np.matmul(matrices[-1], seen, out=said.reshape(1, count))
        yield logits


def _with_bias(parameters: Float32) -> Iterator[Float32]:
    """Each layer's matrices (N, outputs, inputs + 1), the bias last."""
    for (weights, bias), (inputs, outputs) in zip(layer_slices(), pairwise(SIZES), strict=True):
        matrices = parameters[:, weights].reshape(-1, inputs, outputs)
        yield np.concatenate([matrices, parameters[:, None, bias]], axis=1).transpose(0, 2, 1).copy()


def _relative(sides_norm: Float32, cells: int) -> Float32:
    """Where each cell's centre lies between two sides (N, 2): -1 at the first, 1 at the second. (N, cells)."""
    low, high = sides_norm[:, :1] * cells, sides_norm[:, 1:] * cells
    half = np.maximum(high - low, LEAST_SIDE) / 2
    centres = np.arange(cells, dtype=np.float32) + 0.5
    return np.asarray(np.clip((centres - (low + high) / 2) / half, -FARTHEST, FARTHEST), np.float32)
