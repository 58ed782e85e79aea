"""Match observations to tracks, and tracks to each other.

Two tracks whose observations overlap over shared frames are of one object.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import cv2
import lap
import numpy as np

from seasift.core.boxes import pairwise_iou
from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, Float64, Int64, UInt8
from seasift.tracking.track import Track

_OTHER_CLASS = 0.6  # weight of an overlap between different classes: models waver, but not at random
_MASKS = 0.5  # weight of masks relative to boxes, reduced by the uncertainty of the position


def similarities(tracks: Sequence[Track], seen: Instances, indices: Int64, reach: float) -> Float64:
    """Similarity of N tracks and M observations, 0 to 1: (N, M).

    The better of two predictions counts: the position from the motion model and the camera's motion, and the last observed
    position in the image. The second fits objects that move with the camera, such as the vehicle's own arm. Boxes grow by
    `reach` standard deviations of the predicted position.
    """
    if not tracks or not len(indices):
        return np.zeros((len(tracks), len(indices)))
    boxes = seen.boxes_xyxy[indices].astype(np.float64)
    predicted = np.stack([track.motion.box_xyxy for track in tracks])
    margins = reach * np.array([track.motion.doubt_px for track in tracks])
    sizes = np.sqrt(np.prod(predicted[:, 2:] - predicted[:, :2], axis=1))
    found = np.zeros((len(tracks), len(indices)))
    for guess, margin in (
        (predicted, margins),
        (np.stack([track.box_xyxy for track in tracks]), 0 * margins),
    ):
        alike = box_similarity(guess, boxes, margin)
        if seen.masks is not None:
            for row, column in np.argwhere(alike > 0).tolist():
                mask = tracks[row].mask
                if mask is not None:
                    weight = _MASKS * math.exp(-margin[row] / sizes[row])
                    of_masks = mask_overlap(mask, guess[row], seen.masks[indices[column]])
                    alike[row, column] += weight * (of_masks - alike[row, column])
        found = np.maximum(found, alike)
    classes = np.array([track.class_id for track in tracks])
    return found * np.where(classes[:, None] == seen.class_ids[indices][None], 1.0, _OTHER_CLASS)


def box_similarity(a_xyxy: Float64, b_xyxy: Float64, margin_px: Float64) -> Float64:
    """Intersection over union of (N, 4) and (M, 4) boxes that both grew by a margin (N,): (N, M).

    Source: Yang et al. 2023 (C-BIoU). Differs: the margin is the uncertainty of the motion model, not a constant.
    """
    grow = np.array([-1.0, -1.0, 1.0, 1.0]) * margin_px[:, None, None]
    a, b = a_xyxy[:, None, :] + grow, b_xyxy[None] + grow
    return np.asarray(pairwise_iou(a.astype(np.float32), b.astype(np.float32))[:, 0], np.float64)


def mask_overlap(a: MaskCrop, a_box: Float64, b: MaskCrop) -> float:
    """Intersection over union of a mask, stretched into a box (4,), and another mask."""
    if not a.crop.size or not b.crop.size:
        return 0.0
    x1, y1, x2, y2 = (round(float(side)) for side in a_box)
    size_wh = max(x2 - x1, 1), max(y2 - y1, 1)
    stretched: UInt8 = np.asarray(
        cv2.resize(a.crop.view(np.uint8), size_wh, interpolation=cv2.INTER_NEAREST), np.uint8
    )
    return overlap(MaskCrop(stretched.astype(bool), x1, y1), b)


def overlap(a: MaskCrop, b: MaskCrop) -> float:
    """Intersection over union of two masks."""
    ax1, ay1, ax2, ay2 = a.box_xyxy
    bx1, by1, bx2, by2 = b.box_xyxy
    shared = max(ax1, bx1), max(ay1, by1), min(ax2, bx2), min(ay2, by2)
    if shared[0] >= shared[2] or shared[1] >= shared[3]:
        return 0.0
    both = int(np.count_nonzero(a.within(shared) & b.within(shared)))
    return both / (a.area + b.area - both)


def assign(similarity: Float64, least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) with the largest total similarity, each at least `least`.

    Source: Jonker and Volgenant 1987, by the package `lap`.
    """
    allowed = similarity >= least
    if not allowed.any():
        return []
    cost = np.where(allowed, 1.0 - similarity, 1e6)
    _, columns, _ = lap.lapjv(cost, extend_cost=True, cost_limit=1.0 - least + 1e-9)
    return [(row, int(column)) for row, column in enumerate(columns) if column >= 0 and allowed[row, column]]


def twins_of(seen: Instances, candidates: Int64, least: float) -> Int64:
    """Find observations that are second opinions about the object of a better one.

    Args:
        candidates: (K,) indices that take part.
        least: overlap of masks (of boxes without masks) that is still another object.
    Returns:
        (N,) index of the better observation; -1 for independent observations and those that take no part.
    """
    twins = np.full(len(seen), -1, np.int64)
    ranked = candidates[np.argsort(-seen.scores[candidates], kind="stable")]
    boxes = seen.boxes_xyxy[ranked]
    near = pairwise_iou(boxes, boxes) > (least if seen.masks is None else 0.0)
    kept: list[int] = []
    for row, i in enumerate(ranked.tolist()):
        best, most = -1, least
        for other in kept:
            if not near[row, other]:
                continue
            j = int(ranked[other])
            if seen.masks is None:
                best = j
                break
            shared = overlap(seen.masks[i], seen.masks[j])
            if shared > most:
                best, most = j, shared
        twins[i] = best
        if best < 0:
            kept.append(row)
    return twins


def below(seen: Instances, i: int, others: Int64, least: float) -> int:
    """The observation whose box or mask overlaps observation `i` by more than `least`; -1 if there is none."""
    if not len(others):
        return -1
    overlaps = pairwise_iou(seen.boxes_xyxy[[i]], seen.boxes_xyxy[others])[0].astype(np.float64)
    if seen.masks is not None:
        masks = [overlap(seen.masks[i], seen.masks[j]) for j in others.tolist()]
        overlaps = np.maximum(overlaps, masks)
    best = int(np.argmax(overlaps))
    return int(others[best]) if overlaps[best] > least else -1


@dataclass
class _Pair:
    """Sums over frames that show both tracks; `near`: over frames that show one while the other is tracked."""

    frames: float = 0.0
    boxes: float = 0.0
    masks: float = 0.0
    near_frames: float = 0.0
    near: float = 0.0

    def mean(self, frames: int, near_frames: int) -> float:
        """Mean overlap, if enough frames contribute; else 0.

        Uses boxes or masks in frames that show both tracks, or boxes with the predicted position of an unseen track: the
        observations of one object may alternate between two tracks.
        """
        both = max(self.boxes, self.masks) / self.frames if self.frames >= frames else 0.0
        return max(both, self.near / self.near_frames if self.near_frames >= near_frames else 0.0)

    def merge(self, other: _Pair, both: _Pair) -> None:
        """Add the overlaps of two merged tracks with a third.

        The third may have been seen with both in the same frame. The number of such frames is unknown, so the largest possible
        number is used: tracks of one object are mostly seen together.
        """
        total = self.frames + other.frames
        if total:
            frames = total - min(both.frames, self.frames, other.frames)
            self.boxes = (self.boxes + other.boxes) * frames / total
            self.masks = (self.masks + other.masks) * frames / total
            self.frames = frames
        near = self.near_frames + other.near_frames
        frames = max(self.near_frames, other.near_frames)
        self.near, self.near_frames = (self.near + other.near) * frames / near, frames


@dataclass
class Overlaps:
    """Sums over pairs of tracks in sight. The memory follows the objects in sight, not the length of the dive."""

    _pairs: dict[tuple[int, int], _Pair] = field(default_factory=dict)

    def add(self, ids: Int64, seen: Bool, boxes_xyxy: Float64, masks: Sequence[MaskCrop | None]) -> None:
        """Add a frame.

        Args:
            ids: (N,) all current tracks.
            seen: (N,) whether the frame shows the track.
            boxes_xyxy: (N, 4) observed or predicted boxes, px.
            masks: N masks, if available.
        """
        ious = pairwise_iou(boxes_xyxy.astype(np.float32), boxes_xyxy.astype(np.float32))
        for i, j in np.argwhere(np.tril(seen[:, None] | seen[None], -1)).tolist():
            pair = self._pairs.setdefault(_key(int(ids[i]), int(ids[j])), _Pair())
            iou = float(ious[i, j])
            pair.near_frames += 1
            pair.near += iou
            if seen[i] and seen[j]:
                pair.frames += 1
                pair.boxes += iou
                first, second = masks[i], masks[j]
                if iou > 0 and first is not None and second is not None:
                    pair.masks += overlap(first, second)

    def closest(
        self, least: float, among: Collection[int], *, frames: int, near_frames: int
    ) -> tuple[int, int] | None:
        """The pair that overlaps most on average; None if no pair overlaps by more than `least`.

        Args:
            among: one track of the pair must be among these.
            frames: least number of frames that show both tracks.
            near_frames: least number of frames that show one while the other is tracked.
        """
        best: tuple[float, int, int] | None = None
        for (a, b), pair in self._pairs.items():
            if (a in among or b in among) and (mean := pair.mean(frames, near_frames)) > least:
                best = min(best or (0.0, a, b), (-mean, a, b))
        return None if best is None else best[1:]

    def shared(self, a: int, b: int) -> float:
        """Number of frames that show both tracks."""
        pair = self._pairs.get(_key(a, b))
        return 0.0 if pair is None else pair.frames

    def merge(self, gone: int, into: int) -> None:
        """Merge two tracks."""
        both = self._pairs.pop(_key(gone, into))
        for key in [key for key in self._pairs if gone in key]:
            third = _key(key[0] if key[1] == gone else key[1], into)
            other = self._pairs.pop(key)
            if third in self._pairs:
                self._pairs[third].merge(other, both)
            else:
                self._pairs[third] = other

    def drop(self, ids: Collection[int]) -> None:
        """Forget tracks that ended."""
        self._pairs = {(a, b): pair for (a, b), pair in self._pairs.items() if a not in ids and b not in ids}

    def to_json(self) -> list[list[float]]:
        """Plain values."""
        return [[*key, *astuple(pair)] for key, pair in self._pairs.items()]

    @classmethod
    def from_json(cls, entries: Sequence[Sequence[Any]]) -> Overlaps:
        """From `to_json`, exactly."""
        return cls({(int(a), int(b)): _Pair(*sums) for a, b, *sums in entries})


def _key(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
