"""HOTA and IDF1 against TrackEval's figures, and against what can be seen by eye."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.evaluation.tracking import EvaluatedFrame, TrackingScore

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/tracking.json").read_text())


def frames_of(sequence: list[dict[str, Any]]) -> list[EvaluatedFrame]:
    return [
        EvaluatedFrame(
            np.array(frame["truth_ids"], np.int64),
            np.array(frame["ids"], np.int64),
            np.array(frame["similarity"], np.float64).reshape(len(frame["truth_ids"]), len(frame["ids"])),
        )
        for frame in sequence
    ]


def metrics(score: TrackingScore) -> dict[str, float]:
    return {"HOTA": score.hota, "DetA": score.deta, "AssA": score.assa, "IDF1": score.idf1}


def test_figures_are_trackevals() -> None:
    together = TrackingScore()
    for sequence, expected in zip(GOLDEN["sequences"], GOLDEN["figures"], strict=True):
        alone = TrackingScore()
        alone.add(frames_of(sequence))
        together.add(frames_of(sequence))
        assert metrics(alone) == pytest.approx(expected, abs=1e-9)
    assert metrics(together) == pytest.approx(GOLDEN["together"], abs=1e-9)


def test_an_identity_that_breaks_in_the_middle_is_half_kept() -> None:
    one = np.ones((1, 1))
    score = TrackingScore()
    score.add([EvaluatedFrame(np.array([1]), np.array([1 if t < 5 else 2]), one) for t in range(10)])
    # Each half agrees with 5 of the 10 frames of both identities together.
    assert (score.deta, score.assa, score.idf1) == pytest.approx((1.0, 0.5, 0.5))
    assert (score.counted, score.true, score.off) == (2, 1, 1)


def test_nothing_told_and_nothing_true_are_no_errors() -> None:
    score = TrackingScore()
    none = np.zeros(0, np.int64)
    score.add([EvaluatedFrame(np.array([1]), none, np.zeros((1, 0)))])
    score.add([EvaluatedFrame(none, none, np.zeros((0, 0)))])
    score.add([])
    assert (score.hota, score.idf1, score.true, score.counted) == (0.0, 0.0, 1, 0)
