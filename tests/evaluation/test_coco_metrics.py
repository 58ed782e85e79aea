"""Our figures against pycocotools and against a plain-Python oracle."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from seasift.core.errors import DatasetError
from seasift.core.instances import Category, Instances
from seasift.data.coco import CocoDataset, read_coco
from seasift.evaluation.coco_metrics import LINE, Metrics, Results, evaluate, map_categories
from tests.evaluation.noisy import noisy_predictions
from tests.evaluation.random_truth import random_truth
from tests.oracles import average_precision as oracle

SIZES = {"": (0, 1e10), "s": (0, 32**2), "m": (32**2, 96**2), "l": (96**2, 1e10)}


def peer_line(truth: CocoDataset, results: list[dict[str, Any]], iou_type: str) -> dict[str, float | None]:
    """The 12 lines of pycocotools' own summary."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = json.loads(json.dumps(truth.to_json()))
        coco.createIndex()
        peer = COCOeval(coco, coco.loadRes(copy.deepcopy(results)), iou_type)
        peer.evaluate()
        peer.accumulate()
        peer.summarize()
    return {key: None if value == -1 else float(value) for key, value in zip(LINE, peer.stats, strict=True)}


def assert_equal(ours: dict[str, float | None], peer: dict[str, float | None]) -> None:
    assert set(ours) == set(peer)
    for key in peer:
        if peer[key] is None or ours[key] is None:
            assert ours[key] is peer[key], key
        else:
            assert ours[key] == pytest.approx(peer[key], abs=1e-12, rel=0), key


def hold_to_peer(truth: CocoDataset, found: dict[int, Instances]) -> Metrics:
    """All 24 figures over all classes, and 24 of each class, against pycocotools."""
    metrics = evaluate(truth, found, truth.categories)
    results = Results([category.id for category in truth.categories])
    for image in truth.images:
        results.add(image, found[image.id])
    for kind, iou_type in (("boxes", "bbox"), ("masks", "segm")):
        entries = results.of_kind(kind)
        assert_equal(getattr(metrics, kind), peer_line(truth, entries, iou_type))
        for category in truth.categories:
            alone = [entry for entry in entries if entry["category_id"] == category.id]
            if alone:
                one = CocoDataset(
                    (category,),
                    truth.images,
                    tuple(a for a in truth.annotations if a.category_id == category.id),
                )
                assert_equal(metrics.per_class[category.name][kind], peer_line(one, alone, iou_type))
    return metrics


@pytest.mark.parametrize("seed", range(4))
def test_all_figures_equal_pycocotools_on_the_synthetic_set(synthetic: Path, seed: int) -> None:
    truth = read_coco(synthetic)
    assert any(annotation.iscrowd for annotation in truth.annotations)
    metrics = hold_to_peer(truth, noisy_predictions(truth, seed))
    assert 0.02 < (metrics.masks["AP"] or 0) < 0.98


def test_all_figures_equal_pycocotools_on_a_slice_of_trashcan(trashcan_zip: Path) -> None:
    truth = trashcan_slice(trashcan_zip, 60)
    assert len({annotation.category_id for annotation in truth.annotations}) > 8
    metrics = hold_to_peer(truth, noisy_predictions(truth, 0))
    for kind in ("boxes", "masks"):
        assert all(getattr(metrics, kind)[size] is not None for size in ("APs", "APm", "APl"))


def trashcan_slice(archive: Path, count: int) -> CocoDataset:
    """Images of the published instance validation list, evenly spaced."""
    with zipfile.ZipFile(archive) as file:
        (name,) = (
            name for name in file.namelist() if name.endswith("instance_version/instances_val_trashcan.json")
        )
        truth = read_coco(name, file.read(name))
    step = len(truth.images) // count
    return truth.subset([image.file_name for image in truth.images[::step][:count]])


@pytest.mark.parametrize("seed", range(6))
def test_all_figures_equal_pycocotools_on_random_truth(seed: int) -> None:
    truth = random_truth(seed, images=6, objects=9)
    metrics = hold_to_peer(truth, noisy_predictions(truth, seed, extra=4))
    assert metrics.per_class["never there"] == {
        "objects": 0,
        "boxes": dict.fromkeys(LINE),
        "masks": dict.fromkeys(LINE),
    }


def test_more_than_a_hundred_detections_of_a_image() -> None:
    truth = random_truth(3, images=2, objects=4)
    found = noisy_predictions(truth, 1, extra=350)
    assert max(len(each) for each in found.values()) > 200
    hold_to_peer(truth, found)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=12, deadline=None)
def test_figures_are_those_of_the_definition(seed: int) -> None:
    truth = random_truth(seed, images=3, objects=4, side=40)
    found = noisy_predictions(truth, seed)
    metrics = evaluate(truth, found, truth.categories)
    for kind in ("boxes", "masks"):
        for category in truth.categories:
            expected = line_by_definition(truth, found, category, kind)
            assert_equal(metrics.per_class[category.name][kind], expected)


def line_by_definition(
    truth: CocoDataset, found: dict[int, Instances], category: Category, kind: str
) -> dict[str, float | None]:
    truths, founds = as_oracle(truth, found, kind)
    ious, recalls = np.linspace(0.5, 0.95, 10).tolist(), np.linspace(0, 1, 101).tolist()

    def mean(which: str, size: str, limit: int, at: list[float]) -> float | None:
        low, high = SIZES[size]
        values: list[float] = []
        for iou in at:
            both = oracle.precision_and_recall(
                truths,
                founds,
                images=[image.id for image in truth.images],
                category=category.id,
                iou=iou,
                recalls=recalls,
                counts=lambda area: low <= area <= high,
                limit=limit,
            )
            if both is None:
                return None
            values += both[0] if which == "AP" else [both[1]]
        return math.fsum(values) / len(values)

    line = {f"AP{size}": mean("AP", size, 100, ious) for size in SIZES}
    line |= {"AP50": mean("AP", "", 100, ious[:1]), "AP75": mean("AP", "", 100, ious[5:6])}
    line |= {f"AR{limit}": mean("AR", "", limit, ious) for limit in (1, 10, 100)}
    return line | {f"AR{size}": mean("AR", size, 100, ious) for size in ("s", "m", "l")}


def as_oracle(
    truth: CocoDataset, found: dict[int, Instances], kind: str
) -> tuple[list[oracle.Truth], list[oracle.Found]]:
    truths, founds = [], []
    for image in truth.images:
        for a in truth.annotations_of(image.id):
            x, y, width, height = a.bbox_xywh
            shape = (
                (x, y, x + width, y + height)
                if kind == "boxes"
                else pixels(a.mask(image.size_hw).bitmap(image.size_hw))
            )
            truths.append(oracle.Truth(image.id, a.category_id, shape, a.area, a.iscrowd))
        each = found[image.id]
        assert each.masks is not None
        for index, mask in enumerate(each.masks):
            box = tuple(each.boxes_xyxy[index].tolist())
            shape = box if kind == "boxes" else pixels(mask.bitmap(image.size_hw))
            category_id = truth.categories[int(each.class_ids[index])].id
            score = float(each.scores[index])
            founds.append(oracle.Found(image.id, category_id, shape, oracle.size_of(shape), score))
    return truths, founds


def pixels(bitmap: Any) -> frozenset[tuple[int, int]]:
    return frozenset(map(tuple, np.argwhere(bitmap).tolist()))


def test_perfect_predictions_get_one_and_none_get_nought() -> None:
    truth = random_truth(1)
    truth = CocoDataset(truth.categories, truth.images, tuple(a for a in truth.annotations if not a.iscrowd))
    perfect = {}
    for image in truth.images:
        masks = tuple(a.mask(image.size_hw) for a in truth.annotations_of(image.id))
        classes = [[2, 5, 9].index(a.category_id) for a in truth.annotations_of(image.id)]
        perfect[image.id] = Instances(
            np.array([mask.box_xyxy for mask in masks], np.float32).reshape(-1, 4),
            np.linspace(1, 0.5, len(masks), dtype=np.float32),
            np.array(classes, np.int64),
            image.size_hw,
            masks,
        )
    metrics = evaluate(truth, perfect, truth.categories)
    assert metrics.boxes["AP"] == metrics.masks["AP"] == metrics.masks["AR100"] == 1
    nothing = evaluate(truth, {}, truth.categories)
    assert nothing.boxes["AP"] == nothing.masks["AP"] == 0
    assert nothing.per_class["never there"]["masks"]["AP"] is None


def test_classes_of_other_ids_and_order_are_mapped_by_name() -> None:
    truth = random_truth(2)
    found = noisy_predictions(truth, 2)
    expected = evaluate(truth, found, truth.categories)
    shuffled = (Category(70, "never there"), Category(71, "net"), Category(72, "rov"))
    back = np.array([1, 2, 0])
    renamed = {
        key: Instances(each.boxes_xyxy, each.scores, back[each.class_ids], each.size_hw, each.masks)
        for key, each in found.items()
    }
    assert evaluate(truth, renamed, shuffled).per_class == expected.per_class


def test_other_classes_are_refused_and_listed() -> None:
    truth = random_truth(2)
    own = (Category(2, "net"), Category(5, "crab"), Category(9, "never there"))
    with pytest.raises(DatasetError, match=r"only the model has crab; only the data has rov"):
        evaluate(truth, {}, own)
    with pytest.raises(DatasetError, match="several categories named 'net'"):
        map_categories(own, (Category(1, "net"), Category(2, "net"), Category(3, "crab")))
    with pytest.raises(DatasetError, match="4 classes are not the data's 3"):
        map_categories((*truth.categories, Category(77, "net")), truth.categories)


def test_predictions_for_unknown_images_are_refused() -> None:
    truth = random_truth(2)
    with pytest.raises(DatasetError, match=r"1 unknown images \(first id 99\)"):
        evaluate(truth, {99: Instances.empty((4, 4))}, truth.categories)


def test_without_masks_on_either_side_only_boxes_are_evaluated() -> None:
    truth = random_truth(5)
    found = noisy_predictions(truth, 5)
    expected = evaluate(truth, found, truth.categories)
    bare = {
        key: Instances(each.boxes_xyxy, each.scores, each.class_ids, each.size_hw)
        for key, each in found.items()
    }
    metrics = evaluate(truth, bare, truth.categories)
    assert metrics.boxes == expected.boxes
    assert metrics.masks == dict.fromkeys(LINE)
