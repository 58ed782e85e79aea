"""Weighted AP against COCO's on the same images and on literally repeated ones; draws and intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seasift.core.instances import Instances
from seasift.data.coco import CocoDataset
from seasift.evaluation.coco_metrics import KINDS, Metrics, Results, metrics_of
from seasift.evaluation.confusion import image_names, matches_of
from seasift.evaluation.intervals import draw_weights, group_names, interval, resampled
from tests.evaluation.noisy import noisy_predictions
from tests.evaluation.random_truth import random_truth
from tests.evaluation.test_coco_metrics import peer_line


def distinct(found: dict[int, Instances], seed: int) -> dict[int, Instances]:
    """Other scores: no two of an image are equal, many of different images are."""
    rng = np.random.default_rng(seed)
    changed = {}
    for key, each in found.items():
        scores = np.sort(rng.choice(np.arange(1, 80), len(each), replace=False) / 80)[::-1]
        changed[key] = replace(each, scores=scores.astype(np.float32))
    return changed


def results_of(truth: CocoDataset, found: dict[int, Instances]) -> Results:
    results = Results([category.id for category in truth.categories])
    for image in truth.images:
        results.add(image, found[image.id])
    return results


def repeated(
    truth: CocoDataset, found: dict[int, Instances], times: list[int]
) -> tuple[CocoDataset, dict[int, Instances]]:
    """Each image so many times, copies side by side."""
    images, annotations, copies = [], [], {}
    for image, count in zip(sorted(truth.images, key=lambda image: image.id), times, strict=True):
        for copy in range(count):
            own = replace(image, id=100 * image.id + copy)
            images.append(own)
            copies[own.id] = found[image.id]
            for annotation in truth.annotations_of(image.id):
                annotations.append(replace(annotation, id=len(annotations) + 1, image_id=own.id))
    return CocoDataset(truth.categories, tuple(images), tuple(annotations)), copies


def assert_as(truth: CocoDataset, entries: list[dict[str, Any]], times: list[int], expected: Metrics) -> None:
    """Overall and of each class, for both kinds, to 1e-9."""
    for kind in KINDS:
        classes = matches_of(truth, entries, kind)
        assert classes is not None
        outcome = resampled(classes, np.array([times]))
        for figure, values in outcome.overall.items():
            line = getattr(expected, kind)[figure]
            assert (np.nan if line is None else line) == pytest.approx(values[0], abs=1e-9, nan_ok=True)
        for row, value in zip(expected.per_class.values(), outcome.per_class[0], strict=True):
            line = row[kind]["AP"]
            assert (np.nan if line is None else line) == pytest.approx(value, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("seed", range(6))
def test_weights_of_one_give_the_figures_of_the_report(seed: int) -> None:
    truth = random_truth(seed, images=6, objects=9)
    assert any(annotation.iscrowd for annotation in truth.annotations)
    results = results_of(truth, noisy_predictions(truth, seed, extra=4))  # ties inside images, too
    assert_as(truth, results.entries, [1] * 6, metrics_of(truth, results))


@pytest.mark.parametrize("seed", range(8))
def test_weights_count_like_repeated_images(seed: int) -> None:
    truth = random_truth(seed, images=6, objects=9)
    found = distinct(noisy_predictions(truth, seed, extra=4), seed)
    times = np.random.default_rng(seed).integers(0, 4, 6).tolist()
    more, copies = repeated(truth, found, times)
    expected = metrics_of(more, results_of(more, copies))
    assert_as(truth, results_of(truth, found).entries, times, expected)


def test_repeated_images_with_pycocotools() -> None:
    truth = random_truth(4, images=5, objects=8)
    found = distinct(noisy_predictions(truth, 4), 4)
    times = [2, 0, 3, 1, 2]
    more, copies = repeated(truth, found, times)
    entries, results = results_of(truth, found).entries, results_of(more, copies)
    for kind, iou_type in KINDS.items():
        peer = peer_line(more, results.of_kind(kind), iou_type)
        classes = matches_of(truth, entries, kind)
        assert classes is not None
        for figure, values in resampled(classes, np.array([times])).overall.items():
            assert values[0] == pytest.approx(peer[figure], abs=1e-9)


def test_many_rows_at_once_are_those_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = random_truth(7, images=6, objects=9)
    classes = matches_of(truth, results_of(truth, noisy_predictions(truth, 7)).entries, "masks")
    assert classes is not None
    weights = draw_weights(["a", "a", "b", "c", "d", "d"], 40, 1)
    whole = resampled(classes, weights)
    monkeypatch.setattr("seasift.evaluation.intervals._CELLS", 50)
    parts = resampled(classes, weights)
    single = np.concatenate([resampled(classes, weights[[row]]).per_class for row in range(40)])
    np.testing.assert_array_equal(whole.per_class, single)
    np.testing.assert_array_equal(whole.per_class, parts.per_class)


def test_a_class_missing_from_a_draw_is_left_out_of_its_mean() -> None:
    truth = random_truth(1, images=6, objects=9)
    only = truth.images[0].id
    keep = tuple(a for a in truth.annotations if a.category_id != 5 or a.image_id == only)
    truth = CocoDataset(truth.categories, truth.images, keep)
    assert any(a.category_id == 5 and not a.iscrowd for a in keep)
    classes = matches_of(truth, results_of(truth, noisy_predictions(truth, 1)).entries, "boxes")
    assert classes is not None
    outcome = resampled(classes, np.array([[1] * 6, [0, 1, 1, 1, 1, 1], [0] * 6]))
    net, rov, never = outcome.per_class.T
    assert np.isnan(never).all()
    assert np.isnan(rov).tolist() == [False, True, True]
    assert outcome.overall["AP"][0] == pytest.approx((net[0] + rov[0]) / 2)
    assert outcome.overall["AP"][1] == pytest.approx(net[1])
    assert np.isnan(outcome.overall["AP"][2])


def test_nothing_found_is_nought_and_without_masks_there_are_none() -> None:
    truth = random_truth(2, images=6, objects=9)
    classes = matches_of(truth, [], "boxes")
    assert classes is not None
    assert resampled(classes, np.ones((2, 6), np.int64)).overall["AP"].tolist() == [0, 0]
    entries = results_of(truth, noisy_predictions(truth, 2)).entries
    assert (
        matches_of(
            truth, [{**entries[0]}, {k: entries[1][k] for k in entries[1] if k != "segmentation"}], "masks"
        )
        is None
    )
    bare = tuple(replace(a, segmentation=None) for a in truth.annotations)
    assert matches_of(CocoDataset(truth.categories, truth.images, bare), [], "masks") is None


def test_videos_are_drawn_whole_and_as_many_as_there_are() -> None:
    groups = ["v1", "v2", "v1", "v3", "v3", "v3", "v4"]
    weights = draw_weights(groups, 300, 5)
    assert weights.shape == (300, 7)
    for group in set(groups):
        own = weights[:, [name == group for name in groups]]
        assert (own == own[:, :1]).all()
    firsts = weights[:, [groups.index(group) for group in ("v1", "v2", "v3", "v4")]]
    assert (firsts.sum(axis=1) == 4).all()
    assert firsts.mean(axis=0) == pytest.approx([1, 1, 1, 1], abs=0.2)
    np.testing.assert_array_equal(weights, draw_weights(groups, 300, 5))
    assert (weights != draw_weights(groups, 300, 6)).any()


def test_more_frames_of_the_same_videos_do_not_narrow_an_interval() -> None:
    truth = random_truth(3, images=9, objects=7)
    found = distinct(noisy_predictions(truth, 3), 3)
    few = matches_of(truth, results_of(truth, found).entries, "boxes")
    more, copies = repeated(truth, found, [4] * 9)
    many = matches_of(more, results_of(more, copies).entries, "boxes")
    assert few is not None
    assert many is not None
    videos = [str(image.id // 100) for image in more.images]
    wide = interval(resampled(few, draw_weights([str(index) for index in range(9)], 400, 0)).overall["AP"])
    same = interval(resampled(many, draw_weights(sorted(videos), 400, 0)).overall["AP"])
    pretended = interval(resampled(many, draw_weights([str(n) for n in range(36)], 400, 0)).overall["AP"])
    assert wide
    assert pretended
    assert same == pytest.approx(wide, abs=1e-12)
    assert pretended[1] - pretended[0] < 0.7 * (wide[1] - wide[0])


def test_groups_come_from_the_pattern_or_are_single() -> None:
    names = ["vid_7_frame1.jpg", "vid_7_frame2.jpg", "odd.jpg", "vid_8_frame1.jpg"]
    assert group_names(names, r"vid_(\d+)_frame") == ["7", "7", "odd.jpg", "8"]
    assert group_names(names, r"vid_\d+") == ["vid_7", "vid_7", "odd.jpg", "vid_8"]
    assert group_names(names, None) == names
    assert image_names(random_truth(1))[:2] == ["image 0.png", "image 1.png"]


def test_an_interval_is_of_the_middle_95_percent() -> None:
    assert interval(np.arange(1001.0)) == pytest.approx([25, 975])
    assert interval(np.array([1.0, np.nan, 3.0, 2.0])) == pytest.approx([1.05, 2.95])
    assert interval(np.array([1.0, np.nan, np.nan])) is None
