"""Measure the overlap of tracks over shared frames, to find tracks of one object."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np

from seasift.core.boxes import pairwise_iou
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, Float64, Int64
from seasift.tracking.association import overlap


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
