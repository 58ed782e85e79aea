"""The pass over a dive: frames to objects to tracks to the store."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from seasift.core.image_statistics import NAMES
from seasift.core.instances import Instances
from seasift.survey.best import quality_of
from seasift.survey.drift import Reference
from seasift.survey.kept import Frame, Seen, Vote
from seasift.survey.looking import Looked, Looking
from seasift.survey.store import Store
from seasift.tracking import Step, Tracker
from seasift.video.dive import Dive, LiveDive

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
    for looked in looking(dive, after):
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
