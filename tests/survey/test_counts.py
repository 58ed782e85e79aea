"""MaxN, unique and new objects, against counting frame by frame."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.survey.counts import Cell, Sightings

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
