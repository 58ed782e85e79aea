"""Before and after on held-out images, with predictions made by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from seasift.adaptation.held_out import SHARES, HeldOut, Judgement, above, chosen_share
from seasift.core.calibration import Calibration
from seasift.core.instances import Category, Instances
from seasift.core.masks import MaskCrop
from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage

SIZE = (40, 40)
CLASSES = (Category(1, "crab"), Category(2, "rov"), Category(9, "coral"))  # the last one is new
PLACES = {"crab": (2, 2), "coral": (22, 22)}
COUNT = 12


def truth() -> CocoDataset:
    """A crab and a coral, 10 px square, in each of twelve images."""
    images = tuple(CocoImage(i, f"{i}.png", SIZE) for i in range(COUNT))
    annotations = tuple(
        CocoAnnotation(
            10 * i + category,
            i,
            category,
            (*PLACES[name], 10.0, 10.0),
            100.0,
            False,
            square(*PLACES[name]).rle(SIZE),
        )
        for i in range(COUNT)
        for category, name in ((1, "crab"), (9, "coral"))
    )
    return CocoDataset(CLASSES, images, annotations)


def square(x: int, y: int) -> MaskCrop:
    bitmap = np.zeros(SIZE, bool)
    bitmap[y : y + 10, x : x + 10] = True
    return MaskCrop.from_bitmap(bitmap)


def found(*objects: tuple[int, int, int, float]) -> Instances:
    """Objects of (class_id, x, y, score)."""
    masks = tuple(square(x, y) for _, x, y, _ in objects)
    return Instances(
        np.array([mask.box_xyxy for mask in masks], np.float32).reshape(-1, 4),
        np.array([score for *_, score in objects], np.float32),
        np.array([class_id for class_id, *_ in objects], np.int64),
        SIZE,
        masks,
    )


CRAB, CORAL, FALSE_ROV = (0, 2, 2, 0.9), (2, 22, 22, 0.8), (1, 2, 22, 0.7)


def judged(by_share: Mapping[float, Instances], images: range = range(COUNT)) -> Judgement | None:
    held = HeldOut(truth(), 2, {f"{i}.png": f"{i}.png" for i in range(COUNT)}, "image", shown=(0, 3))
    for share, objects in by_share.items():
        held.add(share, dict.fromkeys(images, objects))
    return held.judge((0.5, None))


def test_the_smallest_share_that_finds_all_is_chosen() -> None:
    nothing, half, all_ = found(FALSE_ROV), found(CRAB), found(CRAB, CORAL)
    judgement = judged({0.0: nothing, 0.25: half, 0.5: all_, 0.75: all_, 1.0: half})
    assert judgement is not None
    assert judgement.by_share == {0.0: 0.0, 0.25: 0.5, 0.5: 1.0, 0.75: 1.0, 1.0: 0.5}
    assert (judgement.share, judgement.kind, judgement.helped) == (0.5, "masks", True)
    assert (judgement.ap(judgement.before), judgement.ap(judgement.after)) == (0.0, 1.0)
    assert judgement.limits["difference"] == pytest.approx([1.0, 1.0])
    rows = {row.name: row for row in judgement.rows}
    assert (rows["crab"].objects, rows["crab"].images, rows["crab"].before, rows["crab"].after) == (
        COUNT,
        COUNT,
        0,
        1,
    )
    assert (rows["coral"].new, rows["crab"].new) == (True, False)
    assert (rows["rov"].objects, rows["rov"].after, rows["rov"].detections) == (0, None, (COUNT, 0))


def test_what_the_base_model_says_of_new_classes_does_not_count() -> None:
    judgement = judged(dict.fromkeys(SHARES, found(CRAB, CORAL)))
    assert judgement is not None
    assert (judgement.by_share[0.0], judgement.by_share[0.25], judgement.share) == (0.5, 1.0, 0.25)


def test_a_base_model_that_is_best_is_kept() -> None:
    judgement = judged({0.0: found(CRAB), **dict.fromkeys(SHARES[1:], found(FALSE_ROV))})
    assert judgement is not None
    assert (judgement.share, judgement.helped) == (0.0, False)


def test_images_that_not_all_shares_have_seen_do_not_count() -> None:
    held = HeldOut(truth(), 2, {f"{i}.png": f"{i}.png" for i in range(COUNT)}, "image")
    for share in SHARES:
        held.add(share, {0: found(CRAB), 1: found(CRAB)})
    held.add(0.0, {2: found(CRAB)})
    judgement = held.judge((0.5, None))
    assert judgement is not None
    assert judgement.images == 2
    assert HeldOut(truth(), 2, {}, "image").judge((0.5, None)) is None


def test_pictures_are_kept_of_the_shown_images_only() -> None:
    held = HeldOut(truth(), 2, {}, "image", shown=(3,))
    held.add(1.0, {2: found(CRAB), 3: found(CORAL)})
    assert list(held.pictures) == [3]


def test_classes_with_few_objects_or_low_ap_ask_for_more_labels() -> None:
    judgement = judged({0.0: found(), **dict.fromkeys(SHARES[1:], found(CRAB))})
    assert judgement is not None
    assert judgement.label_more() == ["coral (AP 0.000)"]
    few = judged({0.0: found(), **dict.fromkeys(SHARES[1:], found(CRAB))}, range(3))
    assert few is not None
    assert few.label_more() == ["crab (3 labelled objects)", "coral (3 labelled objects)"]


@pytest.mark.parametrize(
    ("by_share", "share"),
    [
        ({0.0: 0.3, 0.25: 0.3, 0.5: 0.2, 0.75: 0.1, 1.0: 0.1}, 0.0),
        ({0.0: 0.1, 0.25: 0.296, 0.5: 0.3, 0.75: 0.2, 1.0: 0.2}, 0.25),
        ({0.0: 0.1, 0.25: 0.29, 0.5: 0.3, 0.75: 0.3, 1.0: 0.2}, 0.5),
        ({0.0: 0.298, 0.25: 0.297, 0.5: 0.2, 0.75: 0.2, 1.0: 0.3}, 0.0),
    ],
)
def test_the_smallest_of_shares_alike_is_chosen(by_share: dict[float, float], share: float) -> None:
    assert chosen_share(by_share) == share


def test_a_threshold_is_one_of_calibrated_scores() -> None:
    halved = Calibration(2.0, 0.0, 0.0)  # s becomes s^2 / (1 + s^2)
    assert len(above(found(CRAB, CORAL), 0.42, None)) == 2
    shown = above(found(CRAB, CORAL), 0.42, halved)
    assert shown.scores.tolist() == pytest.approx([0.81 / 1.81])
