"""Masks from coarse grids over the image, at the image's size, one crop at a time.

No full-size array is made, so the memory for N objects of a large image is that of one crop.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from seasift.core.decode import check_finite
from seasift.core.masks import MaskCrop
from seasift.core.prepare import InputSpec
from seasift.core.types import Bool, Float32, SizeHW

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
        total = cv2.sumElems(np.ascontiguousarray(prototypes).reshape(-1, prototypes.shape[2]))[0]
        check_finite(np.array([total]))
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
        return MaskCrop.from_bitmap(_enlarge(logits, down, across) > 0, x1, y1)


def mask_of_grid(values: Float32, size_hw: SizeHW, threshold: float) -> MaskCrop:
    """The pixels whose value, interpolated bilinearly, is above a threshold.

    Args:
        values: (h, w) float32 over the whole image.
        size_hw: height and width of the image, px.
        threshold: exclusive.
    """
    x, y, width, height = cv2.boundingRect((values > threshold).view(np.uint8))
    if not width:
        return MaskCrop(np.zeros((0, 0), bool), 0, 0)
    (top, bottom), (left, right) = (
        (max((first - 1) * pixels // cells, 0), min(-(-(last + 1) * pixels // cells), pixels))
        for first, last, cells, pixels in (
            (y, y + height, values.shape[0], size_hw[0]),
            (x, x + width, values.shape[1], size_hw[1]),
        )
    )
    down = _Part(top, bottom, values.shape[0], size_hw[0])
    across = _Part(left, right, values.shape[1], size_hw[1])
    enlarged = _enlarge(np.ascontiguousarray(values[down.cells, across.cells]), down, across)
    return MaskCrop.from_bitmap(enlarged > threshold, left, top)


def mask_of_nearest(inside: Bool, size_hw: SizeHW) -> MaskCrop:
    """A mask (h, w) over the whole image at the image's size: each pixel takes the cell of its corner."""
    x, y, width, height = cv2.boundingRect(inside.view(np.uint8))
    rows, columns = (
        (np.arange(pixels) * cells) // pixels for cells, pixels in zip(inside.shape, size_hw, strict=True)
    )
    top, bottom = np.searchsorted(rows, [y, y + height]).tolist()
    left, right = np.searchsorted(columns, [x, x + width]).tolist()
    return MaskCrop.from_bitmap(inside[rows[top:bottom]][:, columns[left:right]], left, top)


class _Part:
    """Pixels [first, last) of a side of the image, and the cells that they need: linear, half-pixel centres.

    Attributes:
        cells: slice of the side's cells.
        whole: pixels per cell if that is a whole number, else 0.
    """

    def __init__(self, first: int, last: int, cells: int, pixels: int) -> None:
        """Find the cells.

        Args:
            first, last: pixels of the part, last exclusive.
            cells, pixels: size of the whole side.
        """
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


def _enlarge(logits: Float32, down: _Part, across: _Part) -> Float32:
    """Enlarge values (h, w) at the cells of two parts to their pixels.

    OpenCV does it where a cell has a whole number of pixels: it then resizes a part like the whole.
    """
    if not (down.whole and across.whole):
        return down.enlarge(across.enlarge(logits.T).T)
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
