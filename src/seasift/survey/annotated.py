"""Write the dive as a video with outlines of the counted objects, in a second pass over the evaluated frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seasift.core.ending import ending
from seasift.core.instances import Category, Instances
from seasift.core.masks import from_coco
from seasift.core.types import SizeHW
from seasift.survey.kept import Seen
from seasift.survey.store import Store
from seasift.video.dive import Dive
from seasift.video.writing import writing_video
from seasift.viz.drawing import draw

_PAUSE_S, _SHOWN_S = 60.0, 1.0  # a longer pause between files is shown as one second


def write_video(path: Path, dive: Dive, store: Store, categories: Sequence[Category]) -> Path:
    """Write an MP4 with the times of the footage, whole or not at all.

    Raises:
        InputError: it cannot be written. MissingExtraError: no H.264 encoder.
    """
    moved_s, before_s = 0.0, None
    with ending(dive.frames()) as frames, writing_video(path) as writer:
        for dive_frame, frame in zip(frames, store.frames(), strict=True):
            if before_s is None:
                moved_s = frame.dive_s
            elif frame.dive_s - before_s > _PAUSE_S:
                moved_s += frame.dive_s - before_s - _SHOWN_S
            before_s = frame.dive_s
            image = dive_frame.image_rgb_u8
            rows = store.counted_in(frame.seq)
            instances = _instances([seen for seen, _ in rows], [c for _, (c, _) in rows], image.shape[:2])
            labels = [f"{categories[class_id].name} #{number}" for _, (class_id, number) in rows]
            writer.add(draw(image, instances, categories, labels=labels), frame.dive_s - moved_s)
    return path


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
