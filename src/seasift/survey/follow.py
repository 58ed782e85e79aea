"""The pass over a dive: frames to objects to tracks to the store."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from seasift.core.instances import Instances
from seasift.core.looks import NAMES
from seasift.core.types import Float64, Int64, UInt8
from seasift.runtime.dive import Dive, DiveFrame
from seasift.runtime.tracking import Step, Tracker
from seasift.survey.best import crop_of, quality_of
from seasift.survey.drift import Reference
from seasift.survey.kept import Frame, Seen
from seasift.survey.store import Store

Look = Callable[[UInt8], tuple[Instances, Float64]]
"""A picture (H, W, 3) uint8 RGB to its objects and its looks, see `runtime.seen_alike`."""

COMMIT_EVERY = 25
"""Frames between two commits: what a kill costs at most."""


def follow(
    dive: Dive,
    look: Look,
    tracker: Tracker,
    store: Store,
    *,
    reference: Reference | None = None,
    after: Frame | None = None,
    unconfirmed: bool = False,
    at_once: int = 1,
    commit_every: int = COMMIT_EVERY,
    progress: Callable[[Frame], None] | None = None,
) -> None:
    """Look at all frames of a dive, follow what is in them, and keep it all in the store.

    Args:
        look: called by threads.
        reference: of the training pictures; None if the model carries none.
        tracker: new, or as it was after the frame `after`.
        store: gets everything; holds all up to and with `after`.
        unconfirmed: also keep tracks that never count.
        at_once: pictures in work; as many again may wait.
        commit_every: frames.
        progress: called after each frame.
    """
    last = after
    for dive_frame, instances, looks in _looked_at(dive, look, after, at_once):
        frame = _after(last, dive_frame)
        if last is not None and _other_size(dive, last.video, frame.video):
            _end(store, tracker.finish(), unconfirmed)  # places in px mean something else now
        last = frame
        away = None if reference is None else reference.distance(looks)
        seen = [round(float(value), 4) for value in looks[: len(NAMES)]]
        store.add_frame(frame, None if away is None else round(away, 4), seen)
        step = tracker.step(instances, dive_frame.image_rgb_u8, frame.dive_s)
        _keep(store, frame, instances, step.ids, dive_frame.image_rgb_u8)
        store.confirm(step.confirmed)
        _end(store, step, unconfirmed)
        if (frame.seq + 1) % commit_every == 0:
            _keep_gaps(store, dive)
            store.commit(frame, json.dumps(tracker.state()))
        if progress:
            progress(frame)
    _end(store, tracker.finish(), unconfirmed)
    _keep_gaps(store, dive)
    store.commit(last, json.dumps(tracker.state()), complete=True)


def _after(last: Frame | None, frame: DiveFrame) -> Frame:
    """A frame in the row. A file that is longer than its header says ends behind the begin of the next: the dive's
    clock stands still then, but it never goes back.
    """
    seq, dive_s = (0, frame.dive_s) if last is None else (last.seq + 1, max(frame.dive_s, last.dive_s))
    return Frame(seq, frame.video, frame.frame, round(frame.time_s, 6), round(dive_s, 6))


def _other_size(dive: Dive, first: int, second: int) -> bool:
    a, b = dive.videos[first], dive.videos[second]
    return (a.width, a.height) != (b.width, b.height)


def _end(store: Store, step: Step, unconfirmed: bool) -> None:
    if not unconfirmed:
        store.forget([summary.id for summary in step.summaries if not summary.confirmed])


def _looked_at(
    dive: Dive, look: Look, after: Frame | None, at_once: int
) -> Iterator[tuple[DiveFrame, Instances, Float64]]:
    """Frames in order, several in work; the number of pictures in memory does not grow with the dive."""

    def task(frame: DiveFrame) -> tuple[DiveFrame, Instances, Float64]:
        instances, looks = look(frame.image_rgb_u8)
        return frame, instances, looks

    place, time_s = (None, None) if after is None else ((after.video, after.frame), after.time_s)
    waiting: deque[Future[tuple[DiveFrame, Instances, Float64]]] = deque()
    frames = dive.frames(place, after_time_s=time_s)
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for frame in frames:
                waiting.append(pool.submit(task, frame))
                if len(waiting) >= 2 * at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            if isinstance(frames, Generator):
                frames.close()  # ends the thread that decodes


def _keep(store: Store, frame: Frame, instances: Instances, ids: Int64, image_rgb_u8: UInt8) -> None:
    """Objects that belong to a track, and the best view of each."""
    everything = []
    for place, track in enumerate(ids.tolist()):
        if track < 1:
            continue
        seen = _seen(frame, instances, place, track)
        everything.append(seen)
        quality = round(quality_of(seen.score, seen.box_xywh, instances.size_hw), 6)
        if quality > store.best_quality(track, seen.class_id):
            store.keep_picture(seen, quality, crop_of(image_rgb_u8, instances, place))
    store.add_seen(everything)


def _seen(frame: Frame, instances: Instances, place: int, track: int) -> Seen:
    box = instances.boxes_xyxy[place].astype(np.float64)
    x, y, width, height = np.concatenate([box[:2], box[2:] - box[:2]]).round(3).tolist()
    mask = instances.masks[place] if instances.masks is not None else None
    return Seen(
        track=track,
        seq=frame.seq,
        class_id=int(instances.class_ids[place]),
        score=float(str(instances.scores[place])),  # the shortest decimal that is this float32
        box_xywh=(x, y, width, height),
        area=mask.area if mask else None,
        rle=mask.rle(instances.size_hw)["counts"] if mask else None,
    )


def _keep_gaps(store: Store, dive: Dive) -> None:
    for gap in dive.gaps:
        to_s = None if gap.to_s is None else round(gap.to_s, 6)
        store.add_gap(gap.file, round(gap.from_s, 6), to_s, gap.reason)
