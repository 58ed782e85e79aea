"""Counts of right and wrong at thresholds, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from seasift.evaluation.confusion import ClassMatches
from seasift.evaluation.reliability import design_effect, operating_points_of


def matches() -> ClassMatches:
    scores = np.array([0.9, 0.8, 0.5, 0.3, 0.1])
    right = np.zeros((10, 5), bool)
    right[0] = [True, False, True, True, True]
    counted = np.ones((10, 5), bool)
    counted[0, 1] = False  # in a crowd
    return ClassMatches(np.array([0, 0, 1, 2, 2]), scores, right, counted, np.array([2, 1, 3]))


def test_counts_are_those_of_a_hand() -> None:
    counting = operating_points_of([matches()], ["a", "a", "b"], lowest=0.25)
    (row,) = counting["classes"]
    assert counting["thresholds"][0] == 0.25
    assert (row["objects"], row["videos"]) == (6, 2)
    at = counting["thresholds"].index
    assert (row["found"][at(0.3)], row["right"][at(0.3)]) == (3, 3)
    assert (row["found"][at(0.6)], row["right"][at(0.6)]) == (1, 1)


def test_images_that_repeat_each_other_count_once() -> None:
    """Each video shows one image m times: the counts say as much as 1/m of them."""
    rng = np.random.default_rng(1)
    right = rng.binomial(1, 0.4, 300).astype(float)
    once = design_effect(right, np.ones(300))
    assert once == pytest.approx(1.0, abs=0.01)
    assert design_effect(8 * right, np.full(300, 8.0)) == pytest.approx(8.0, abs=0.05)


def test_independent_images_count_fully() -> None:
    rng = np.random.default_rng(2)
    assert design_effect(rng.binomial(10, 0.3, 2000).astype(float), np.full(2000, 10.0)) < 1.1


def test_where_nothing_can_be_told_a_video_counts_once() -> None:
    assert design_effect(np.array([5.0, 7.0]), np.array([5.0, 7.0])) == 6.0
    assert design_effect(np.array([2.0]), np.array([5.0])) == 5.0
    assert design_effect(np.zeros(3), np.zeros(3)) == 1.0
