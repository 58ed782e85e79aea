"""Metrics by what was new: each is that of an evaluation of these images alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seasift.data.draw_scheme import add_scheme
from seasift.data.prepared import open_prepared
from seasift.evaluation import coco_metrics
from seasift.evaluation.coco_metrics import metrics_of
from seasift.evaluation.document import SCHEMA, Evaluation
from seasift.evaluation.levels import (
    NEW_DIVE,
    SAME_DIVE,
    SEEN,
    Training,
    relations,
    trained_images,
    unseen_note,
    unseen_record,
)
from seasift.evaluation.tables import tables_of, unseen_table
from tests.evaluation.evaluated_folders import prepared
from tests.evaluation.noisy import noisy_predictions
from tests.evaluation.test_bootstrap import results_of
from tests.evaluation.test_levels import _truth

GROUPS = {f"{video}{frame}": video for video in "abcde" for frame in "12"}


def test_the_nearest_relation_counts() -> None:
    dives = {"a1": "1", "a2": "1", "b1": "1", "b2": "1", "c1": "2", "c2": "2"}
    found = relations(["a1", "a2", "b1", "c1", "d1"], ["a1"], GROUPS, dives)
    assert found == {
        **{"a1": "same image", "a2": "same video", "b1": "same dive"},
        **{"c1": "new dive", "d1": "unknown dive"},
    }
    assert relations(["a2", "b1"], ["a1"], GROUPS, {}) == {"a2": "same video", "b1": "other video"}
    assert relations(["a1", "b1"], ["a1"], {}, {}) == {"a1": "same image", "b1": "other video"}


def test_what_a_model_says_of_its_training(tmp_path: Path) -> None:
    data = open_prepared(prepared(tmp_path / "data"))
    every = data.names("published", "val")
    add_scheme(data, "mine", {"train": every[:3], "val": every[3:]})
    here = {"train": "little default published mine/train[100]", "fingerprint": data.fingerprint}
    before = {"data": {"train": "little default published published/few", "fingerprint": data.fingerprint}}
    splits, images = trained_images({"data": here, "before": [before]}, data)
    assert splits == ["mine/train", "published/few"]
    assert images == {*every[:3], *data.names("published", "few")}
    for training in (
        {},
        {"data": "unknown"},
        {"data": here | {"fingerprint": "other"}},
        {"data": here | {"train": "little default published gone/train"}},
        {"data": here | {"train": "frames of somebody"}},
    ):
        assert trained_images(json.loads(json.dumps(training)), data) == ([], set())


LINE = dict.fromkeys(coco_metrics.LINE, 0.5)
OPTIONS = {"pattern": None, "dives": {}, "resamples": 50, "seed": 0}


def _evaluation(unseen: dict[str, Any]) -> Evaluation:
    return Evaluation.from_json(
        {
            "schema": SCHEMA,
            "data": {"name": "painted val", "fingerprint": "abc", "pictures": 6},
            "model": {"name": "tiny"},
            "settings": {},
            "boxes": LINE,
            "masks": LINE,
            "per_class": [],
            "unseen": unseen,
        }
    )


def test_each_kind_is_evaluated_alone() -> None:
    truth = _truth(2)
    found = noisy_predictions(truth, 2)
    results = results_of(truth, found)
    names = [image.file_name for image in truth.images]
    kinds = [NEW_DIVE, SAME_DIVE, SAME_DIVE, NEW_DIVE, NEW_DIVE, SEEN]
    training = Training(["dive-free/train"], dict(zip(names, kinds, strict=True)))
    record = unseen_record(training, truth, results, **OPTIONS)
    assert record is not None
    assert [row["name"] for row in record["kinds"]] == [SEEN, SAME_DIVE, NEW_DIVE]
    for row in record["kinds"]:
        part = truth.subset([name for name, kind in zip(names, kinds, strict=True) if kind == row["name"]])
        own = results_of(part, {image.id: found[image.id] for image in part.images})
        expected = metrics_of(part, own)
        assert (row["boxes"], row["masks"]) == (expected.boxes, expected.masks)
        assert row["images"] == len(part.images)
        assert row["levels"]["object"]["masks"]["AP50"] is not None
    low, high = record["kinds"][2]["intervals"]["masks"]["AP"]
    assert low <= record["kinds"][2]["masks"]["AP"] <= high
    (note,) = unseen_note(record)
    assert "3 of 6 images" in note
    assert [row[0].partition(" (")[0] for row in unseen_table(_evaluation(record)).rows] == [
        *(SEEN, SAME_DIVE, NEW_DIVE)
    ]
    assert len(tables_of(_evaluation(record))) == 1


@pytest.mark.parametrize("kind", [NEW_DIVE, SEEN])
def test_one_kind_has_the_metrics_of_the_whole(kind: str) -> None:
    truth = _truth(2)
    results = results_of(truth, noisy_predictions(truth, 2))
    training = Training(["x/train"], {image.file_name: kind for image in truth.images})
    record = unseen_record(training, truth, results, **OPTIONS)
    assert record == {
        "trained_on": ["x/train"],
        "kinds": [
            {
                "name": kind,
                "images": len(truth.images),
                "objects": sum(not a.iscrowd for a in truth.annotations),
            }
        ],
    }
    assert bool(unseen_note(record)) == (kind == SEEN)
    assert unseen_table(_evaluation(record)).rows == []


def test_nothing_is_known_of_the_training() -> None:
    truth = _truth(2)
    results = results_of(truth, noisy_predictions(truth, 2))
    assert unseen_record(None, truth, results, **OPTIONS) is None
    assert unseen_note(None) == []
