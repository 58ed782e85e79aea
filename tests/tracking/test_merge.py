"""One object is one track, under however many classes it is found."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tracking import counted, doubles
from seasift.core.instances import Instances
from seasift.data.moving import footage
from seasift.tracking import Step, Tracker, TrackerSettings
from seasift.tracking.association import Overlaps, twins_of
from tests.tracking.scenes import STILL, boxes

# 40 px wide; NEAR begins a track of its own, as it overlaps FIRST by 25 / 55 = .45. SECOND overlaps it by 36 / 44,
# which is more than merging asks for, and FIRST by 29 / 51 = .57, less than a second opinion of one frame needs.
FIRST, NEAR, SECOND = (40, 40, 80, 80), (55, 40, 95, 80), (51, 40, 91, 80)
AWAY = (150, 40, 190, 80)


def seen(*entries: tuple[tuple[float, float, float, float], int, float]) -> Instances:
    if not entries:
        return boxes()
    return Instances.joined([boxes(box, class_id=class_id, score=score) for box, class_id, score in entries])


def play(tracker: Tracker, *frames: Instances) -> list[Step]:
    steps = [tracker.step(frame, STILL, 0.2 * k) for k, frame in enumerate(frames)]
    return [*steps, tracker.finish()]


def test_tracks_that_overlap_for_several_frames_become_one_with_all_votes() -> None:
    begin, both = seen((FIRST, 1, 0.5), (NEAR, 2, 0.4)), seen((FIRST, 1, 0.5), (SECOND, 2, 0.4))
    steps = play(Tracker(), begin, both, both, seen((SECOND, 2, 0.9)))
    assert [step.ids.tolist() for step in steps[:4]] == [[1, 2], [1, 2], [1, 0], [1]]
    assert steps[2].votes.tolist() == [0, 1]
    assert [step.merged for step in steps] == [(), (), ((2, 1),), (), ()]
    assert [step.confirmed for step in steps] == [(), (), (1,), (), ()]
    (summary,) = steps[-1].summaries
    # Class 1: 3 * .5; class 2: 3 * .4 + .9, over four frames.
    assert (summary.id, summary.class_id, summary.observations) == (1, 2, 4)
    assert summary.score == pytest.approx(2.1 / 4)


def test_tracks_that_both_count_are_merged_too() -> None:
    tracker = Tracker(TrackerSettings(merge_observations=6))
    begin, both = seen((FIRST, 1, 0.5), (NEAR, 2, 0.4)), seen((FIRST, 1, 0.5), (SECOND, 2, 0.4))
    steps = play(tracker, begin, *[both] * 7)
    assert steps[2].confirmed == (1, 2)
    assert [step.merged for step in steps if step.merged] == [((2, 1),)]
    assert [step.votes.tolist() for step in steps[5:8]] == [[0, 1]] * 3
    (summary,) = steps[-1].summaries
    assert (summary.id, summary.class_id, summary.observations) == (1, 1, 8)
    assert summary.score == pytest.approx(0.5)


def test_what_sits_on_a_track_begins_none_and_votes() -> None:
    steps = play(Tracker(), *[seen((FIRST, 1, 0.5), (SECOND, 2, 0.4))] * 4)
    assert [step.ids.tolist() for step in steps[:4]] == [[1, 0]] * 4
    assert [step.votes.tolist() for step in steps[:4]] == [[0, 1]] * 4


def test_of_one_class_the_frames_that_show_both_vote_once() -> None:
    begin, both = seen((FIRST, 1, 0.5), (NEAR, 1, 0.4)), seen((FIRST, 1, 0.5), (SECOND, 1, 0.4))
    steps = play(Tracker(), begin, *[both] * 4)
    assert [step.merged for step in steps if step.merged] == [((2, 1),)]
    (summary,) = steps[-1].summaries
    assert summary.observations == 5
    assert summary.score == pytest.approx(0.5, abs=0.05)


def test_a_track_that_takes_over_is_the_same_object() -> None:
    """The second one ends where it sat on the first, after two frames that show both."""
    one, begin, both = (
        seen((FIRST, 1, 0.8)),
        seen((FIRST, 1, 0.8), (NEAR, 2, 0.7)),
        seen((FIRST, 1, 0.8), (SECOND, 2, 0.7)),
    )
    steps = play(Tracker(TrackerSettings(probation_max_age_s=0.5)), one, begin, both, *[one] * 6)
    assert [step.merged for step in steps if step.merged] == [((2, 1),)]
    (summary,) = [each for step in steps for each in step.summaries]
    assert (summary.id, summary.observations, summary.class_id) == (1, 9, 1)


def test_tracks_that_end_together_are_merged_before_they_end() -> None:
    begin, both = seen((FIRST, 1, 0.8), (NEAR, 2, 0.7)), seen((FIRST, 1, 0.8), (SECOND, 2, 0.7))
    steps = play(Tracker(TrackerSettings(max_age_s=0.3)), begin, both, *[seen()] * 6)
    ended = [one for step in steps for one in step.summaries]
    assert [(one.id, one.observations, one.confirmed) for one in ended] == [(1, 2, False)]


def test_the_earlier_number_stays_where_the_later_track_is_in_sight() -> None:
    tracker = Tracker(TrackerSettings(max_age_s=0.5, min_hits=2, merge_observations=9))
    begin, both = seen((FIRST, 1, 0.8), (NEAR, 2, 0.7)), seen((FIRST, 1, 0.8), (SECOND, 2, 0.7))
    drift = [seen(((51 + 12 * k, 40, 91 + 12 * k, 80), 2, 0.7)) for k in range(1, 9)]
    steps = play(tracker, begin, both, both, *drift)
    assert steps[1].confirmed == (1, 2)
    assert [step.merged for step in steps if step.merged] == [((2, 1),)]
    assert [step.ids.tolist() for step in steps[-3:-1]] == [[1], [1]]
    (summary,) = [one for step in steps for one in step.summaries]
    assert (summary.id, summary.observations, summary.class_id) == (1, 11, 2)


def test_sums_of_a_third_track_follow_a_merge() -> None:
    overlaps = Overlaps()
    box = np.array([[0, 0, 40, 40], [0, 0, 40, 40], [0, 20, 40, 60]], np.float64)
    for _ in range(4):
        overlaps.add(np.array([1, 2, 3]), np.ones(3, bool), box, [None] * 3)
    overlaps.merge(2, 1)
    assert overlaps.shared(1, 3) == 4  # the frames that show 3 together with either
    assert overlaps.closest(0.34, {1, 3}, frames=1, near_frames=1) is None
    assert overlaps.closest(0.33, {3}, frames=1, near_frames=1) == (1, 3)
    assert overlaps.closest(0.33, {3}, frames=5, near_frames=5) is None
    assert overlaps.closest(0.33, {2}, frames=1, near_frames=1) is None


def test_things_that_pass_each_other_stay_two() -> None:
    """They overlap for a while, but not on average."""
    frames = [
        seen(((10 + 8 * k, 40, 50 + 8 * k, 80), 0, 0.8), ((150 - 8 * k, 46, 190 - 8 * k, 86), 0, 0.8))
        for k in range(19)
    ]
    steps = play(Tracker(), *frames)
    assert not any(step.merged for step in steps)
    assert len(steps[-1].summaries) == 2


def test_second_opinions_are_those_of_an_oracle() -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        found = _random(rng)
        twins = twins_of(found, np.arange(len(found)), 0.4)
        without = twins_of(_bare(found), np.arange(len(found)), 0.4)
        assert (twins >= 0).tolist() == (without >= 0).tolist() == _oracle(found)


def _random(rng: np.random.Generator) -> Instances:
    entries = []
    for _ in range(12):
        x, y = (int(value) for value in rng.integers(0, 40, 2))
        entries.append(((x, y, x + 30, y + 30), int(rng.integers(3)), float(rng.uniform(0.1, 1))))
    return seen(*entries)


def _bare(found: Instances) -> Instances:
    return Instances(found.boxes_xyxy, found.scores, found.class_ids, found.size_hw)


def _oracle(found: Instances) -> list[bool]:
    """Pixel sets, best first: True for what lies on something better that stands for itself."""
    pixels = []
    for x1, y1, x2, y2 in found.boxes_xyxy.astype(int).tolist():
        pixels.append({(x, y) for x in range(x1, x2) for y in range(y1, y2)})
    second = [False] * len(found)
    for i in sorted(range(len(found)), key=lambda each: -found.scores[each]):
        better = [j for j in range(len(found)) if found.scores[j] > found.scores[i] and not second[j]]
        second[i] = any(len(pixels[i] & pixels[j]) / len(pixels[i] | pixels[j]) > 0.4 for j in better)
    return second


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("alone", [False, True], ids=["both", "merging alone"])
def test_no_object_of_drawn_footage_is_counted_under_two_classes(seed: int, alone: bool) -> None:
    settings = TrackerSettings(duplicate_overlap=1.0) if alone else TrackerSettings()
    clip = list(footage("two classes", seed).frames())[:30]
    told = counted(clip, Tracker(settings))
    assert doubles(told) == 0
    counts = {int(each) for frame in told for each in frame.ids}
    assert len(counts) == 5
    off = TrackerSettings(duplicate_overlap=1.0, merge_overlap=1.0)
    assert doubles(counted(clip, Tracker(off))) > 2
