"""Cut an image into overlapping tiles and merge their objects, so that each object is found once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop, union
from seasift.core.types import Bool, Int64, SizeHW


class Window(NamedTuple):
    """A part of an image, px; right and bottom edge exclusive."""

    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True)
class TileGrid:
    """Tiles of one size that overlap.

    Attributes:
        tile_hw: height and width of a tile, px.
        overlap: share of a tile's side that its neighbour covers, too. At least one pixel is always shared, so that two
            halves of an object can be matched.
    """

    tile_hw: SizeHW
    overlap: float = 0.25

    def __post_init__(self) -> None:
        if min(self.tile_hw) < 2 or not 0 < self.overlap < 1:
            raise ValueError(
                f"tiles of {self.tile_hw} px that overlap by {self.overlap}; expected sides from 2 px, and more "
                "than 0, less than 1"
            )

    @property
    def overlap_hw(self) -> SizeHW:
        """Minimum overlap of neighbours, down and across, px."""
        height, width = (min(max(1, round(side * self.overlap)), side - 1) for side in self.tile_hw)
        return height, width

    def count(self, size_hw: SizeHW) -> int:
        """Tiles of an image."""
        return math.prod(len(self._starts(size_hw, axis)) for axis in (0, 1))

    def rows(self, size_hw: SizeHW) -> list[list[Window]]:
        """The tiles of an image, row by row, each from left to right.

        All tiles have one size; the last of a row or column moves inwards to end with the image. A side shorter than a tile
        gets one tile of that length. Tiles preserve 8-connectivity: some tile contains both of two neighbouring pixels.
        """
        height, width = (min(side, tile) for side, tile in zip(size_hw, self.tile_hw, strict=True))
        return [
            [Window(x, y, x + width, y + height) for x in self._starts(size_hw, 1)]
            for y in self._starts(size_hw, 0)
        ]

    def _starts(self, size_hw: SizeHW, axis: int) -> list[int]:
        length, side = size_hw[axis], self.tile_hw[axis]
        if length <= side:
            return [0]
        return [*range(0, length - side, side - self.overlap_hw[axis]), length - side]


_CUT = 0.01  # of a tile's side: masks are coarser than pixels, so they may end a little before the edge


class Agreement(NamedTuple):
    """Agreement of two views in the pixels that both tiles cover.

    Attributes:
        a: index of one view.
        b: index of the other.
        iou: intersection over union of the masks there.
        inside: share of the smaller mask there that is inside the other.
        smaller: `a` or `b`.
    """

    a: int
    b: int
    iou: float
    inside: float
    smaller: int


@dataclass(frozen=True, eq=False)
class TileViews:
    """N views in image coordinates.

    Attributes:
        found: the objects.
        shapes: N masks to compare; without masks, filled boxes.
        windows: (N, 4) int64, the tile of each view, as a `Window`.
        groups: (N,) int64; views with the same number are one object.
    """

    found: Instances
    shapes: tuple[MaskCrop, ...]
    windows: Int64
    groups: Int64

    @classmethod
    def of_tile(cls, window: Window, found: Instances, size_hw: SizeHW, first_group: int) -> TileViews:
        """Views of one tile, each in its own group.

        Args:
            window: the tile.
            found: objects, relative to the tile's upper left corner.
            size_hw: height and width of the image, px.
            first_group: number of the first group; the others follow.
        """
        moved = found.moved(window.x1, window.y1, size_hw)
        return cls(
            moved,
            tuple(_shape(moved, index) for index in range(len(moved))),
            np.tile(np.array(window, np.int64), (len(moved), 1)),
            np.arange(first_group, first_group + len(moved)),
        )

    def __len__(self) -> int:
        return len(self.groups)

    def followed_by(self, other: TileViews) -> TileViews:
        """These and others."""
        return TileViews(
            Instances.joined([self.found, other.found]),
            self.shapes + other.shapes,
            np.concatenate([self.windows, other.windows]),
            np.concatenate([self.groups, other.groups]),
        )

    def take(self, keep: Bool) -> TileViews:
        """Some of them."""
        shapes = tuple(shape for shape, kept in zip(self.shapes, keep, strict=True) if kept)
        return TileViews(self.found.take(keep), shapes, self.windows[keep], self.groups[keep])

    def united(self, a: int, b: int) -> TileViews:
        """A copy with the groups of two views merged."""
        low, high = sorted((self.groups[a], self.groups[b]))
        return replace(self, groups=np.where(self.groups == high, low, self.groups))

    def of_group(self, index: int) -> Int64:
        """Indices of all views in a view's group."""
        return np.flatnonzero(self.groups == self.groups[index])

    def share_a_tile(self, a: int, b: int) -> bool:
        """Whether some tile has a view in both groups."""
        ours, others = self.windows[self.of_group(a)], self.windows[self.of_group(b)]
        return bool((ours[:, None] == others[None]).all(axis=-1).any())

    def is_cut(self, index: int) -> bool:
        """Whether the object ends at its tile's edge, but not at the edge of the image."""
        x1, y1, x2, y2 = self.windows[index]
        margin_x, margin_y = _CUT * (x2 - x1), _CUT * (y2 - y1)
        left, top, right, bottom = self.shapes[index].box_xyxy
        height, width = self.found.size_hw
        return bool(
            (x1 > 0 and left <= x1 + margin_x)
            or (y1 > 0 and top <= y1 + margin_y)
            or (x2 < width and right >= x2 - margin_x)
            or (y2 < height and bottom >= y2 - margin_y)
        )

    def agreements(self, first: int) -> list[Agreement]:
        """Agreements of each view from index `first` on with earlier overlapping views of its class."""
        extents = np.array([shape.box_xyxy for shape in self.shapes], np.int64).reshape(-1, 4)
        new, old = extents[first:, None], extents[None, :first]
        sides = np.minimum(new[..., 2:], old[..., 2:]) - np.maximum(new[..., :2], old[..., :2])
        classes = self.found.class_ids
        near = (sides > 0).all(axis=-1) & (classes[first:, None] == classes[None, :first])
        found = [self._agreement(first + int(a), int(b)) for a, b in np.argwhere(near)]
        return [each for each in found if each.iou > 0]

    def _agreement(self, a: int, b: int) -> Agreement:
        ours, others = self.shapes[a], self.shapes[b]
        seen = _common(self.windows[a], self.windows[b])
        area_a, area_b = (int(np.count_nonzero(shape.within(seen))) for shape in (ours, others))
        both = _common(np.array(ours.box_xyxy), np.array(others.box_xyxy))  # is inside `seen`
        common = int(np.count_nonzero(ours.within(both) & others.within(both)))
        if not common:
            return Agreement(a, b, 0.0, 0.0, a)
        smaller = a if area_a <= area_b else b
        return Agreement(a, b, common / (area_a + area_b - common), common / min(area_a, area_b), smaller)


def _common(a_xyxy: Int64, b_xyxy: Int64) -> list[int]:
    corners = np.maximum(a_xyxy[:2], b_xyxy[:2]), np.minimum(a_xyxy[2:], b_xyxy[2:])
    both: list[int] = np.concatenate(corners).tolist()
    return both


def _shape(found: Instances, index: int) -> MaskCrop:
    """The mask; without one, the filled box, as a view of one pixel that takes no memory."""
    if found.masks is not None and found.masks[index].crop.size:
        return found.masks[index]
    box = found.boxes_xyxy[index].astype(float)
    x1, y1 = (int(value) for value in np.floor(box[:2]))
    x2, y2 = (int(value) for value in np.ceil(box[2:]))
    return MaskCrop(np.broadcast_to(np.True_, (max(y2 - y1, 0), max(x2 - x1, 0))), x1, y1)


AGREEMENT = 0.5
ABSORBED = 0.7


class SeamMerger:
    """Merge the objects of tiles, row by row, so that each object appears once.

    Two views of one class from two tiles are the same object if the IoU of their masks, counted in the pixels of both
    tiles, is above `AGREEMENT`. The best agreements are merged first. No object has two views from one tile, so a third
    view that covers two neighbours does not join them. A view that ends at its tile's edge without a partner belongs to
    an object that covers more than `ABSORBED` of it there, so fragments are not counted again.

    An object's mask is the union of its views' masks, and its box that of the mask. A single view keeps its own box;
    without masks, the box encloses all boxes. The score is the best score of the views.

    Views that no later tile can meet become objects at once. Of the objects, only the best are kept. Memory grows with
    a row of tiles, not with the image.
    """

    def __init__(self, size_hw: SizeHW, *, max_objects: int) -> None:
        """Start an image of this size, px, with at most this many objects, the best."""
        self._size_hw = size_hw
        self._max_objects = max_objects
        self._open: TileViews | None = None
        self._objects: Instances | None = None
        self._seen = 0

    def add(self, window: Window, found: Instances) -> None:
        """Add the objects of a tile, relative to the tile's upper left corner."""
        fresh = TileViews.of_tile(window, found, self._size_hw, self._seen)
        self._seen += len(fresh)
        if self._open is None:
            self._open = fresh
        else:
            self._open = _linked(self._open.followed_by(fresh), len(self._open))

    def close(self, above_y: int) -> None:
        """Finish views whose tiles all end above this row: no later tile starts above it."""
        views = self._open
        if views is None:
            return
        reach = np.zeros(self._seen, np.int64)
        np.maximum.at(reach, views.groups, views.windows[:, 3])
        done = reach[views.groups] <= above_y
        finished = views.take(done)
        fused = [_fused(finished, np.flatnonzero(finished.groups == g)) for g in np.unique(finished.groups)]
        before = [] if self._objects is None else [self._objects]
        together = Instances.joined([*before, *fused] or [finished.found])
        best = np.argsort(-together.scores, kind="stable")[: self._max_objects]
        self._objects = together.take(best)
        self._open = views.take(~done)

    def result(self) -> Instances:
        """Finish the image and return all objects, best first."""
        self.close(self._size_hw[0])
        return Instances.empty(self._size_hw) if self._objects is None else self._objects


def _linked(views: TileViews, first: int) -> TileViews:
    """A copy with the views from `first` on merged into earlier groups."""
    pairs = sorted(views.agreements(first), key=lambda pair: -pair.iou)
    for pair in pairs:
        if pair.iou > AGREEMENT and not views.share_a_tile(pair.a, pair.b):
            views = views.united(pair.a, pair.b)
    for pair in pairs:
        torn = pair.inside > ABSORBED and len(views.of_group(pair.smaller)) == 1
        if torn and views.is_cut(pair.smaller) and not views.share_a_tile(pair.a, pair.b):
            views = views.united(pair.a, pair.b)
    return views


def _fused(views: TileViews, members: Int64) -> Instances:
    """Merge the views of one group into one object."""
    found = views.found.take(members)
    if len(found) == 1:
        return found
    corners = found.boxes_xyxy[:, :2].min(axis=0), found.boxes_xyxy[:, 2:].max(axis=0)
    box, masks = np.concatenate(corners), None
    if found.masks is not None:
        mask = union(found.masks)
        masks = (mask,)
        if mask.crop.size:
            box = np.array(mask.box_xyxy, np.float32)
    class_scores = None if found.class_scores is None else found.class_scores.max(axis=0, keepdims=True)
    return replace(
        found,
        boxes_xyxy=box[None],
        scores=found.scores.max(keepdims=True),
        class_ids=found.class_ids[:1],
        masks=masks,
        class_scores=class_scores,
    )
