"""One object's mask as a crop, and its views: full bitmap, COCO RLE, polygons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from hotcoco import mask as coco_mask

from seasift.core.types import Bool, Float64, Int64, SizeHW, UInt8


@dataclass(frozen=True, slots=True)
class MaskCrop:
    """A mask stored as the smallest crop that holds it.

    Attributes:
        crop: (h, w) bool; may be (0, 0) for an empty mask.
        x0: column of the crop's left edge in the image, px.
        y0: row of the crop's top edge in the image, px.
    """

    crop: Bool
    x0: int
    y0: int

    @classmethod
    def from_bitmap(cls, bitmap: Bool | UInt8, x0: int = 0, y0: int = 0) -> MaskCrop:
        """Trim a bitmap (h, w), whose corner is at (x0, y0), to its set pixels."""
        x, y, w, h = cv2.boundingRect(np.ascontiguousarray(bitmap).view(np.uint8))
        if w == 0 or h == 0:
            return cls(np.zeros((0, 0), dtype=bool), x0, y0)
        return cls(bitmap[y : y + h, x : x + w].astype(bool, order="C"), x0 + x, y0 + y)

    @property
    def area(self) -> int:
        """Set pixels."""
        return int(np.count_nonzero(self.crop))

    @property
    def box_xyxy(self) -> tuple[int, int, int, int]:
        """Tight box in pixels, right and bottom edge exclusive."""
        height, width = self.crop.shape
        return self.x0, self.y0, self.x0 + width, self.y0 + height

    def moved(self, dx: int, dy: int) -> MaskCrop:
        """The same mask moved right by `dx` and down by `dy`, px; the crop is shared."""
        return MaskCrop(self.crop, self.x0 + dx, self.y0 + dy)

    def within(self, box_xyxy: Sequence[int]) -> Bool:
        """The part of the crop inside a box, as a view; it has the box's size if the crop contains the box."""
        x1, y1, x2, y2 = box_xyxy
        return self.crop[
            max(y1 - self.y0, 0) : max(y2 - self.y0, 0), max(x1 - self.x0, 0) : max(x2 - self.x0, 0)
        ]

    def bitmap(self, size_hw: SizeHW) -> Bool:
        """The mask as a full (H, W) bool bitmap; parts outside the image are dropped."""
        full = np.zeros(size_hw, dtype=bool)
        x1, y1, x2, y2 = self.box_xyxy
        left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, size_hw[1]), min(y2, size_hw[0])
        if left < right and top < bottom:
            full[top:bottom, left:right] = self.crop[top - y1 : bottom - y1, left - x1 : right - x1]
        return full

    def rle(self, size_hw: SizeHW) -> dict[str, Any]:
        """COCO RLE, `{"size": [H, W], "counts": str}`, made from the crop without a full bitmap."""
        size = [int(size_hw[0]), int(size_hw[1])]
        raw = coco_mask.fr_py_objects({"size": size, "counts": _column_runs(self, size_hw)}, *size)
        return {"size": size, "counts": raw["counts"].decode("ascii")}

    def polygons(self) -> list[list[float]]:
        """Outer outlines as COCO polygons [x1, y1, x2, y2, ...] in pixels.

        Polygons cannot hold holes: a hole is filled. Use `rle` where exactness counts. Outlines follow
        pixel edges (not centres), so rasterising them by COCO's rule gives the filled mask again.
        """
        return [ring for ring in (_edge_ring(part) for part in self._parts()) if len(ring) >= 6]

    def _parts(self) -> list[np.ndarray[Any, Any]]:
        grown = np.kron(np.pad(self.crop, 1), np.ones((2, 2), dtype=bool)).astype(np.uint8)
        contours, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        # In the doubled image a pixel k covers 2k and 2k+1; its edges are at k and k+1 of the original.
        offset = np.array([self.x0 - 1, self.y0 - 1])
        return [((contour[:, 0, :] + 1) // 2) + offset for contour in contours]


def union(masks: Sequence[MaskCrop]) -> MaskCrop:
    """Union of masks at any positions."""
    filled = [mask for mask in masks if mask.crop.size]
    if len(filled) < 2:
        return filled[0] if filled else masks[0]
    boxes = np.array([mask.box_xyxy for mask in filled])
    (left, top), (right, bottom) = boxes[:, :2].min(axis=0).tolist(), boxes[:, 2:].max(axis=0).tolist()
    crop = np.zeros((bottom - top, right - left), dtype=bool)
    for mask in filled:
        x1, y1, x2, y2 = mask.box_xyxy
        crop[y1 - top : y2 - top, x1 - left : x2 - left] |= mask.crop
    return MaskCrop(crop, left, top)


def _edge_ring(points: np.ndarray[Any, Any]) -> list[float]:
    keep = np.any(points != np.roll(points, 1, axis=0), axis=1)
    return [float(value) for value in points[keep].ravel()]


def _column_runs(mask: MaskCrop, size_hw: SizeHW) -> list[int]:
    """Alternating run lengths (background first) of the image read column by column."""
    height, width = size_hw
    x1, y1, x2, y2 = mask.box_xyxy
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if left >= right or top >= bottom:
        return [height * width]
    crop = mask.crop[top - y1 : bottom - y1, left - x1 : right - x1]
    tall = bottom - top
    columns = crop.T if tall == height else np.pad(crop.T, ((0, 0), (0, 1)))
    flat = np.concatenate(([False], columns.ravel(), [False]))
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    if tall == height:
        edges += left * height
    else:  # a row of background ends each column, so that no run leaves it
        edges = (edges // (tall + 1) + left) * height + edges % (tall + 1) + top
    runs: list[int] = np.diff(edges, prepend=0, append=height * width).tolist()
    return runs[:-1] if runs[-1] == 0 else runs


def from_coco(segmentation: Any, size_hw: SizeHW) -> MaskCrop:
    """Decode a COCO segmentation: polygons, compressed RLE or uncompressed RLE.

    Raises:
        ValueError: neither a list of polygons nor an RLE.
    """
    coded = _coded(segmentation, size_hw)
    if size_hw[0] * size_hw[1] <= _DECODED_WHOLE:
        return MaskCrop.from_bitmap(coco_mask.decode(coded))
    return _crop_of(coded, size_hw)


_DECODED_WHOLE = 1 << 24  # px; of a larger image, only the part with the mask is made
_MOST_CROP = 1 << 27


def _crop_of(coded: Any, size_hw: SizeHW) -> MaskCrop:
    """The set part of an RLE, made run by run: a bitmap of the whole image may not fit into memory.

    Raises:
        ValueError: the part is too large, or the RLE is invalid.
    """
    height = int(size_hw[0])
    x, y, width, tall = (int(value) for value in np.asarray(coco_mask.to_bbox(coded)).reshape(-1)[:4])
    if width == 0 or tall == 0:
        return MaskCrop(np.zeros((0, 0), dtype=bool), 0, 0)
    if width * tall > _MOST_CROP:
        raise ValueError(f"a mask of {width} x {tall} px; expected at most {_MOST_CROP:,} px")
    counts = coded["counts"]
    text = counts if isinstance(counts, bytes) else counts.encode("ascii")
    ends = np.cumsum(_runs(text))
    ones = np.stack([ends[0:-1:2], ends[1::2]], axis=1)
    columns = np.zeros((width, tall), dtype=bool)
    flat = columns.reshape(-1)
    for start, end in ones[ones[:, 0] < ones[:, 1]].tolist():
        column, row = divmod(start, height)
        first = (column - x) * tall + row - y  # a run over several columns fills them, so `tall` is `height`
        flat[first : first + end - start] = True
    return MaskCrop(np.ascontiguousarray(columns.T), x, y)


def _runs(counts: bytes) -> Int64:
    """Run lengths of COCO's code: groups of 5 bits, the lowest first; from the fourth on, a run less the one before the last.

    Raises:
        ValueError: not such a code.
    """
    values = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero((values & 0x20) == 0)
    lengths = np.diff(ends, prepend=-1)
    if (
        not len(ends)
        or ends[-1] != len(values) - 1
        or values.min() < 0
        or values.max() > 63
        or lengths.max() > 8
    ):
        raise ValueError("its counts are not COCO's code")
    index_in_group = np.arange(len(values)) - np.repeat(ends - lengths + 1, lengths)
    runs = np.add.reduceat((values & 0x1F) << (5 * index_in_group), ends - lengths + 1)
    runs -= np.where(values[ends] & 0x10, 1 << (5 * lengths), 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


def area_of(segmentation: Any, size_hw: SizeHW) -> int:
    """Pixels of a COCO segmentation, without decoding it to a bitmap.

    Raises:
        ValueError: neither a list of polygons nor an RLE.
    """
    return int(coco_mask.area(_coded(segmentation, size_hw)))


def areas_and_boxes(segmentations: Sequence[Any], size_hw: SizeHW) -> tuple[Float64, Float64]:
    """Pixels (N,) and tight boxes x, y, width, height (N, 4) of COCO segmentations of one size.

    Raises:
        ValueError: one is neither a list of polygons nor an RLE.
    """
    coded = [_coded(segmentation, size_hw) for segmentation in segmentations]
    return (
        np.asarray(coco_mask.area(coded), np.float64),
        np.asarray(coco_mask.to_bbox(coded), np.float64).reshape(-1, 4),
    )


def _coded(segmentation: Any, size_hw: SizeHW) -> Any:
    """The RLE of a COCO segmentation."""
    if isinstance(segmentation, dict):
        size = segmentation.get("size")
        if not isinstance(size, list | tuple) or list(size) != [int(side) for side in size_hw]:
            raise ValueError(f"an RLE of size {str(size)[:60]}; expected {[int(side) for side in size_hw]}")
        if isinstance(segmentation.get("counts"), list):
            return coco_mask.fr_py_objects(segmentation, *size_hw)
        return segmentation
    if isinstance(segmentation, Sequence) and segmentation and not isinstance(segmentation, str):
        rings = coco_mask.fr_py_objects([list(ring) for ring in segmentation], *size_hw)
        return rings[0] if len(rings) == 1 else coco_mask.merge(rings)
    raise ValueError(f"a segmentation of type {type(segmentation).__name__}; expected polygons or RLE")
