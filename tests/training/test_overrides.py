"""One recipe runs on either label set, any scheme and both versions of the masks: by overrides."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from seasift.data import trashcan
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
    "official": fake.SPLITS,
    # The official val split in two halves.
    "report-halves": {
        labels: {"train": splits["train"], "val": splits["val"][:1], "test": splits["val"][1:]}
        for labels, splits in fake.SPLITS.items()
    },
    "leak-free": {labels: {"train": [0, 1, 2, 3], "val": [4], "test": [5]} for labels in fake.SPLITS},
}


def schemes() -> dict[str, dict[str, list[str]]]:
    halves = {
        f"report-halves-{labels}": {split: [NAMES[i] for i in indices] for split, indices in splits.items()}
        for labels, splits in LISTS["report-halves"].items()
    }
    return fake.schemes() | halves


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(trashcan, "PUBLISHED_COUNTS", fake.tables())
    monkeypatch.setattr("seasift.data.prepare.shipped_schemes", lambda _name: schemes())
    prepare(fake.write_zip(tmp_path / "drawn.zip", fake.files()), tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("labels", "scheme", "masks"),
    [
        ("material", "report-halves", "polygons"),
        *(
            pytest.param(labels, scheme, masks, marks=pytest.mark.slow)
            for labels in fake.CLASSES
            for scheme in LISTS
            for masks in ("polygons", "exact")
            if (labels, scheme, masks) != ("material", "report-halves", "polygons")
        ),
    ],
)
def test_a_recipe_runs_on_what_overrides_say(
    labels: str, scheme: str, masks: str, prepared: Path, tmp_path: Path
) -> None:
    wanted = {"labels": labels, "scheme": scheme, "masks": masks, "path": repr(prepared.as_posix())}
    overrides = [f"data.{key}={value}" for key, value in wanted.items()]
    folder = train(
        load_recipe("yolact-resnet50", [*SMALL, *overrides]), Options(tmp_path / "run", accelerator="cpu")
    )
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    splits = LISTS[scheme][labels]
    for split in ("train", "val"):
        assert record[split]["pictures"] == len(splits[split])
        assert all(word in record[split]["name"] for word in (labels, masks, scheme))
    names = [category.name for category in load_predictor(folder / "best.ckpt").categories]
    assert tuple(names) == fake.CLASSES[labels]
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        assert any(row["val/mask_AP"] for row in csv.DictReader(file))
