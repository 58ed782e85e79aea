"""The pass over a dive: frames to objects to tracks to the store, with the best view of each track."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from seasift.core.image import encode_image
from seasift.core.instances import Instances
from seasift.core.types import Float64, SizeHW, UInt8
from seasift.inference.predictor import NAMES
from seasift.inference.stream import ending, in_order
from seasift.survey.drift import Reference
from seasift.survey.kept import Frame, Seen, Vote
from seasift.survey.store import Store
from seasift.tracking import Step, Tracker
from seasift.tracking.camera import CameraView
from seasift.video.dive import Dive, DiveFrame, LiveDive
from seasift.viz.drawing import colour_of

Look = Callable[[UInt8], tuple[Instances, Float64]]
"""Maps an image (H, W, 3) uint8 RGB to its objects and statistics, see `inference.predictor`."""


@dataclass(frozen=True, eq=False)
class Looked:
    """A frame after the model: the image is no longer needed.

    Attributes:
        video, frame, time_s, dive_s: as in `video.dive.DiveFrame`.
        instances: its objects.
        looks: statistics of the frame, see `Look`.
        view: view of the camera, for its motion.
        crop: maps the index of an object to its image (JPEG), see `best.crop_of`.
    """

    video: int
    frame: int
    time_s: float
    dive_s: float
    instances: Instances
    looks: Float64
    view: CameraView
    crop: Callable[[int], bytes]


Looking = Callable[[Dive | LiveDive, Frame | None], Iterator[Looked]]
"""Maps a dive and the last evaluated frame to the frames after it; `Dive.gaps` grows meanwhile."""


def looked(look: Look, frame: DiveFrame) -> Looked:
    """Evaluate one frame."""
    image = frame.image_rgb_u8
    instances, looks = look(image)
    return Looked(
        frame.video,
        frame.frame,
        frame.time_s,
        frame.dive_s,
        instances,
        looks,
        CameraView.of(image, instances),
        partial(crop_of, image, instances),
    )


def look_here(look: Look, max_in_flight: int, dive: Dive | LiveDive, after: Frame | None) -> Iterator[Looked]:
    """Evaluate all frames in threads of this process.

    Args:
        look: called by threads.
        max_in_flight: images being evaluated; as many again may wait.
    """
    index, time_s = (None, None) if after is None else ((after.video, after.frame), after.time_s)
    return in_threads(look, max_in_flight, dive.frames(index, after_time_s=time_s))


def in_threads(look: Look, max_in_flight: int, frames: Iterator[DiveFrame]) -> Iterator[Looked]:
    """Frames in order, several at once; the number of images in memory does not grow with the dive."""
    try:
        yield from in_order((partial(looked, look, frame) for frame in frames), max_in_flight)
    finally:
        if isinstance(frames, Generator):
            frames.close()  # ends the thread that decodes


_MARGIN = 0.35  # of the object's longer side, on each side
_LEAST, _LONGEST, _SMALL = 48, 640, 320  # px: smallest crop; largest image; smaller crops are enlarged
_LARGE_PX = 128  # above this size, a larger object is not a better view
_CUT = 0.5  # weight of a view that ends at the image's edge


def quality_of(score: float, box_xywh: tuple[float, float, float, float], size_hw: SizeHW) -> float:
    """How well a view shows an object: its score, reduced if it is small or cut off by the image's edge."""
    x, y, width, height = box_xywh
    side = math.sqrt(max(width * height, 0.0))
    cut = x <= 1 or y <= 1 or x + width >= size_hw[1] - 1 or y + height >= size_hw[0] - 1
    return score * min(1.0, side / _LARGE_PX) * (_CUT if cut else 1.0)


def crop_of(image_rgb_u8: UInt8, instances: Instances, index: int) -> bytes:
    """Crop one object with a margin and draw its outline, as JPEG.

    Args:
        image_rgb_u8: (H, W, 3) uint8 RGB.
        instances: its objects; `place` is the index of one.
    """
    x1, y1, x2, y2 = _window(instances, index, image_rgb_u8.shape[:2])
    crop = image_rgb_u8[y1:y2, x1:x2]
    longer = max(crop.shape[:2])
    factor = _LONGEST / longer if longer > _LONGEST else max(1.0, min(4.0, _SMALL / longer))
    size = (max(1, round((x2 - x1) * factor)), max(1, round((y2 - y1) * factor)))
    canvas = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    line = max(2, round(max(size) / 200))
    rings = _rings(instances, index, (x1, y1), factor)
    colour = colour_of(int(instances.class_ids[index]))
    for ink, width in (((0, 0, 0), line + 2), (colour, line)):
        for ring in rings:
            points = np.rint(ring * 16).astype(np.int32)  # in sixteenths of a pixel
            cv2.polylines(canvas, [points], True, ink, width, cv2.LINE_AA, shift=4)
    return encode_image(np.asarray(canvas, np.uint8), ".jpg")


def _window(instances: Instances, index: int, size_hw: SizeHW) -> tuple[int, int, int, int]:
    left, top, right, bottom = (float(value) for value in instances.boxes_xyxy[index])
    margin = _MARGIN * max(right - left, bottom - top)
    window = []
    for low, high, most in ((left, right, size_hw[1]), (top, bottom, size_hw[0])):
        half = max((high - low) / 2 + margin, _LEAST / 2)
        middle = (low + high) / 2
        first = min(max(math.floor(middle - half), 0), most - 1)
        window.append((first, max(first + 1, min(math.ceil(middle + half), most))))
    (x1, x2), (y1, y2) = window
    return x1, y1, x2, y2


def _rings(instances: Instances, index: int, corner_xy: tuple[int, int], factor: float) -> list[Float64]:
    """Outlines (K, 2) in px of the crop: smooth outlines of the mask, or the box without a mask."""
    if instances.masks is None or not instances.masks[index].area:
        x1, y1, x2, y2 = (float(value) for value in instances.boxes_xyxy[index])
        ring = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
        return [(ring - corner_xy) * factor]
    mask = instances.masks[index]
    share = np.pad(mask.crop, 1).astype(np.float32)
    size = (round(share.shape[1] * factor), round(share.shape[0] * factor))
    smooth = cv2.resize(share, (max(1, size[0]), max(1, size[1])), interpolation=cv2.INTER_CUBIC)
    contours, _ = cv2.findContours((smooth > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    offset = (np.array([mask.x0 - 1, mask.y0 - 1]) - corner_xy) * factor
    return [contour[:, 0, :].astype(np.float64) + offset for contour in contours]


_STILL_S = 0.5
COMMIT_EVERY = 25
"""Frames between two commits: a kill loses at most this many."""


def follow(
    dive: Dive | LiveDive,
    looking: Looking,
    tracker: Tracker,
    store: Store,
    *,
    reference: Reference | None = None,
    after: Frame | None = None,
    unconfirmed: bool = False,
    commit_every: int = COMMIT_EVERY,
    progress: Callable[[Frame], None] | None = None,
) -> None:
    """Evaluate all frames of a dive, track the objects, and store the results.

    Args:
        looking: yields the evaluated frames.
        reference: statistics of the training images; None if the model has none.
        tracker: a new tracker, or its state after the frame `after`.
        store: receives everything; holds all results up to and including `after`.
        unconfirmed: also keep unconfirmed tracks.
        commit_every: number of frames between commits.
        progress: called after each frame.
    """
    last = after
    with ending(looking(dive, after)) as frames:
        for looked in frames:
            frame = _after(last, looked)
            if frame.dive_s - looked.dive_s > _STILL_S:
                file = dive.videos[frame.video].file
                dive.note(
                    f"{file}: by its times it begins before the previous file ends; the dive's clock waits until that end."
                )
            if last is not None and _other_size(dive, last.video, frame.video):
                _take(store, tracker.finish(), unconfirmed)  # pixel positions refer to another image now
            last = frame
            away = None if reference is None else reference.distance(looked.looks)
            seen = [round(float(value), 4) for value in looked.looks[: len(NAMES)]]
            store.add_frame(frame, None if away is None else round(away, 4), seen)
            step = tracker.step(looked.instances, looked.view, frame.dive_s)
            _take(store, step, unconfirmed)
            _keep(store, frame, looked, step)
            if (frame.seq + 1) % commit_every == 0:
                _keep_gaps(store, dive)
                store.keep_notes(dive.notes)
                store.commit(frame, json.dumps(tracker.state()))
            if progress:
                progress(frame)
    _take(store, tracker.finish(), unconfirmed)
    _keep_gaps(store, dive)
    store.keep_notes(dive.notes)
    store.commit(last, json.dumps(tracker.state()), complete=True)


def _after(last: Frame | None, frame: Looked) -> Frame:
    """A frame in sequence. If a file ends after the start of the next, the dive's clock stands still; it never runs
    back.
    """
    seq, dive_s = (0, frame.dive_s) if last is None else (last.seq + 1, max(frame.dive_s, last.dive_s))
    return Frame(seq, frame.video, frame.frame, round(frame.time_s, 6), round(dive_s, 6))


def _other_size(dive: Dive | LiveDive, first: int, second: int) -> bool:
    a, b = dive.videos[first], dive.videos[second]
    return (a.width, a.height) != (b.width, b.height)


def _take(store: Store, step: Step, unconfirmed: bool) -> None:
    """Apply what a step changes in earlier frames."""
    for gone, into in step.merged:
        store.merge(gone, into)
    store.confirm(step.confirmed)
    if not unconfirmed:
        store.forget([summary.id for summary in step.summaries if not summary.confirmed])


def _keep(store: Store, frame: Frame, looked: Looked, step: Step) -> None:
    """Store objects of tracks, second opinions about them, and the best view of each."""
    instances, everything, votes = looked.instances, [], []
    for i, (track, voted) in enumerate(zip(step.ids.tolist(), step.votes.tolist(), strict=True)):
        if not (track or voted):
            continue
        seen = _seen(frame, instances, i, track or voted)
        if track:
            everything.append(seen)
        else:
            votes.append(Vote(voted, frame.seq, seen.class_id, seen.score))
        quality = round(quality_of(seen.score, seen.box_xywh, instances.size_hw), 6)
        if quality > store.best_quality(seen.track, seen.class_id):
            store.keep_image(seen, quality, looked.crop(i))
    store.add_seen(everything)
    store.add_votes(votes)


def _seen(frame: Frame, instances: Instances, index: int, track: int) -> Seen:
    box = instances.boxes_xyxy[index].astype(np.float64)
    x, y, width, height = np.concatenate([box[:2], box[2:] - box[:2]]).round(3).tolist()
    mask = instances.masks[index] if instances.masks is not None else None
    return Seen(
        track=track,
        seq=frame.seq,
        class_id=int(instances.class_ids[index]),
        score=float(str(instances.scores[index])),  # the shortest decimal that is this float32
        box_xywh=(x, y, width, height),
        area=mask.area if mask else None,
        rle=mask.rle(instances.size_hw)["counts"] if mask else None,
        class_scores=None
        if instances.class_scores is None
        else instances.class_scores[index].astype("<f4").tobytes(),
    )


def _keep_gaps(store: Store, dive: Dive | LiveDive) -> None:
    for gap in dive.gaps:
        to_s = None if gap.to_s is None else round(gap.to_s, 6)
        store.add_gap(gap.file, round(gap.from_s, 6), to_s, gap.reason)
