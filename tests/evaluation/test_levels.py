"""Supercategories, any object and triage, against pycocotools on other categories and slow, obvious oracles."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.core.errors import InputError
from seasift.core.files import write_json
from seasift.core.instances import Category
from seasift.data.coco import CocoDataset
from seasift.data.prepared import open_prepared
from seasift.evaluation.compare import CompareSettings as CompareSettings
from seasift.evaluation.compare import compare
from seasift.evaluation.compare_page import render_markdown, render_page, tables
from seasift.evaluation.confusion import image_names, matches_of
from seasift.evaluation.document import Evaluation
from seasift.evaluation.intervals import Draws, draw, draw_weights, resampled, unit_names
from seasift.evaluation.levels import FIGURES, evaluate_levels, levels_of, triage, triage_of
from seasift.evaluation.runs import read_record, read_runs
from seasift.evaluation.tables import level_table, triage_table
from tests.evaluation.evaluated_folders import evaluated, prepared
from tests.evaluation.noisy import noisy_predictions
from tests.evaluation.random_truth import random_truth
from tests.evaluation.test_bootstrap import results_of
from tests.evaluation.test_coco_metrics import assert_equal, peer_line

CLASSES = ("trash_bag", "rov", "trash_net", "animal_fish", "animal_etc", "trash_tarp")
SUPER = {"trash_bag": 1, "trash_net": 1, "trash_tarp": 1, "animal_fish": 2, "animal_etc": 2, "rov": 3}


def _truth(seed: int) -> CocoDataset:
    drawn, rng = random_truth(seed, images=6, objects=9, side=64), np.random.default_rng(seed)
    categories = tuple(Category(3 * index + 1, name) for index, name in enumerate(CLASSES))
    annotations = tuple(
        replace(a, category_id=int(rng.choice([c.id for c in categories]))) for a in drawn.annotations
    )
    return CocoDataset(categories, drawn.images, annotations)


def _remapped(
    truth: CocoDataset, entries: list[dict[str, Any]], ids: dict[str, int]
) -> tuple[CocoDataset, list[dict[str, Any]]]:
    """By hand: new categories; of two detections that overlap, the worse one of another class goes."""
    names = {category.id: category.name for category in truth.categories}
    categories = tuple(Category(number, f"level {number}") for number in sorted(set(ids.values())))
    annotations = tuple(replace(a, category_id=ids[names[a.category_id]]) for a in truth.annotations)
    kept: list[int] = []
    for index in sorted(range(len(entries)), key=lambda index: -entries[index]["score"]):
        mine = entries[index]
        rivals = (entries[other] for other in kept)
        if not any(
            other["image_id"] == mine["image_id"]
            and other["category_id"] != mine["category_id"]
            and ids[names[other["category_id"]]] == ids[names[mine["category_id"]]]
            and _iou(other["bbox"], mine["bbox"]) > 0.6
            for other in rivals
        ):
            kept.append(index)
    changed = [{**entries[p], "category_id": ids[names[entries[p]["category_id"]]]} for p in sorted(kept)]
    return CocoDataset(categories, truth.images, annotations), changed


def _iou(one: list[float], other: list[float]) -> float:
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


@pytest.mark.parametrize("seed", range(4))
def test_levels_are_pycocotools_on_other_categories(seed: int) -> None:
    truth = _truth(seed)
    results = results_of(truth, noisy_predictions(truth, seed, extra=4))
    other = {1: 7, 4: 4, 7: 16, 10: 13, 13: 10, 16: 1}  # of the same supercategory
    twins = [entry | {"category_id": other[entry["category_id"]]} for entry in results.entries[::2]]
    results.entries += [twin | {"score": 0.9 * twin["score"]} for twin in twins]
    found = evaluate_levels(truth, results, None)
    assert list(found) == ["supercategory", "object"]
    assert [row["name"] for row in found["supercategory"]["per_class"]] == ["trash", "animal", "vehicle"]
    lost = 0
    for level, ids in (("supercategory", SUPER), ("object", dict.fromkeys(CLASSES, 1))):
        above, entries = _remapped(truth, results.entries, ids)
        lost += len(results.entries) - len(entries)
        for kind, iou_type, left_out in (("boxes", "bbox", "segmentation"), ("masks", "segm", "bbox")):
            bare = [{key: value for key, value in entry.items() if key != left_out} for entry in entries]
            assert_equal(found[level][kind], peer_line(above, bare, iou_type))
            for index, row in enumerate(found[level]["per_class"], start=1):
                one = replace(above, categories=(Category(index, "x"),))
                one = replace(one, annotations=tuple(a for a in above.annotations if a.category_id == index))
                own = [entry for entry in bare if entry["category_id"] == index]
                assert_equal(row[kind], peer_line(one, own, iou_type))
        objects = sum(row["objects"] for row in found[level]["per_class"])
        assert objects == sum(not a.iscrowd for a in truth.annotations)
    assert lost > 0


def test_intervals_hold_the_metrics_and_follow_the_seed() -> None:
    truth = _truth(1)
    results = results_of(truth, noisy_predictions(truth, 1))
    draws = draw(truth, None, 200, 0)
    found = evaluate_levels(truth, results, draws)
    assert found == evaluate_levels(truth, results, draw(truth, None, 200, 0))
    for level_row in found.values():
        for kind in ("boxes", "masks"):
            low, high = level_row["intervals"][kind]["AP50"]
            assert low <= level_row[kind]["AP50"] <= high
            for row in level_row["per_class"]:
                low, high = level_row["intervals"]["per_class"][row["name"]][kind]["AP"]
                assert low <= row[kind]["AP"] <= high


def test_names_without_supercategories_have_any_object_alone() -> None:
    assert [level.name for level in levels_of((Category(1, "net"), Category(2, "cod")))] == ["object"]
    assert triage_of(random_truth(0), [], None) == {}


def _slow(scores: list[float], holds: list[bool]) -> dict[str, float]:
    """Every threshold that there is, and every number of frames that a person could stop after."""
    values = dict.fromkeys(FIGURES, 0.0)
    for threshold in {score for score in scores if score > 0}:
        picked = [held for score, held in zip(scores, holds, strict=True) if score >= threshold]
        for wanted, name in ((0.8, "recall_at_precision_80"), (0.9, "recall_at_precision_90")):
            if sum(picked) >= wanted * len(picked) - 1e-9:
                values[name] = max(values[name], sum(picked) / sum(holds))
    shares = []
    for threshold in set(scores):
        picked = [held for score, held in zip(scores, holds, strict=True) if score >= threshold]
        if sum(picked) >= 0.95 * sum(holds) - 1e-9:
            shares.append(len(picked) / len(scores))
    values["look_at_for_recall_95"] = min(shares)
    return values


_FRAMES = st.lists(st.tuples(st.integers(0, 10), st.booleans(), st.integers(0, 3)), min_size=1, max_size=40)


@settings(max_examples=300, deadline=None)
@given(_FRAMES)
def test_triage_is_what_trying_every_threshold_gives(frames: list[tuple[int, bool, int]]) -> None:
    scores = [score / 10 for score, _, _ in frames]
    holds = [held for _, held, _ in frames]
    times = [weight for _, _, weight in frames]
    found = triage(np.array(scores), np.array(holds), np.array([[1] * len(frames), times]))
    repeated = [index for index, count in enumerate(times) for _ in range(count)]
    for row, indices in enumerate((range(len(frames)), repeated)):
        held = [holds[index] for index in indices]
        if not any(held):
            assert all(np.isnan(found[name][row]) for name in FIGURES)
            continue
        expected = _slow([scores[index] for index in indices], held)
        assert {name: pytest.approx(found[name][row]) for name in FIGURES} == expected


def test_frames_are_scored_by_their_best_detection_of_the_supercategory() -> None:
    truth = _truth(3)
    results = results_of(truth, noisy_predictions(truth, 3))
    found = triage_of(truth, results.entries, None)
    assert list(found) == ["trash", "animal"]
    names = {category.id: category.name for category in truth.categories}
    for wanted, row in found.items():
        scores: dict[int, float] = defaultdict(float)
        for entry in results.entries:
            if names[entry["category_id"]].startswith(wanted):
                scores[entry["image_id"]] = max(scores[entry["image_id"]], entry["score"])
        held = {a.image_id for a in truth.annotations if names[a.category_id].startswith(wanted)}
        assert (row["frames"], row["with"]) == (len(truth.images), len(held))
        if 0 < len(held) < len(truth.images):
            expected = _slow([scores[i.id] for i in truth.images], [i.id in held for i in truth.images])
            assert {name: row[name] for name in FIGURES} == {k: pytest.approx(v) for k, v in expected.items()}
        else:
            assert row["recall_at_precision_80"] is None


def test_dives_are_drawn_where_they_are_known() -> None:
    names = ["vid_1_frame1", "vid_1_frame2", "vid_2_frame1", "vid_3_frame1"]
    dives = {"vid_1_frame1": "d", "vid_1_frame2": "d", "vid_2_frame1": "d"}
    assert unit_names(names, r"vid_(\d)", dives) == (["dive d"] * 3 + ["video 3"], "dive")
    assert unit_names(names, r"vid_(\d)", {}) == (["1", "1", "2", "3"], "video")
    assert unit_names(names, None, {"elsewhere": "d"})[1] == "image"


def test_draws_go_by_dive() -> None:
    truth = _truth(0)
    names = image_names(truth)
    draws: Draws = draw(truth, None, 50, 0, dict.fromkeys(names[:4], "a") | dict.fromkeys(names[4:], "b"))
    assert (draws.groups, draws.unit) == (2, "dive")
    for one, other in [*pairwise(range(4)), (4, 5)]:
        assert (draws.weights[:, one] == draws.weights[:, other]).all()
    assert (draws.weights[:, 0] != draws.weights[:, 4]).any()


def test_a_record_shows_levels_and_older_ones_none(tmp_path: Path) -> None:
    data = prepared(tmp_path / "data")
    folder = evaluated(tmp_path / "run", data, seed=1)
    record = read_record(folder / "report.json")
    table = level_table([("", record)])
    assert [row[0] for row in table.rows][-1] == "any object"
    assert f"{record.levels['object'].masks['AP50']:.3f}" in " ".join(table.rows[-1])
    assert triage_table([("", record)]).rows == []
    values = record.to_json()
    older = {key: value for key, value in values.items() if key not in ("levels", "triage")}
    assert level_table([("", Evaluation.from_json(older))]).rows == []
    for damaged in (
        {"levels": {"object": {"per_class": []}}},
        {"levels": []},
        {"triage": {"trash": {"frames": 1}}},
        {"levels": {"object": values["levels"]["object"] | {"intervals": {"boxes": "wide"}}}},
    ):
        write_json(folder / "report.json", values | damaged)
        with pytest.raises(InputError, match=next(iter(damaged))):
            read_record(folder / "report.json")


def test_comparisons_show_levels_and_draw_dives(tmp_path: Path) -> None:
    data = prepared(tmp_path / "data")
    rows = "\n".join(f"{video},dive {video % 2}" for video in range(6))
    (data / "videos.csv").write_text(f"video,dive\n{rows}\n")
    folders = [evaluated(tmp_path / name, data, seed=seed) for seed, name in enumerate(("first", "second"))]
    records = [read_record(folder / "report.json") for folder in folders]
    intervals = records[0].intervals
    assert intervals is not None
    assert (intervals.unit, intervals.groups) == ("dive", 2)
    older = {key: value for key, value in records[1].to_json().items() if key not in ("levels", "triage")}
    write_json(folders[1] / "report.json", older)
    comparison = compare(read_runs(folders), CompareSettings(data, resamples=20))
    assert comparison.bootstrap is not None
    assert comparison.bootstrap.unit == "dive"
    assert all(run.groups == 2 for run in comparison.runs)
    (table,) = (each for each in tables(comparison) if each.title.startswith("Supercategories"))
    assert {row[0] for row in table.rows} == {"A  first"}
    value = records[0].levels["object"].masks["AP50"]
    assert table.rows[-1][1] == "any object"
    assert f"{value:.3f}" in " ".join(table.rows[-1])
    page, text = render_page(comparison), render_markdown(comparison)
    assert "any object" in page
    assert "2 dives" in page
    assert "any object" in text


def test_differences_of_levels_come_from_the_same_draws(tmp_path: Path) -> None:
    data = prepared(tmp_path / "data")
    folders = [evaluated(tmp_path / name, data, seed=seed) for seed, name in enumerate(("first", "second"))]
    comparison = compare(read_runs(folders), CompareSettings(data, resamples=40))
    (pair,) = comparison.pairs
    found = pair.levels["object"].masks["AP50"]
    assert found is not None
    records = [read_record(folder / "report.json") for folder in folders]
    first, second = (record.levels["object"].masks["AP50"] for record in records)
    assert first is not None
    assert second is not None
    assert found.value == pytest.approx(second - first)
    truth = open_prepared(data).split().coco
    weights = draw_weights([str(number // 2) for number in range(12)], 40, 0)  # six videos of two frames
    both = []
    for folder in folders:
        entries = json.loads((folder / "predictions.json").read_text())
        matches = matches_of(*_remapped(truth, entries, {c.name: 1 for c in truth.categories}), "masks")
        assert matches is not None
        both.append(resampled(matches, weights).overall["AP50"])
    assert found.interval == pytest.approx(np.quantile(both[1] - both[0], [0.025, 0.975]).tolist())
    (table,) = (
        each for each in tables(comparison) if each.title.startswith("Differences of supercategories")
    )
    assert {row[1] for row in table.rows} == {"vehicle", "other", "mean of these", "any object"}
    row = next(row for row in table.rows if row[1:3] == ("any object", "masks"))
    assert f"{found.value:+.3f}" in row[-1]
    assert "Differences of supercategories" in render_page(comparison)
    assert compare(read_runs(folders), CompareSettings(None)).pairs[0].levels == {}
