"""Calibrated scores."""

from __future__ import annotations

import numpy as np
import pytest

from seasift.core.calibration import Calibration


def test_ones_and_zero_change_nothing() -> None:
    scores = np.linspace(0.001, 0.999, 50, dtype=np.float32)
    np.testing.assert_allclose(Calibration(1, 1, 0).apply(scores), scores, rtol=1e-5)


def test_the_published_formula_by_hand() -> None:
    a, b, c, score = 0.5, 2.0, -1.0, 0.8
    odds = np.exp(c) * score**a / (1 - score) ** b
    (got,) = Calibration(a, b, c).apply(np.array([score], np.float32))
    assert got == pytest.approx(odds / (1 + odds), rel=1e-6)


@pytest.mark.parametrize(
    "calibration", [Calibration(0.3, 2, 1), Calibration(2, 0, -3), Calibration(0, 1, 0.5)]
)
def test_order_stays_and_a_threshold_finds_its_way_back(calibration: Calibration) -> None:
    scores = np.random.default_rng(0).random(1000).astype(np.float32)
    scores[:2] = 0, 1
    after = calibration.apply(scores)
    assert np.isfinite(after).all()
    assert (np.diff(after[np.argsort(scores)]) >= 0).all()
    for probability in (0.1, 0.5, 0.9):
        raw = calibration.invert(probability)
        assert ((scores > raw) == (after > probability)).mean() > 0.998  # but for rounding at the very edge
    assert calibration.invert(0.0) == 0.0


@pytest.mark.parametrize("wrong", [(-0.1, 1, 0), (0, 0, 0), (1, 1, float("nan"))])
def test_what_would_not_rise_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="does not rise"):
        Calibration(*wrong)
