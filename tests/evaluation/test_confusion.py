"""Matching without regard to class, the matrix made of it, and the worst images."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.data.coco import CocoImage
from seasift.evaluation.confusion import (
    CROWD,
    NONE,
    Confusion,
    EvaluatedImage,
    Matching,
    Truth,
    WorstImages,
    match,
    truth_of,
)
from tests.evaluation.noisy import noisy_predictions
from tests.evaluation.random_truth import random_truth
from tests.oracles import average_precision as oracle

SIZE = (40, 40)
ROV, NET = 0, 1


def scene(*objects: tuple[int, int, int, int, int, float], with_masks: bool = True) -> Instances:
    """Objects given as x1, y1, x2, y2, class_id, score; masks fill the boxes."""
    boxes = np.array([each[:4] for each in objects], np.float32).reshape(-1, 4)
    masks = tuple(MaskCrop(np.ones((y2 - y1, x2 - x1), bool), x1, y1) for x1, y1, x2, y2, *_ in objects)
    return Instances(
        boxes,
        np.array([each[5] for each in objects], np.float32),
        np.array([each[4] for each in objects], np.int64),
        SIZE,
        masks if with_masks else None,
    )


def truth(*objects: tuple[int, int, int, int, int], crowd: tuple[int, ...] = (), masks: bool = True) -> Truth:
    return Truth(
        scene(*((*each, 1.0) for each in objects), with_masks=masks),
        np.array([index in crowd for index in range(len(objects))], bool),
    )


def test_each_kind_of_outcome_lands_in_its_cell() -> None:
    there = truth(
        (0, 0, 10, 10, ROV), (20, 0, 30, 10, NET), (0, 20, 10, 30, NET), (20, 20, 39, 39, ROV), crowd=(3,)
    )
    found = scene(
        (0, 0, 10, 9, ROV, 0.9),  # right
        (0, 0, 10, 10, ROV, 0.8),  # the same again
        (20, 1, 30, 10, ROV, 0.7),  # a net taken for an rov
        (30, 12, 39, 18, NET, 0.6),  # nothing there
        (21, 21, 30, 30, ROV, 0.5),  # in the crowd
    )
    matching = match(found, there)
    assert matching.truth_index.tolist() == [0, NONE, 1, NONE, CROWD]
    assert (matching.right, matching.wrong_class, matching.spurious, matching.missed) == (1, 1, 2, 1)
    assert matching.errors == 4
    assert matching.f1 == pytest.approx(2 * 1 / (4 + 3))
    confusion = Confusion(["rov", "net"])
    confusion.add(found, there, matching)
    assert confusion.counts.tolist() == [[1, 0, 0], [1, 0, 1], [1, 1, 0]]
    assert (confusion.precision(ROV), confusion.recall(ROV)) == (1 / 3, 1)
    assert (confusion.precision(NET), confusion.recall(NET)) == (0, 0)
    assert confusion.total() == (1 / 4, 1 / 3)


def test_masks_decide_where_both_sides_have_them_else_boxes() -> None:
    thin, half = np.zeros((10, 10), bool), np.ones((10, 10), bool)
    thin[0] = True
    masked = dataclasses.replace(scene((0, 0, 10, 10, ROV, 0.9)), masks=(MaskCrop(thin, 0, 0),))
    there = truth((0, 0, 10, 10, ROV))
    assert match(masked, there).missed == 1
    assert match(dataclasses.replace(masked, masks=(MaskCrop(half, 0, 0),)), there).right == 1
    assert match(dataclasses.replace(masked, masks=None), there).right == 1
    assert match(masked, truth((0, 0, 10, 10, ROV), masks=False)).right == 1


def test_overlap_of_exactly_the_limit_matches() -> None:
    assert match(scene((0, 0, 10, 5, ROV, 0.9)), truth((0, 0, 10, 10, ROV))).right == 1
    assert match(scene((0, 0, 10, 4, ROV, 0.9)), truth((0, 0, 10, 10, ROV))).right == 0


def test_the_better_score_takes_the_object_wherever_it_stands() -> None:
    found = scene((0, 0, 10, 10, NET, 0.2), (0, 0, 10, 9, ROV, 0.8))
    assert match(found, truth((0, 0, 10, 10, ROV))).truth_index.tolist() == [NONE, 0]


def test_nothing_found_and_nothing_there() -> None:
    empty = Instances.empty(SIZE)
    assert match(empty, truth()).f1 is None
    assert match(empty, truth((0, 0, 9, 9, NET))).f1 == 0
    assert match(scene((0, 0, 9, 9, NET, 0.5)), truth()).spurious == 1
    confusion = Confusion(["rov", "net"])
    assert confusion.total() == (None, None)
    assert confusion.precision(ROV) is None


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_matching_is_that_of_plain_loops(seed: int) -> None:
    dataset = random_truth(seed, images=2, objects=5, side=40)
    confusion = Confusion([category.name for category in dataset.categories])
    uncounted = 0
    for image, found in zip(dataset.images, noisy_predictions(dataset, seed).values(), strict=True):
        there = truth_of(dataset, image)
        matching = match(found, there)
        assert matching.truth_index.tolist() == plain_match(found, there)
        confusion.add(found, there, matching)
        uncounted += int(np.sum(matching.truth_index == CROWD))
    singles = [a.category_id for a in dataset.annotations if not a.iscrowd]
    counted = [singles.count(category.id) for category in dataset.categories]
    assert confusion.counts.sum(axis=1).tolist()[:-1] == counted
    founds = sum(len(found) for found in noisy_predictions(dataset, seed).values())
    assert confusion.counts[:, :-1].sum() == founds - uncounted


def plain_match(found: Instances, there: Truth) -> list[int]:
    def pixels(each: Instances) -> list[frozenset[tuple[int, int]]]:
        bitmaps = [mask.bitmap(each.size_hw) for mask in each.masks or ()]
        return [frozenset(map(tuple, np.argwhere(bitmap).tolist())) for bitmap in bitmaps]

    own, single, crowds = pixels(found), pixels(there.single), pixels(there.objects.take(there.crowd))
    result, free = [NONE] * len(own), set(range(len(single)))
    for index in sorted(range(len(own)), key=lambda index: -float(found.scores[index])):
        best = max(sorted(free), key=lambda t: oracle.overlap(own[index], single[t], False), default=None)
        if best is not None and oracle.overlap(own[index], single[best], False) >= 0.5:
            result[index] = best
            free.remove(best)
        elif any(oracle.overlap(own[index], crowd, True) >= 0.5 for crowd in crowds):
            result[index] = CROWD
    return result


def evaluated(name: str, right: int, wrong_class: int, spurious: int, missed: int) -> EvaluatedImage:
    matching = Matching(np.zeros(0, np.int64), right, wrong_class, spurious, missed)
    return EvaluatedImage(CocoImage(1, name, SIZE), truth(), Instances.empty(SIZE), matching)


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_worst_images_in_order_whatever_came_first(size: int) -> None:
    images = [
        evaluated("one missed, none right", 0, 0, 0, 1),
        evaluated("three errors, none right", 0, 1, 1, 1),
        evaluated("one right, one missed", 1, 0, 0, 1),
        evaluated("perfect", 3, 0, 0, 0),
        evaluated("empty", 0, 0, 0, 0),
    ]
    expected = ["three errors, none right", "one missed, none right", "one right, one missed"][:size]
    for order in itertools.permutations(images):
        worst = WorstImages(size)
        for image in order:
            worst.add(image)
        assert [each.image.file_name for each in worst.worst_first()] == expected
    alike = WorstImages(2)
    for name in ("first", "second", "third"):
        alike.add(evaluated(name, 0, 0, 0, 1))
    assert [each.image.file_name for each in alike.worst_first()] == ["first", "second"]
    none = WorstImages(0)
    none.add(images[0])
    assert none.worst_first() == []


def test_truth_keeps_masks_and_places() -> None:
    dataset = random_truth(4)
    for image in dataset.images:
        there = truth_of(dataset, image)
        for index, annotation in enumerate(dataset.annotations_of(image.id)):
            x, y, width, height = annotation.bbox_xywh
            assert there.objects.boxes_xyxy[index].tolist() == [x, y, x + width, y + height]
            assert dataset.categories[there.objects.class_ids[index]].id == annotation.category_id
            assert there.crowd[index] == annotation.iscrowd
            assert there.objects.masks is not None
            assert there.objects.masks[index].rle(image.size_hw) == annotation.segmentation
        assert len(there.single) == np.sum(~there.crowd)
