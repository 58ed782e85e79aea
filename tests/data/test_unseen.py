"""How near evaluated images are to those of the training."""

from __future__ import annotations

import json
from pathlib import Path

from seasift.data.draw_scheme import add_scheme
from seasift.data.prepared import open_prepared
from seasift.data.unseen import relations, trained_images
from tests.evaluation.evaluated_folders import prepared

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
