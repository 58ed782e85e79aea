"""Objects as the tiles of one picture saw them, and how far two views agree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.tiles import Window
from seasift.core.types import Bool, Int64, SizeHW

_CUT = 0.01  # of a tile's side: masks are coarser than pixels, so they may end a little before the edge


class Agreement(NamedTuple):
    """How two views agree in the pixels that both tiles saw.

    Attributes:
        a: place of one view.
        b: place of the other.
        iou: intersection over union of the masks there.
        inside: share of the smaller one there that lies in the other.
        smaller: `a` or `b`.
    """

    a: int
    b: int
    iou: float
    inside: float
    smaller: int


@dataclass(frozen=True, eq=False)
class Views:
    """N views in the picture's coordinates.

    Attributes:
        found: the objects.
        shapes: N masks to compare; where there is none, the filled box.
        windows: (N, 4) int64, the tile that saw each, as a `Window`.
        groups: (N,) int64; views of one number are one object.
    """

    found: Instances
    shapes: tuple[MaskCrop, ...]
    windows: Int64
    groups: Int64

    @classmethod
    def of_tile(cls, window: Window, found: Instances, size_hw: SizeHW, first_group: int) -> Views:
        """What a tile saw, each view in a group of its own.

        Args:
            window: the tile.
            found: boxes and masks count from the tile's left top corner.
            size_hw: of the picture, px.
            first_group: number of the first group; the others follow.
        """
        moved = found.moved(window.x1, window.y1, size_hw)
        return cls(
            moved,
            tuple(_shape(moved, place) for place in range(len(moved))),
            np.tile(np.array(window, np.int64), (len(moved), 1)),
            np.arange(first_group, first_group + len(moved)),
        )

    def __len__(self) -> int:
        return len(self.groups)

    def followed_by(self, other: Views) -> Views:
        """These and others."""
        return Views(
            Instances.joined([self.found, other.found]),
            self.shapes + other.shapes,
            np.concatenate([self.windows, other.windows]),
            np.concatenate([self.groups, other.groups]),
        )

    def take(self, keep: Bool) -> Views:
        """Some of them."""
        shapes = tuple(shape for shape, kept in zip(self.shapes, keep, strict=True) if kept)
        return Views(self.found.take(keep), shapes, self.windows[keep], self.groups[keep])

    def united(self, a: int, b: int) -> Views:
        """With the groups of two views made one."""
        low, high = sorted((self.groups[a], self.groups[b]))
        return replace(self, groups=np.where(self.groups == high, low, self.groups))

    def of_group(self, place: int) -> Int64:
        """Places of all views of a view's group."""
        return np.flatnonzero(self.groups == self.groups[place])

    def share_a_tile(self, a: int, b: int) -> bool:
        """Whether some tile saw an object of both views' groups."""
        ours, others = self.windows[self.of_group(a)], self.windows[self.of_group(b)]
        return bool((ours[:, None] == others[None]).all(axis=-1).any())

    def is_cut(self, place: int) -> bool:
        """Whether the object ends where its tile does and the picture goes on."""
        x1, y1, x2, y2 = self.windows[place]
        margin_x, margin_y = _CUT * (x2 - x1), _CUT * (y2 - y1)
        left, top, right, bottom = self.shapes[place].box_xyxy
        height, width = self.found.size_hw
        return bool(
            (x1 > 0 and left <= x1 + margin_x)
            or (y1 > 0 and top <= y1 + margin_y)
            or (x2 < width and right >= x2 - margin_x)
            or (y2 < height and bottom >= y2 - margin_y)
        )

    def agreements(self, first: int) -> list[Agreement]:
        """Of each view from place `first` on with each one before it that has its class and meets it."""
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
        both = _common(np.array(ours.box_xyxy), np.array(others.box_xyxy))  # lies in `seen`
        common = int(np.count_nonzero(ours.within(both) & others.within(both)))
        if not common:
            return Agreement(a, b, 0.0, 0.0, a)
        smaller = a if area_a <= area_b else b
        return Agreement(a, b, common / (area_a + area_b - common), common / min(area_a, area_b), smaller)


def _common(a_xyxy: Int64, b_xyxy: Int64) -> list[int]:
    corners = np.maximum(a_xyxy[:2], b_xyxy[:2]), np.minimum(a_xyxy[2:], b_xyxy[2:])
    both: list[int] = np.concatenate(corners).tolist()
    return both


def _shape(found: Instances, place: int) -> MaskCrop:
    """The mask; without one the filled box, as a view of one pixel, so that it takes no memory."""
    if found.masks is not None and found.masks[place].crop.size:
        return found.masks[place]
    box = found.boxes_xyxy[place].astype(float)
    x1, y1 = (int(value) for value in np.floor(box[:2]))
    x2, y2 = (int(value) for value in np.ceil(box[2:]))
    return MaskCrop(np.broadcast_to(np.True_, (max(y2 - y1, 0), max(x2 - x1, 0))), x1, y1)
