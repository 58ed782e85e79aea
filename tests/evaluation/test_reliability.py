"""Scores held against how often they are right."""

from __future__ import annotations

import numpy as np
import pytest

from seasift.core.calibration import Calibration
from seasift.evaluation.confusion import ClassMatches
from seasift.evaluation.reliability import fit, reliability_of


def matches(scores: list[float], right: list[bool], counted: list[bool] | None = None) -> ClassMatches:
    count = len(scores)
    rows = np.tile(np.array(right, bool), (10, 1))
    return ClassMatches(
        np.zeros(count, np.int64),
        np.array(scores, np.float64),
        rows,
        np.tile(np.array(counted or [True] * count, bool), (10, 1)),
        np.ones(1, np.int64),
    )


def test_bins_and_error_by_hand() -> None:
    one = matches([0.95, 0.92, 0.15], [True, False, False])
    two = matches([0.12, 1.0, 0.5], [True, True, True], [True, True, False])
    found = reliability_of([one, two])
    assert found["detections"] == 5
    filled = {
        each["from"]: (each["count"], each["score"], each["right"]) for each in found["bins"] if each["count"]
    }
    assert filled == {
        0.1: (2, pytest.approx(0.135), 0.5),
        0.9: (3, pytest.approx(2.87 / 3), pytest.approx(2 / 3)),
    }
    assert found["error"] == pytest.approx((2 * (0.5 - 0.135) + 3 * (2.87 / 3 - 2 / 3)) / 5)
    assert found["calibration"] is None


def test_nothing_found() -> None:
    found = reliability_of([matches([], [])])
    assert (found["detections"], found["error"], found["calibrated_error"]) == (0, None, None)
    assert reliability_of([])["detections"] == 0


@pytest.mark.parametrize(
    "truth", [Calibration(0.6, 1.8, 0.4), Calibration(2.0, 0.3, -1.0), Calibration(1, 1, 0)]
)
def test_the_calibration_that_made_the_data_is_found(truth: Calibration) -> None:
    random = np.random.default_rng(1)
    scores = random.uniform(0.05, 0.99, 60_000)
    right = random.random(60_000) < truth.apply(scores)
    found = fit(scores, right)
    assert found is not None
    grid = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(found.apply(grid), truth.apply(grid), atol=0.015)
    record = reliability_of([matches(scores.tolist(), right.tolist())])
    assert record["calibrated_error"] < 0.01
    assert record["error"] > 0.05 or truth == Calibration(1, 1, 0)


def test_scores_that_say_the_opposite_give_no_falling_calibration() -> None:
    random = np.random.default_rng(2)
    scores = random.random(2_000)
    assert fit(scores, random.random(2_000) > scores) is None


def test_too_few_to_learn_from() -> None:
    scores = np.linspace(0.1, 0.9, 99)
    assert fit(scores, scores > 0.5) is None
    scores = np.linspace(0.1, 0.9, 140)
    assert fit(scores, scores > 0.5) is not None  # perfectly separable ends, too
