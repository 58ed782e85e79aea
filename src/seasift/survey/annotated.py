"""Write the dive as a video with outlines of the counted objects, in a second pass over the evaluated frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import from_coco
from seasift.core.types import SizeHW
from seasift.survey.kept import Seen
from seasift.survey.naming import Naming
from seasift.survey.store import Store
from seasift.video.dive import Dive
from seasift.video.writing import writing_video
from seasift.viz.drawing import draw

_PAUSE_S, _SHOWN_S = 60.0, 1.0  # a longer pause between files is shown as one second


def write_video(path: Path, dive: Dive, store: Store, naming: Naming) -> Path:
    """Write an MP4 with the times of the footage, whole or not at all.

    Raises:
        InputError: it cannot be written. MissingExtraError: no H.264 encoder.
    """
    moved_s, before_s = 0.0, None
    with writing_video(path) as writer:
        for dive_frame, frame in zip(dive.frames(), store.frames(), strict=True):
            if before_s is None:
                moved_s = frame.dive_s
            elif frame.dive_s - before_s > _PAUSE_S:
                moved_s += frame.dive_s - before_s - _SHOWN_S
            before_s = frame.dive_s
            image = dive_frame.image_rgb_u8
            rows = store.counted_in(frame.seq)
            class_ids = [class_id for _, (class_id, _, _) in rows]
            instances = _instances([seen for seen, _ in rows], class_ids, image.shape[:2])
            drawn = draw(image, instances, naming.categories, labels=labels_of(rows, naming))
            writer.add(drawn, frame.dive_s - moved_s)
    return path


def labels_of(rows: Sequence[tuple[Seen, tuple[int, int, int]]], naming: Naming) -> list[str]:
    """Name and number of each track in a frame, from `StoredFrame.counted_in`."""
    return [f"{naming.names[name_id]} #{number}" for _, (_, number, name_id) in rows]


def _instances(seen: Sequence[Seen], class_ids: Sequence[int], size_hw: SizeHW) -> Instances:
    if not seen:
        return Instances.empty(size_hw)
    boxes = np.array([each.box_xywh for each in seen], np.float32)
    boxes[:, 2:] += boxes[:, :2]
    masks = tuple(
        from_coco({"size": list(size_hw), "counts": each.rle}, size_hw)
        for each in seen
        if each.rle is not None
    )
    return Instances(
        boxes,
        np.array([each.score for each in seen], np.float32),
        np.array(class_ids, np.int64),
        size_hw,
        masks if len(masks) == len(seen) else None,
    )
