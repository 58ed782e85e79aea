"""Thresholds of the roll-up against trying every threshold, and on detections whose chances are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.core.boxes import class_agnostic_nms
from seasift.core.instances import Category, Instances
from seasift.core.rollup import LEVELS, RollUp
from seasift.data.coco import CocoDataset
from seasift.evaluation.confusion import overlaps, truth_of
from seasift.evaluation.intervals import draw
from seasift.evaluation.reliability import (
    FEWEST_NAMED,
    PROBABILITIES,
    Named,
    fit_rollup,
    level_shares,
    rollup_record,
)
from tests.evaluation.noisy import noisy_predictions
from tests.evaluation.test_levels import CLASSES, _truth

_ROWS = st.lists(
    st.tuples(*[st.integers(0, 12)] * 3, *[st.integers(0, 4)] * 3), min_size=0, max_size=3 * FEWEST_NAMED
)


@settings(max_examples=150, deadline=None)
@given(_ROWS, st.sampled_from(PROBABILITIES))
def test_thresholds_are_the_lowest_that_keep_the_promise(
    rows: list[tuple[int, ...]], probability: float
) -> None:
    scores = np.array([row[:3] for row in rows], np.float32).reshape(-1, 3) / 16
    right = np.array([row[3:] for row in rows]).reshape(-1, 3) > 0
    found = fit_rollup(scores, right, probability)
    left = list(range(len(rows)))
    for level, threshold in enumerate((found.by_class, found.by_supercategory, found.by_object)):
        kept = 1.0
        for each in sorted({float(scores[index, level]) for index in left}):
            named = [index for index in left if scores[index, level] >= each]
            share = sum(bool(right[index, level]) for index in named) / len(named)
            if len(named) >= FEWEST_NAMED and share >= probability:
                kept = each
                break
        assert threshold == kept
        left = [index for index in left if scores[index, level] < kept]


def test_on_new_detections_each_level_is_right_as_often_as_it_says() -> None:
    def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        true = np.sort(rng.random((60_000, 3)), axis=1)  # the coarser, the likelier
        return true.astype(np.float32), rng.random(60_000)[:, None] < true

    thresholds = fit_rollup(*drawn(0), 0.8)
    rows = level_shares(*drawn(1), thresholds)
    assert sum(row["count"] for row in rows.values()) > 5_000
    for row in rows.values():
        assert row["count"] > 500
        assert row["right"] == pytest.approx(0.8, abs=0.03)


def test_what_is_right_at_each_level() -> None:
    truth = _truth(2)
    groups = [name.partition("_")[0] for name in CLASSES]
    found = noisy_predictions(truth, 2, extra=4)
    named = Named(truth.categories)
    counts = np.zeros(3, int)
    for image in truth.images:
        own = _with_scores(found[image.id], truth)
        here = truth_of(truth, image)
        named.add(own, here)
        once = class_agnostic_nms(own)
        shared = overlaps(once, here.single, crowd=False)
        free = set(range(len(here.single)))
        for index in np.argsort(-once.scores, kind="stable"):
            best = max(free, key=lambda other: shared[index, other], default=None)
            if best is None or shared[index, best] < 0.5:
                continue
            free.remove(best)
            class_id, true_id = int(once.class_ids[index]), int(here.single.class_ids[best])
            counts += [class_id == true_id, groups[class_id] == groups[true_id], True]
    scores, right = named.arrays()
    assert right.sum(axis=0).tolist() == counts.tolist()
    assert counts[0] < counts[1] < counts[2] < len(scores)
    record = rollup_record(named, RollUp(0.5, 0.4, 0.3))
    assert [each["probability"] for each in record["fitted"]] == list(PROBABILITIES)
    assert set(record["own"]["levels"]) == set(LEVELS)
    assert rollup_record(Named((Category(1, "rov"),)), None)["own"] is None


def _with_scores(found: Instances, truth: CocoDataset) -> Instances:
    """All of an object's score is its class's."""
    rows = np.zeros((len(found), len(truth.categories)), np.float32)
    rows[np.arange(len(found)), found.class_ids] = found.scores
    return replace(found, class_scores=rows)


def test_detections_by_supercategory_are_those_of_a_hand() -> None:
    truth = _truth(3)
    groups = {"trash": "trash", "animal": "animal", "rov": "vehicle"}
    group_of = [groups[name.partition("_")[0]] for name in CLASSES]
    found = noisy_predictions(truth, 3, extra=4)
    named = Named(truth.categories)
    rows: dict[str, list[tuple[int, float, bool]]] = {name: [] for name in groups.values()}
    objects = dict.fromkeys(groups.values(), 0)
    ids = [image.id for image in truth.images][::-1]  # images need not come in the order of their ids
    for image in reversed(truth.images):
        number = sorted(ids).index(image.id)
        own, here = _with_scores(found[image.id], truth), truth_of(truth, image)
        named.add(own, here)
        once = class_agnostic_nms(own)
        shared = overlaps(once, here.single, crowd=False)
        in_crowd = overlaps(once, here.objects.take(here.crowd), crowd=True)
        free = set(range(len(here.single)))
        for index in np.argsort(-once.scores, kind="stable"):
            name = group_of[int(once.class_ids[index])]
            best = max(free, key=lambda other: shared[index, other], default=None)
            if best is not None and shared[index, best] >= 0.5:
                free.remove(best)
                right = name == group_of[int(here.single.class_ids[best])]
                rows[name].append((number, float(once.scores[index]), right))
            elif not (in_crowd[index] >= 0.5).any():
                rows[name].append((number, float(once.scores[index]), False))
        for class_id in here.single.class_ids.tolist():
            objects[group_of[class_id]] += 1
    for name, matches in named.by_supercategory(ids).items():
        values = (matches.image.tolist(), matches.scores.tolist(), matches.right[0].tolist())
        assert sorted(zip(*values, strict=True)) == [
            (image, pytest.approx(score), right) for image, score, right in sorted(rows[name])
        ]
        assert matches.scores.tolist() == sorted(matches.scores.tolist(), reverse=True)
        assert int(matches.objects.sum()) == objects[name]
        assert len(matches.objects) == len(truth.images)
    assert all(rows.values())


def test_the_interval_of_a_level_is_over_the_groups() -> None:
    truth = _truth(2)
    found = noisy_predictions(truth, 2, extra=4)
    named, groups = Named(truth.categories), {}
    for image in reversed(truth.images):
        named.add(_with_scores(found[image.id], truth), truth_of(truth, image))
        groups[image.file_name] = f"dive {image.id % 3}"
    ids = [image.id for image in reversed(truth.images)]
    draws = draw(truth, None, 200, 0, groups)
    thresholds = RollUp(0.6, 0.4, 0.2)
    own = rollup_record(named, thresholds, ids=ids, draws=draws)["own"]
    by_id = sorted(truth.images, key=lambda image: image.id)
    for level, name in enumerate(LEVELS):
        shares = []
        for weights in draws.weights[1:]:
            times = {image.id: int(weight) for image, weight in zip(by_id, weights, strict=True)}
            hits = total = 0
            for image_id, scores, right in zip(ids, named.scores, named.right, strict=True):
                for row, correct in zip(scores, right, strict=True):
                    reached = [
                        value >= np.float32(least) for value, least in zip(row, (0.6, 0.4, 0.2), strict=True)
                    ]
                    if any(reached) and reached.index(True) == level:
                        hits, total = hits + times[image_id] * correct[level], total + times[image_id]
            if total:
                shares.append(hits / total)
        assert own["levels"][name]["interval"] == pytest.approx(np.quantile(shares, [0.025, 0.975]).tolist())
    assert rollup_record(named, thresholds)["own"]["levels"]["class"].get("interval") is None
