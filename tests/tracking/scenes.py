"""Small scenes of one difficulty each, and a run of a follower over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.tracking import Follows
from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import UInt8
from seasift.data.moving import Camera, DrawnObject, Scene, TrueFrame

STILL: UInt8 = Scene(lambda _: Camera(512, 512), ()).at(0.0).image_rgb_u8


def frames_of(scene: Scene, times_s: Iterable[float]) -> list[TrueFrame]:
    floor = scene.floor()
    return [scene.at(time_s, floor) for time_s in times_s]


def ids_by_truth(follower: Follows, frames: Sequence[TrueFrame]) -> dict[int, list[int]]:
    """Object to all track ids that it got, in their order, each once."""
    told: dict[int, list[int]] = {}
    for frame in frames:
        ids = follower.step(frame.instances, frame.image_rgb_u8, frame.time_s).ids
        for truth, each in zip(frame.ids.tolist(), ids.tolist(), strict=True):
            if each not in told.setdefault(truth, []):
                told[truth].append(each)
    return told


def boxes(*entries: tuple[float, float, float, float], score: float = 0.9, class_id: int = 0) -> Instances:
    """Instances with full masks from boxes x1, y1, x2, y2."""
    return Instances(
        np.array(entries, np.float32).reshape(-1, 4),
        np.full(len(entries), score, np.float32),
        np.full(len(entries), class_id, np.int64),
        (192, 256),
        tuple(
            MaskCrop(np.ones((round(y2 - y1), round(x2 - x1)), dtype=bool), round(x1), round(y1))
            for x1, y1, x2, y2 in entries
        ),
    )


def lying(*indices: tuple[float, float]) -> tuple[DrawnObject, ...]:
    """Things that lie still, numbered from 1."""
    return tuple(
        DrawnObject(number, lambda _, index=index: index)  # type: ignore[misc]
        for number, index in enumerate(indices, start=1)
    )
