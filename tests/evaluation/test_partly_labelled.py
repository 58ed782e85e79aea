"""Evaluation with partial labels: only fully labelled images, and boxes where masks are missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.core.errors import DatasetError
from seasift.core.instances import Category, Instances
from seasift.core.types import UInt8
from seasift.data.coco import CocoDataset, read_coco
from seasift.data.prepared import DataSplit, resolve_split
from seasift.evaluation.confusion import truth_of
from seasift.evaluation.report import EvaluationSubject, make_record
from seasift.evaluation.stream import EvaluateSettings, evaluate_split


class Perfect:
    """Finds what the annotations say, in the order in which images come; with or without masks."""

    name = "perfect"

    def __init__(self, truth: CocoDataset, *, masks: bool) -> None:
        self.categories: tuple[Category, ...] = truth.categories
        self._answers = [truth_of(truth, image).single for image in truth.images]
        self._masks = masks
        self._size_hw = truth.images[0].size_hw

    def predict(self, images: Sequence[UInt8], **_: Any) -> list[Instances]:
        answers = [self._answers.pop(0) for _ in images]
        if self._masks:
            return answers
        return [Instances(a.boxes_xyxy, a.scores, a.class_ids, a.size_hw) for a in answers]


def _changed(synthetic: Path, folder: Path, change: Any) -> DataSplit:
    document = json.loads(synthetic.read_text())
    change(document)
    (folder / "changed.json").write_text(json.dumps(document))
    return resolve_split(folder / "changed.json", images=synthetic.parent / "images")


def _one_of_each(document: dict[str, Any]) -> None:
    images = document["images"]
    images[0]["background_labelled"] = False
    first = {
        image["id"]: [a for a in document["annotations"] if a["image_id"] == image["id"]][:1]
        for image in images
    }
    first[images[1]["id"]][0]["class_set"] = [9, 5]
    first[images[2]["id"]][0]["loose_box"] = True


def test_partly_labelled_images_are_left_out_and_counted(synthetic: Path, tmp_path: Path) -> None:
    split = _changed(synthetic, tmp_path, _one_of_each)
    names = {image.file_name for image in split.coco.images[3:]}
    kept = read_coco(synthetic).subset(names)
    outcome = evaluate_split(Perfect(kept, masks=True), split, EvaluateSettings(resamples=0))
    assert [image.file_name for image in outcome.truth.images] == [i.file_name for i in kept.images]
    assert outcome.metrics.masks["AP"] == outcome.metrics.boxes["AP"] == 1
    record = make_record(
        outcome, EvaluateSettings(resamples=0), EvaluationSubject({"name": "perfect"}, split.name, "")
    )
    assert record.data.partly_labelled == 3
    assert record.data.images == record.data.of_images == 5
    assert any(note.startswith("3 images") for note in record.notes)


def test_nothing_to_judge_by_is_an_error(synthetic: Path, tmp_path: Path) -> None:
    def unlabelled(document: dict[str, Any]) -> None:
        for image in document["images"]:
            image["background_labelled"] = False

    split = _changed(synthetic, tmp_path, unlabelled)
    with pytest.raises(DatasetError, match="8 are only partly labelled") as error:
        evaluate_split(Perfect(split.coco, masks=True), split, EvaluateSettings())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("masks", [True, False])
def test_boxes_alone_are_evaluated_by_boxes(synthetic: Path, tmp_path: Path, masks: bool) -> None:
    def boxes_only(document: dict[str, Any]) -> None:
        for annotation in document["annotations"]:
            annotation["segmentation"] = []

    split = _changed(synthetic, tmp_path, boxes_only)
    answers = read_coco(synthetic) if masks else split.coco
    outcome = evaluate_split(Perfect(answers, masks=masks), split, EvaluateSettings(resamples=10))
    assert outcome.metrics.boxes["AP"] == 1
    assert set(outcome.metrics.masks.values()) == {None}
    record = make_record(outcome, EvaluateSettings(), EvaluationSubject({"name": "perfect"}, split.name, ""))
    assert record.confusion.of == "boxes"
    counts = np.array(record.confusion.counts)
    assert counts.sum() == counts.diagonal().sum() > 0
