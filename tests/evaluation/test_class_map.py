"""Evaluating a model by a map from its classes to those of the data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seasift.core.errors import InputError
from seasift.core.image import write_image
from seasift.core.instances import Category, Instances
from seasift.core.types import UInt8
from seasift.evaluation.api import evaluate
from seasift.evaluation.compare import CompareSettings, compare
from seasift.evaluation.runs import read_runs

FISH, CRAB, NET = (4.0, 4.0, 24.0, 24.0), (30.0, 4.0, 50.0, 24.0), (4.0, 30.0, 24.0, 50.0)
CLASSES = ["animal_fish", "animal_crab", "trash_net"]
Objects = list[tuple[str, float, tuple[float, ...]]]


class Fixed:
    """A Predictor that finds the same objects in every image."""

    def __init__(self, name: str, classes: Sequence[str], objects: Objects) -> None:
        self.name = name
        self.categories = tuple(Category(9 + k, each) for k, each in enumerate(classes))
        self._objects = sorted(objects, key=lambda each: -each[1])
        self._classes = list(classes)

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        return [
            Instances(
                np.array([box for _, _, box in self._objects], np.float32),
                np.array([score for _, score, _ in self._objects], np.float32),
                np.array([self._classes.index(name) for name, _, _ in self._objects]),
                (image.shape[0], image.shape[1]),
                categories=self.categories,
            )
            for image in images_rgb_u8
        ]


THEIRS = Fixed(
    "theirs",
    ["goby", "wrasse", "net", "rock"],
    [("goby", 0.9, FISH), ("wrasse", 0.8, FISH), ("net", 0.7, NET), ("rock", 0.95, CRAB)],
)
OURS = Fixed(
    "ours", CLASSES, [("animal_fish", 0.9, FISH), ("animal_crab", 0.8, CRAB), ("trash_net", 0.6, CRAB)]
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 images with a fish, a crab and a net each."""
    folder = tmp_path_factory.mktemp("data")
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(1, 25):
        name = f"{number}.png"
        write_image(folder / name, np.zeros((64, 64, 3), np.uint8))
        images.append({"id": number, "file_name": name, "width": 64, "height": 64})
        for category, (x1, y1, x2, y2) in enumerate((FISH, CRAB, NET), start=1):
            box = [x1, y1, x2 - x1, y2 - y1]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "segmentation": [[x1, y1, x2, y1, x2, y2, x1, y2]],
                }
            )
    categories = [{"id": k, "name": name} for k, name in enumerate(CLASSES, start=1)]
    truth = {"images": images, "categories": categories, "annotations": annotations}
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder / "truth.json"


def test_only_the_targets_are_evaluated(data: Path) -> None:
    record = evaluate(THEIRS, data, map="goby=animal_fish,wrasse=animal_fish,net=trash", resamples=0).record
    assert [row.name for row in record.per_class] == ["animal_fish", "trash"]
    assert record.boxes["AP"] == pytest.approx(1)
    assert record.data.objects == 2 * 24  # without the crabs
    assert record.detections == 2 * 24  # the wrasse overlaps the better goby; rock has no target
    assert record.data.targets == ["animal_fish", "trash"]
    assert "goby as animal_fish" in record.notes[0]


def test_a_supercategory_stands_for_all_its_classes(data: Path) -> None:
    record = evaluate(THEIRS, data, map={"goby": "animals"}, resamples=0).record
    assert [row.name for row in record.per_class] == ["animals"]
    assert record.data.objects == 2 * 24
    assert record.boxes["AR100"] == pytest.approx(0.5)  # fish found, crabs missed
    own = evaluate(OURS, data, map="animals", resamples=0).record
    assert own.boxes["AR100"] == pytest.approx(1)


def test_theirs_or_ours(data: Path, tmp_path: Path) -> None:
    evaluate(THEIRS, data, map="goby=animal_fish,net=trash_net", output=tmp_path / "theirs", resamples=0)
    evaluate(OURS, data, map="animal_fish,trash_net", output=tmp_path / "ours", resamples=0)
    evaluate(OURS, data, output=tmp_path / "all", resamples=0)
    runs = read_runs([tmp_path / "theirs", tmp_path / "ours", tmp_path / "all"])
    pairs = compare(runs, CompareSettings(data, resamples=40)).pairs
    assert [pair.same_split for pair in pairs] == [True, False, False]
    assert pairs[0].difference is not None
    change = pairs[0].difference.boxes["AP"]
    assert change is not None
    assert change.value == pytest.approx(-0.5)  # ours finds no net, theirs all; both find all fish
    assert change.interval == pytest.approx([-0.5, -0.5])


def test_what_cannot_be_mapped(data: Path) -> None:
    for given, words in (
        ("gobi=animal_fish", "did you mean 'goby'"),
        ("goby=animal_fisch", "animal_fish"),
        ("goby=animals,wrasse=animal_crab", "in common"),
    ):
        with pytest.raises(InputError, match="--map") as caught:
            evaluate(THEIRS, data, map=given, resamples=0)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
