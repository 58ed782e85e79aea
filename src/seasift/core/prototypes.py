"""Masks of objects from prototypes and coefficients, at the image's size, one crop at a time."""

from __future__ import annotations

import math

import cv2
import numpy as np

from seasift.core.finite import check_finite
from seasift.core.masks import MaskCrop
from seasift.core.prepare import InputSpec
from seasift.core.types import Float32, SizeHW

_EXACT = 1e-6  # a scale this near to a whole number counts as one


class PrototypeMasks:
    """Masks of one image: a linear combination of prototypes, enlarged bilinearly, cut to the box, above 0.

    The prototypes cover the whole input. Those that the image fills are cut out in whole cells, as the maker of YOLOv8
    does it, and enlarged to the image's own size. Only the cells that a box reaches are combined.
    """

    def __init__(self, prototypes: Float32, spec: InputSpec, size_hw: SizeHW) -> None:
        """Cut out the part of the image.

        Args:
            prototypes: (K, H', W') float32.
            spec: how the image was prepared; "letterbox" or "stretch".
            size_hw: height and width of the image, px.
        Raises:
            ModelError: NaN or infinity.
        """
        check_finite(np.array([prototypes.sum()], np.float32))
        rows, columns = _window(prototypes.shape[1:], spec, size_hw)
        self._prototypes = prototypes[:, rows, columns]
        self._size_hw = size_hw

    def of(self, coefficients: Float32, box_xyxy: Float32) -> MaskCrop:
        """The mask of one object.

        Args:
            coefficients: (K,) float32.
            box_xyxy: its box in pixels of the image, within it; the mask holds pixels whose corner lies in it.
        """
        x1, y1, x2, y2 = (math.ceil(value) for value in box_xyxy.tolist())
        if x1 >= x2 or y1 >= y2:
            return MaskCrop(np.zeros((0, 0), bool), x1, y1)
        cells_hw = self._prototypes.shape[1:]
        down = _Part(y1, y2, cells_hw[0], self._size_hw[0])
        across = _Part(x1, x2, cells_hw[1], self._size_hw[1])
        logits = np.einsum("khw,k->hw", self._prototypes[:, down.cells, across.cells], coefficients)
        if down.whole and across.whole:
            enlarged = _enlarge_whole(logits, down, across)
        else:
            enlarged = down.enlarge(across.enlarge(logits.T).T)
        return MaskCrop.from_bitmap(enlarged > 0, x1, y1)


class _Part:
    """Pixels [first, last) of a side of the image, and the cells that they need: linear, half-pixel centres.

    Attributes:
        cells: slice of the side's cells.
        whole: pixels per cell if that is a whole number, else 0.
    """

    def __init__(self, first: int, last: int, cells: int, pixels: int) -> None:
        self._first, self._last = first, last
        self._scale = cells / pixels
        self._most = cells - 1
        low, high = (max((pixel + 0.5) * self._scale - 0.5, 0.0) for pixel in (first, last - 1))
        self.cells = slice(min(int(low), self._most), min(int(high) + 1, self._most) + 1)
        ratio = pixels / cells
        self.whole = round(ratio) if abs(ratio - round(ratio)) < _EXACT else 0

    def enlarge(self, values: Float32) -> Float32:
        """Values (n, W) at the cells of `cells` at the pixels: (last - first, W)."""
        centre = np.maximum((np.arange(self._first, self._last) + 0.5) * self._scale - 0.5, 0)
        low = np.minimum(centre.astype(np.int64), self._most)
        part = (centre - low).astype(np.float32)[:, None]
        high = np.minimum(low + 1, self._most) - self.cells.start
        low -= self.cells.start
        pixels = values.take(low, axis=0)
        pixels += part * (values.take(high, axis=0) - pixels)
        return np.asarray(pixels)

    def within(self) -> slice:
        """The pixels [first, last) among those of the cells."""
        start = self.cells.start * self.whole
        return slice(self._first - start, self._last - start)


def _enlarge_whole(logits: Float32, down: _Part, across: _Part) -> Float32:
    """Enlarge with OpenCV where a cell has a whole number of pixels: a part is then resized like the whole."""
    size = (logits.shape[1] * across.whole, logits.shape[0] * down.whole)
    enlarged = cv2.resize(logits, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged[down.within(), across.within()])


def _window(cells_hw: tuple[int, ...], spec: InputSpec, size_hw: SizeHW) -> tuple[slice, slice]:
    """Rows and columns of the prototypes that the image fills, in whole cells."""
    if spec.resize != "letterbox":
        return slice(None), slice(None)
    scale = min(cells_hw[0] / size_hw[0], cells_hw[1] / size_hw[1])
    rests = [(cells_hw[a] - round(size_hw[a] * scale)) / 2 for a in (0, 1)]
    down, across = (
        slice(round(rest - 0.1), max(cells - round(rest + 0.1), round(rest - 0.1) + 1))
        for rest, cells in zip(rests, cells_hw, strict=True)
    )
    return down, across
