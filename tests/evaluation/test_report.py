"""From images to the report's folder, with predictions made from truth."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.core.errors import DatasetError, ImageError
from seasift.core.image import write_image
from seasift.core.instances import Category, Instances
from seasift.data.coco import CocoDataset
from seasift.data.prepared import DataSplit
from seasift.evaluation.coco_metrics import LINE, all_curves, curve, evaluate
from seasift.evaluation.confusion import CROWD, match, truth_of
from seasift.evaluation.report import SCHEMA, EvaluationSubject, make_record, write_report
from seasift.evaluation.stream import EvaluateSettings, Outcome, evaluate_split, limited
from tests.evaluation.noisy import FakePredictor, noisy_predictions
from tests.evaluation.random_truth import random_truth
from tests.evaluation.test_coco_metrics import assert_equal, peer_line

SUBJECT = EvaluationSubject({"name": "jittered <truth>", "sha256": "0" * 64}, "little/val", "abc")
SETTINGS = EvaluateSettings(threshold=0.2, confidence=0.4, batch_size=2, worst=3)


@pytest.fixture
def split(tmp_path: Path) -> DataSplit:
    truth = random_truth(8, images=5, objects=12, side=64)
    for image in truth.images:
        write_image(tmp_path / image.file_name, np.full((*image.size_hw, 3), 90, np.uint8))
    return DataSplit(truth, tmp_path, "little/val", "abc")


def evaluate_noisy(
    split: DataSplit, settings: EvaluateSettings = SETTINGS, **changes: Any
) -> tuple[Outcome, dict[int, Instances]]:
    found = noisy_predictions(split.coco, 1)
    predictor = FakePredictor(limited(split.coco, settings.limit), found)
    for name, value in changes.items():
        setattr(predictor, name, value)
    outcome = evaluate_split(predictor, split, settings)
    assert predictor.most_at_once <= settings.batch_size
    return outcome, found


def outlined(image: Any, instances: Instances, categories: Any) -> Any:
    assert instances.size_hw == image.shape[:2]
    assert instances.class_ids.max(initial=0) < len(categories)
    return np.minimum(image + 10 * len(instances), 255).astype(np.uint8)


def write(
    folder: Path, split: DataSplit, settings: EvaluateSettings = SETTINGS
) -> tuple[dict[str, Any], Outcome]:
    outcome, _ = evaluate_noisy(split, settings)
    record = make_record(outcome, settings, SUBJECT)
    write_report(folder, record, outcome, images_dir=split.images_dir, draw=outlined)
    return record.to_json(), outcome


def test_streaming_evaluates_as_all_at_once(split: DataSplit) -> None:
    outcome, found = evaluate_noisy(split)
    kept = {key: each.take(each.scores >= SETTINGS.threshold) for key, each in found.items()}
    expected = evaluate(split.coco, kept, split.coco.categories)
    assert outcome.metrics.per_class == expected.per_class
    assert 0 < (expected.masks["AP"] or 0) < 1
    assert len(outcome.results.entries) == sum(map(len, kept.values())) < sum(map(len, found.values()))


def test_what_counts_as_found_has_the_confidence(split: DataSplit) -> None:
    outcome, found = evaluate_noisy(split)
    sure = {key: each.take(each.scores >= SETTINGS.confidence) for key, each in found.items()}
    in_crowds = sum(
        int(np.sum(match(sure[image.id], truth_of(split.coco, image)).truth_index == CROWD))
        for image in split.coco.images
    )
    counted = outcome.confusion.counts[:, :-1].sum() + in_crowds
    assert counted == sum(map(len, sure.values())) < len(outcome.results.entries)
    assert all((each.found.scores >= SETTINGS.confidence).all() for each in outcome.worst)


def test_a_predictor_with_its_own_order_of_classes(split: DataSplit) -> None:
    expected, found = evaluate_noisy(split)
    categories = (Category(1, "rov"), Category(2, "never there"), Category(3, "net"))
    own = np.array([2, 0, 1])
    renamed = {
        key: Instances(each.boxes_xyxy, each.scores, own[each.class_ids], each.size_hw, each.masks)
        for key, each in found.items()
    }
    predictor = FakePredictor(split.coco, renamed)
    predictor.categories = categories
    outcome = evaluate_split(predictor, split, SETTINGS)
    assert outcome.metrics.per_class == expected.metrics.per_class
    assert outcome.confusion.counts.tolist() == expected.confusion.counts.tolist()
    assert [w.image for w in outcome.worst] == [w.image for w in expected.worst]


def test_other_classes_are_refused_before_any_image_is_read(split: DataSplit) -> None:
    nowhere = DataSplit(split.coco, split.images_dir / "nowhere", "x")
    predictor = FakePredictor(split.coco, {image.id: Instances.empty((1, 1)) for image in split.coco.images})
    predictor.categories = (Category(2, "net"),)
    with pytest.raises(DatasetError, match="only the data has rov, never there"):
        evaluate_split(predictor, nowhere, SETTINGS)


def test_missing_images_and_other_sizes_are_named(split: DataSplit) -> None:
    first = split.images_dir / split.coco.images[0].file_name
    write_image(first, np.zeros((10, 20, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"image 0.png: 20x10 px; the annotation file says 71x64"):
        evaluate_noisy(split)
    first.unlink()
    with pytest.raises(ImageError, match=r"image 0.png: no such file"):
        evaluate_noisy(split)
    with pytest.raises(DatasetError, match="no images"):
        evaluate_noisy(DataSplit(CocoDataset(split.coco.categories, (), ()), split.images_dir, "empty"))


def test_record_holds_everything_as_strict_json(split: DataSplit, tmp_path: Path) -> None:
    record, outcome = write(tmp_path / "out", split)
    text = (tmp_path / "out" / "report.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name)) == record
    assert record["schema"] == SCHEMA
    assert set(record["boxes"]) == set(record["masks"]) == set(LINE)
    assert record["data"]["objects"] + record["data"]["crowds"] == len(split.coco.annotations)
    rows = {row["name"]: row for row in record["per_class"]}
    assert rows["never there"]["objects"] == 0
    assert rows["never there"]["masks"]["AP"] is None
    assert {row["few"] == (row["objects"] < 10) for row in rows.values()} == {True}
    assert {row["few"] for row in rows.values()} == {True, False}
    assert sum(row["objects"] for row in rows.values()) == record["data"]["objects"]
    assert any("in no mean: never there" in note for note in record["notes"])
    assert [each["file"] for each in record["worst"]] == [each.image.file_name for each in outcome.worst]
    matrix = np.array(record["confusion"]["counts"])
    assert record["at_confidence"]["recall"] == np.trace(matrix) / matrix[:-1].sum()


def test_predictions_file_gives_the_figures_with_pycocotools(split: DataSplit, tmp_path: Path) -> None:
    record, _ = write(tmp_path / "out", split)
    entries = json.loads((tmp_path / "out" / "predictions.json").read_text(encoding="utf-8"))
    assert_equal(record["boxes"], peer_line(split.coco, entries, "bbox"))
    bare = [{key: value for key, value in entry.items() if key != "bbox"} for entry in entries]
    assert_equal(record["masks"], peer_line(split.coco, bare, "segm"))


class _Page(HTMLParser):
    """Opens and closes tags in order, and collects what the page would load."""

    void = frozenset({"meta", "img", "br", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_needs_nothing_else_and_shows_the_figures(split: DataSplit, tmp_path: Path) -> None:
    record, _ = write(tmp_path / "out", split)
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(html)
    assert page.open == []
    assert all(load.startswith("data:image/") for load in page.loads)
    assert not re.search(r"url\(|@import|<script", html)
    assert page.text.count("jittered <truth>") >= 2  # escaped
    for kind in ("boxes", "masks"):
        assert f"{record[kind]['AP']:.3f}" in page.text
    assert "never there" in page.text
    assert len(page.loads) == 3 + 2 * len(record["worst"]) == 9
    assert record["worst"][0]["file"] in page.text


def test_a_quick_look_says_so(split: DataSplit, tmp_path: Path) -> None:
    settings = EvaluateSettings(threshold=0.1, confidence=0.4, limit=2)
    record, outcome = write(tmp_path / "out", split, settings)
    assert [image.file_name for image in outcome.truth.images] == ["image 0.png", "image 2.png"]
    assert (record["data"]["pictures"], record["data"]["of_pictures"]) == (2, 5)
    assert record["notes"][0].startswith("Only 2 of 5 images were evaluated")
    assert record["notes"][0] in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_model_that_finds_nothing_and_one_without_masks(split: DataSplit, tmp_path: Path) -> None:
    for found in (
        {image.id: Instances.empty(image.size_hw) for image in split.coco.images},
        {
            key: Instances(each.boxes_xyxy, each.scores, each.class_ids, each.size_hw)
            for key, each in noisy_predictions(split.coco, 1).items()
        },
    ):
        outcome = evaluate_split(FakePredictor(split.coco, found), split, SETTINGS)
        record = make_record(outcome, SETTINGS, SUBJECT)
        write_report(tmp_path / "out", record, outcome, images_dir=split.images_dir, draw=outlined)
        assert record.boxes["AP"] is not None
    assert record.masks["AP"] is None
    assert "Masks are not evaluated: the model gives none." in record.notes


def test_the_mean_of_a_curve_is_the_ap(split: DataSplit) -> None:
    metrics = evaluate_noisy(split)[0].metrics
    for kind in ("boxes", "masks"):
        for iou, key in ((0.5, "AP50"), (0.75, "AP75")):
            whole = curve(metrics, kind, iou)
            assert whole is not None
            assert whole.mean() == pytest.approx(getattr(metrics, kind)[key], abs=1e-12)
            for index, row in enumerate(metrics.per_class.values()):
                values = curve(metrics, kind, iou, index)
                assert (None if values is None else pytest.approx(values.mean(), abs=1e-12)) == row[kind][key]
    assert all_curves(metrics, 2) == {}


def test_loading_the_room_loads_no_heavy_package() -> None:
    code = (
        "import sys, seasift.evaluation.report, seasift.evaluation.report\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'torch', 'torchvision', 'lightning', 'matplotlib', 'pycocotools'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
