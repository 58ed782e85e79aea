"""Identities through the camera's motion, occlusion, missed frames and false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.tracking import PlainMatching
from seasift.core.errors import InputError
from seasift.core.instances import Instances
from seasift.data.moving import Camera, DrawnObject, Scene, footage
from seasift.tracking import Tracker, TrackerSettings
from tests.tracking.scenes import STILL, boxes, frames_of, ids_by_truth, lying

THREE = lying((470, 490), (520, 530), (560, 480))


def plain() -> PlainMatching:
    return PlainMatching(start_score=0.3, max_age_s=4.0)


@pytest.mark.parametrize(
    "camera",
    [
        lambda t: Camera(512 + 40 * math.sin(1.5 * t), 512),
        lambda t: Camera(512, 512, 1.0 + 0.35 * math.sin(t), 0.8 * math.sin(t)),
    ],
    ids=["pan", "zoom and turn"],
)
def test_a_moving_camera_breaks_no_identity(camera) -> None:
    frames = frames_of(Scene(camera, THREE), np.arange(0, 8, 0.7))
    assert ids_by_truth(Tracker(), frames) == {1: [1], 2: [2], 3: [3]}
    assert max(len(ids) for ids in ids_by_truth(plain(), frames).values()) > 1


def test_what_moves_with_the_camera_keeps_its_identity_too() -> None:
    arm = DrawnObject(9, lambda _: (60.0, 160.0), 1, (30, 14), on_camera=True)
    frames = frames_of(
        Scene(lambda t: Camera(512 + 40 * math.sin(1.5 * t), 512), (*THREE, arm)), np.arange(0, 8, 0.7)
    )
    assert all(len(ids) == 1 for ids in ids_by_truth(Tracker(), frames).values())


def test_an_object_that_passes_behind_another_one_stays_itself() -> None:
    bar = DrawnObject(0, lambda _: (512.0, 512.0), radii=(20.0, 300.0))
    fish = DrawnObject(1, lambda t: (430 + 25 * t, 500.0), radii=(13, 9))
    frames = frames_of(Scene(lambda _: Camera(512, 512), (fish, bar)), np.arange(0, 6.5, 0.2))
    hidden = [frame.time_s for frame in frames if not len(frame.instances)]
    assert len(hidden) >= 4
    assert ids_by_truth(Tracker(), frames) == {1: [1]}
    assert len(ids_by_truth(plain(), frames)[1]) > 1


def test_objects_that_cross_do_not_swap() -> None:
    drawn_objects = (
        DrawnObject(1, lambda t: (472 + 20 * t, 512.0), radii=(26, 7), turn=0.7),
        DrawnObject(2, lambda t: (552 - 20 * t, 512.0), radii=(26, 7), turn=-0.7),
    )
    frames = frames_of(Scene(lambda _: Camera(512, 512), drawn_objects), np.arange(0, 4, 0.2))
    assert ids_by_truth(Tracker(), frames) == {1: [1], 2: [2]}
    assert ids_by_truth(plain(), frames) == {1: [1, 2], 2: [2, 1]}


def test_times_count_and_not_frames() -> None:
    """The same motion, seen in irregular steps of 0.03 to 1.2 seconds."""
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.uniform(0.03, 1.2, 14))
    fish = DrawnObject(1, lambda t: (470 + 9 * t, 500.0), radii=(15, 9))
    assert ids_by_truth(Tracker(), frames_of(Scene(lambda _: Camera(512, 512), (fish,)), times)) == {1: [1]}


def test_missed_for_less_than_the_patience_and_for_more() -> None:
    tracker = Tracker(TrackerSettings(max_age_s=2.0))
    told = [
        tracker.step(boxes((40, 40, 80, 80)) if seen else boxes(), STILL, 0.2 * k)
        for k, seen in enumerate([1] * 5 + [0] * 8 + [1] * 3 + [0] * 12 + [1])
    ]
    assert {int(each) for step in told[:-1] for each in step.ids} == {1}
    assert told[-1].ids.tolist() == [2]
    assert [step.ended for step in told if step.ended] == [(1,)]


def test_weak_observations_prolong_a_track_and_begin_none() -> None:
    tracker = Tracker()
    strong, weak = boxes((40, 40, 80, 80)), boxes((40, 40, 80, 80), (150, 40, 190, 80), score=0.15)
    for k in range(5):
        tracker.step(strong, STILL, 0.2 * k)
    assert all(tracker.step(weak, STILL, 1.0 + 0.2 * k).ids.tolist() == [1, 0] for k in range(50))
    assert tracker.step(strong, STILL, 11.0).ids.tolist() == [1]


def test_unconfirmed_tracks_never_count() -> None:
    """False alarms of a moment: each gets an id from its first observation on, and none is ever confirmed."""
    tracker, told, ended = Tracker(), set(), []
    for k in range(60):
        # A place that no other alarm of the last seconds was near to, beside two true objects.
        x, y = 10.0 + 40 * (k % 6), 60.0 + 40 * (k // 6 % 3)
        step = tracker.step(boxes((5, 5, 30, 30), (100, 5, 130, 30), (x, y, x + 20, y + 20)), STILL, 0.4 * k)
        assert (step.ids > 0).all()
        told |= set(step.ids.tolist())
        ended += step.summaries
        if k == 2:
            assert step.confirmed == (1, 2)
        else:
            assert step.confirmed == ()
    ended += tracker.finish().summaries
    assert sorted(summary.id for summary in ended) == sorted(told)
    assert len(told) == 62
    assert [summary.id for summary in ended if summary.confirmed] == [1, 2]


def test_a_class_is_voted_by_scores() -> None:
    tracker = Tracker()
    for k, (class_id, score) in enumerate([(4, 0.9), (7, 0.35), (7, 0.35), (4, 0.5), (7, 0.35)]):
        tracker.step(boxes((40, 40, 80, 80), score=score, class_id=class_id), STILL, 0.2 * k)
    summary = tracker.summary_of(1)
    assert (summary.class_id, summary.observations) == (4, 5)
    assert summary.score == pytest.approx((0.9 + 0.5) / 5)
    (last,) = tracker.finish().summaries
    assert last == summary
    with pytest.raises(KeyError):
        tracker.summary_of(1)


def test_one_object_under_two_classes_is_one_track() -> None:
    both = Instances.joined(
        [boxes((40, 40, 80, 80), class_id=1, score=0.8), boxes((41, 40, 80, 81), class_id=2, score=0.6)]
    )
    tracker = Tracker()
    assert [tracker.step(both, STILL, 0.2 * k).ids.tolist() for k in range(6)] == [[1, 0]] * 6
    assert tracker.finish().summaries[0].class_id == 1


def test_rare_frames_need_no_other_settings() -> None:
    """One frame in ten seconds, longer than the patience: an object may still be missing in one."""
    tracker = Tracker()
    steps = [
        tracker.step(boxes((40, 40, 80, 80)) if k != 3 else boxes(), STILL, 10.0 * k).ids.tolist()
        for k in range(6)
    ]
    assert steps == [[1], [1], [1], [], [1], [1]]
    # But a hole in the footage, many of its steps long, ends everything.
    assert tracker.step(boxes((40, 40, 80, 80)), STILL, 150.0).ids.tolist() == [2]


def test_after_an_end_ids_go_on() -> None:
    tracker = Tracker()
    tracker.step(boxes((40, 40, 80, 80)), STILL, 100.0)
    assert tracker.finish().ended == (1,)
    assert tracker.finish().ended == ()
    assert tracker.step(boxes((40, 40, 80, 80)), STILL, 0.0).ids.tolist() == [2]


@pytest.mark.parametrize("time_s", [0.9, float("nan")])
def test_time_does_not_go_back(time_s: float) -> None:
    tracker = Tracker()
    tracker.step(boxes(), STILL, 1.0)
    with pytest.raises(InputError, match="order of time"):
        tracker.step(boxes(), STILL, time_s)


@pytest.mark.parametrize("contrast", [0.0, 1.0])
def test_haze_and_odd_images_are_borne(contrast: float) -> None:
    tracker = Tracker()
    frames = frames_of(Scene(lambda _: Camera(512, 512), THREE, contrast=contrast), np.arange(0, 1, 0.2))
    images = [np.zeros_like(STILL), np.full((1, 1, 3), 9, np.uint8), np.ascontiguousarray(STILL[:70, :90])]
    assert ids_by_truth(tracker, frames) == {1: [1], 2: [2], 3: [3]}
    for k, image in enumerate(images):
        assert tracker.step(frames[0].instances, image, 2.0 + k).ids.tolist() == [1, 2, 3]


def test_without_masks_boxes_do() -> None:
    clip = [(frame, found) for frame, found in footage("pan", 1).frames()][:12]
    bare, masked = Tracker(), Tracker(TrackerSettings(use_masks=False))
    for frame, found in clip:
        without = Instances(found.boxes_xyxy, found.scores, found.class_ids, found.size_hw)
        expected = masked.step(found, frame.image_rgb_u8, frame.time_s)
        assert bare.step(without, frame.image_rgb_u8, frame.time_s).ids.tolist() == expected.ids.tolist()
