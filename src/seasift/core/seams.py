"""What the tiles of one picture saw, with each object once."""

from __future__ import annotations

import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import union
from seasift.core.tiles import Window
from seasift.core.types import Int64, SizeHW
from seasift.core.views import Views

AGREEMENT = 0.5
ABSORBED = 0.7


class SeamMerger:
    """Takes what tiles saw, row by row, and gives each object once.

    Two views of one class from two tiles are the same object if the intersection over union of their masks,
    counted in the pixels that both tiles saw, is above `AGREEMENT`; the best agreements count first, and no
    object has two views from one tile: two neighbours never become one because a third view covers both. A view
    that ends at its tile's edge and has found no partner belongs to an object that covers more than `ABSORBED`
    of it there: a torn piece counts no second time.

    An object's mask is the union of its views', its box is the mask's (of one view: that view's own; without
    masks: around the boxes), its score the best of theirs.

    Views that no coming tile can meet become objects at once, and of objects only the best are kept, so memory
    grows with a row of tiles and not with the picture.
    """

    def __init__(self, size_hw: SizeHW, *, max_objects: int) -> None:
        """Start a picture of this size, px, that gives at most so many objects, the best."""
        self._size_hw = size_hw
        self._max_objects = max_objects
        self._open: Views | None = None
        self._objects: Instances | None = None
        self._seen = 0

    def add(self, window: Window, found: Instances) -> None:
        """Take what a tile saw; boxes and masks count from the tile's left top corner."""
        fresh = Views.of_tile(window, found, self._size_hw, self._seen)
        self._seen += len(fresh)
        if self._open is None:
            self._open = fresh
        else:
            self._open = _linked(self._open.followed_by(fresh), len(self._open))

    def close(self, above_y: int) -> None:
        """Finish what was seen by no tile that reaches below this row: no coming tile starts above it."""
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
        """All objects of the picture, best first; the picture is finished."""
        self.close(self._size_hw[0])
        return Instances.empty(self._size_hw) if self._objects is None else self._objects


def _linked(views: Views, first: int) -> Views:
    """With the views from `first` on put into the groups of those before them."""
    pairs = sorted(views.agreements(first), key=lambda pair: -pair.iou)
    for pair in pairs:
        if pair.iou > AGREEMENT and not views.share_a_tile(pair.a, pair.b):
            views = views.united(pair.a, pair.b)
    for pair in pairs:
        torn = pair.inside > ABSORBED and len(views.of_group(pair.smaller)) == 1
        if torn and views.is_cut(pair.smaller) and not views.share_a_tile(pair.a, pair.b):
            views = views.united(pair.a, pair.b)
    return views


def _fused(views: Views, members: Int64) -> Instances:
    """One object of the views of one group."""
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
    best = found.scores.max(keepdims=True)
    return Instances(box[None], best, found.class_ids[:1], found.size_hw, masks, class_scores)
