"""MaxN, unique and new objects, against counting frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.modelfile.info import OperatingPointsClass, OperatingPointsEntry
from seasift.survey.counts import Cell, Sightings, Trials, index_of, interval_of, intervals_of


def test_known_recall_gives_the_negative_binomial_s_quantiles() -> None:
    sure, found = Trials(1e9, 1e9, 0.999), Trials(5e8, 1e9, 0.5)
    interval = interval_of(20, sure, found, draws=200_000)
    # N - 20 is negative binomial with 20.5 and 1/2: mean 20.5, variance 41; from its distribution function, summed.
    chance = (0.5**20.5) * np.cumprod([1.0, *((20.5 + k) / (k + 1) * 0.5 for k in range(400))])
    indices = np.searchsorted(np.cumsum(chance), [0.025, 0.5, 0.975])
    assert np.abs(np.array([interval.low, interval.estimate, interval.high]) - (20 + indices)).max() <= 1


@pytest.mark.parametrize(("precision", "recall"), [(0.9, 0.8), (0.4, 0.35), (0.7, 0.15)])
def test_intervals_hold_the_truth_as_often_as_they_say(precision: float, recall: float) -> None:
    """Nature draws what the model's record shows, what is there, what is found of it and what is false."""
    rng = np.random.default_rng(4)
    held = []
    for _ in range(400):
        there = int(rng.integers(10, 60))
        right = int(rng.binomial(there, recall))
        # So many false ones for each right one that the share of right ones is the precision.
        wrong = int(rng.negative_binomial(right, precision)) if right else 0
        found = Trials(float(rng.binomial(200, precision)), 200, precision)
        seen = Trials(float(rng.binomial(200, recall)), 200, recall)
        interval = interval_of(right + wrong, found, seen, draws=1000)
        held.append(interval.low <= there <= interval.high)
    assert 0.92 <= np.mean(held) <= 1.0


def test_less_evidence_gives_wider_intervals() -> None:
    def width(trials: float) -> int:
        interval = interval_of(30, Trials(0.8 * trials, trials, 0.8), Trials(0.5 * trials, trials, 0.5))
        return interval.high - interval.low

    assert width(10) > 1.3 * width(1000)


def entry() -> OperatingPointsEntry:
    alike = (1.0, 1.0)
    rows = [
        OperatingPointsClass(
            objects=100, videos=9, found=(80, 50), right=(60, 45), found_alike=alike, objects_alike=alike
        ),
        OperatingPointsClass(
            objects=0, videos=0, found=(0, 0), right=(0, 0), found_alike=alike, objects_alike=alike
        ),
    ]
    return OperatingPointsEntry(data="val", thresholds=(0.2, 0.5), classes=tuple(rows))


def test_takes_the_record_at_the_nearest_threshold() -> None:
    assert [index_of(entry(), threshold) for threshold in (0.2, 0.24, 0.5, 0.55)] == [0, 0, 1, 1]
    assert index_of(entry(), 0.35) is None
    assert index_of(entry(), 0.9) is None


def test_a_class_without_a_record_leans_on_all_and_is_least_sure() -> None:
    known, unknown = intervals_of({0: 12, 1: 12}, entry().classes, 0).values()
    assert abs(known.precision - 0.75) < 0.01
    assert (unknown.precision, unknown.recall) == (0.75, 0.6)
    assert unknown.high - unknown.low > 3 * (known.high - known.low)


def test_same_input_same_interval() -> None:
    assert intervals_of({0: 12}, entry().classes, 0) == intervals_of({0: 12}, entry().classes, 0)


STEP_S = 25.0  # 2 or 3 frames a minute

dives = st.lists(
    st.tuples(st.integers(0, 2), st.sets(st.integers(0, 11), min_size=1)), min_size=0, max_size=8
)


def cell_of(tracks: list[tuple[int, set[int]]], frames: list[int]) -> Cell | None:
    """The slow and obvious way, for tracks of one class and the frames of a time."""
    max_in_flight = [sum(frame in seen for _, seen in tracks) for frame in frames]
    if not any(max_in_flight):
        return None
    unique = sum(bool(seen & set(frames)) for _, seen in tracks)
    new = sum(min(seen) in frames for _, seen in tracks)
    return Cell(max(max_in_flight), frames[max_in_flight.index(max(max_in_flight))], unique, new)


@settings(max_examples=60, deadline=None)
@given(dives)
def test_counts_are_those_of_counting_by_hand(tracks: list[tuple[int, set[int]]]) -> None:
    sightings = Sightings()
    for number, (class_id, seen) in enumerate(tracks, start=1):
        sightings.add(number, class_id, [(frame, frame * STEP_S) for frame in sorted(seen)])
    counts = sightings.count()
    minutes = {frame: int(frame * STEP_S // 60) for frame in range(12)}
    for class_id in range(3):
        own = [track for track in tracks if track[0] == class_id]
        assert counts.dive.get(class_id) == cell_of(own, list(range(12)))
        for minute in range(6):
            frames = [frame for frame in range(12) if minutes[frame] == minute]
            assert counts.minutes.get((minute, class_id)) == (cell_of(own, frames) if frames else None)
    shown = {frame for _, seen in tracks for frame in seen}
    assert counts.frames.total() == len(shown)
