"""A tracker that was saved goes on exactly, and does not grow."""

from __future__ import annotations

import json
from itertools import islice

import numpy as np
import pytest

from seasift.core.errors import InputError
from seasift.data.moving import footage
from seasift.tracking import Step, Tracker, TrackerSettings
from tests.tracking.scenes import STILL, boxes


def told(step: Step) -> tuple[object, ...]:
    return step.ids.tolist(), step.confirmed, step.summaries, step.votes.tolist(), step.merged


@pytest.mark.parametrize("scene", ["missed", "arm", "two classes"])
def test_a_restored_tracker_goes_on_byte_for_byte(scene: str) -> None:
    settings = TrackerSettings()
    unbroken, broken = Tracker(settings), Tracker(settings)
    for k, (frame, found) in enumerate(islice(footage(scene, 4).frames(), 24)):
        expected = unbroken.step(found, frame.image_rgb_u8, frame.time_s)
        assert told(broken.step(found, frame.image_rgb_u8, frame.time_s)) == told(expected)
        if k % 3 == 0:
            broken = Tracker.restore(settings, json.loads(json.dumps(broken.state())))
        assert json.dumps(broken.state()) == json.dumps(unbroken.state())
    assert told(broken.finish()) == told(unbroken.finish())


def test_a_state_of_a_tracker_that_saw_nothing_yet() -> None:
    settings = TrackerSettings()
    fresh = Tracker.restore(settings, json.loads(json.dumps(Tracker(settings).state())))
    assert fresh.step(boxes((4, 4, 20, 20)), STILL, 3.0).ids.tolist() == [1]


@pytest.mark.parametrize("change", [{"schema": "seasift-tracker/9"}, {"settings": {}}])
def test_a_state_of_something_else_is_refused(change: dict[str, object]) -> None:
    state = Tracker().state() | change
    with pytest.raises(InputError, match=r"saved state .* expected .* afresh"):
        Tracker.restore(TrackerSettings(), state)


def test_memory_does_not_grow_with_the_dive() -> None:
    """Objects drift through the image without end; what is kept follows how many are in sight."""
    tracker = Tracker(TrackerSettings(use_camera=False))
    sizes = []
    for k in range(600):
        indices = [((7 * k + 85 * j) % 255, 20 + 50 * j) for j in range(3)]
        tracker.step(boxes(*[(x, y, x + 30, y + 30) for x, y in indices]), STILL, 0.2 * k)
        sizes.append(len(json.dumps(tracker.state())))
    assert tracker.state()["next_id"] > 50
    assert max(sizes[300:]) < 1.1 * max(sizes[:300])
    assert np.max(sizes) < 20_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start_score": 1.5}, "start_score 1.5; expected a number from 0 to 1"),
        ({"max_age_s": -1.0}, "max_age_s -1.0; expected a number of 0 or more"),
        ({"max_age_s": float("nan")}, "max_age_s nan"),
        ({"min_hits": 0}, "min_hits 0; expected 1 or more"),
        ({"merge_overlap": -0.1}, "merge_overlap -0.1; expected a number from 0 to 1"),
        ({"merge_observations": 0}, "merge_observations 0; expected 1 or more"),
        ({"low_score": 0.5, "start_score": 0.4}, "low_score 0.5 is above start_score 0.4"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        TrackerSettings(**change)  # type: ignore[arg-type]
