"""One recipe runs on either label set, any split and both versions of the masks: by overrides."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from seasift.data import prepare_trashcan, trashcan
from seasift.data.prepare import prepare
from seasift.models.checkpoint import load_predictor
from seasift.recipes.recipe import load_recipe
from seasift.training.run import Options, train
from tests.data import trashcan_fake as fake

SMALL = (
    *("model.backbone=efficientnet-lite0", "model.size=96", "model.fpn_channels=16", "model.weights=none"),
    *("model.proto_channels=16", "model.prototypes=8", "schedule.warmup_steps=0"),
    *("training.batch_size=2", "training.max_steps=1", "training.validate_every=1"),
)
NAMES = [image.name for image in fake.images()]
LISTS = {
    "official": fake.PARTS,
    # The official val part in two halves.
    "report-halves": {
        labels: {"train": parts["train"], "val": parts["val"][:1], "test": parts["val"][1:]}
        for labels, parts in fake.PARTS.items()
    },
    "leak-free": {labels: {"train": [0, 1, 2, 3], "val": [4], "test": [5]} for labels in fake.PARTS},
}


def splits() -> dict[str, dict[str, list[str]]]:
    halves = {
        f"report-halves-{labels}": {part: [NAMES[i] for i in indices] for part, indices in parts.items()}
        for labels, parts in LISTS["report-halves"].items()
    }
    return fake.splits() | halves


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(trashcan, "PUBLISHED_COUNTS", fake.tables())
    monkeypatch.setattr(prepare_trashcan, "shipped_splits", lambda _name: splits())
    prepare(fake.write_zip(tmp_path / "drawn.zip", fake.files()), tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("labels", "split", "masks"),
    [
        ("material", "report-halves", "polygons"),
        *(
            pytest.param(labels, split, masks, marks=pytest.mark.slow)
            for labels in fake.CLASSES
            for split in LISTS
            for masks in ("polygons", "exact")
            if (labels, split, masks) != ("material", "report-halves", "polygons")
        ),
    ],
)
def test_a_recipe_runs_on_what_overrides_say(
    labels: str, split: str, masks: str, prepared: Path, tmp_path: Path
) -> None:
    wanted = {"labels": labels, "split": split, "masks": masks, "path": repr(prepared.as_posix())}
    overrides = [f"data.{key}={value}" for key, value in wanted.items()]
    folder = train(
        load_recipe("yolact-resnet50", [*SMALL, *overrides]), Options(tmp_path / "run", accelerator="cpu")
    )
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    parts = LISTS[split][labels]
    for part in ("train", "val"):
        assert record[part]["pictures"] == len(parts[part])
        assert all(word in record[part]["name"] for word in (labels, masks, split))
    names = [category.name for category in load_predictor(folder / "best.ckpt").categories]
    assert tuple(names) == fake.CLASSES[labels]
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        assert any(row["val/mask_AP"] for row in csv.DictReader(file))
