"""`evaluate(...)` from Python gives what the command gives, for every kind of model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from seasift.core.errors import InputError
from seasift.core.image import write_image
from seasift.core.instances import Category, Instances
from seasift.core.types import UInt8
from seasift.evaluation.api import evaluate
from seasift.inference.predictor import load_predictor
from tests.tiny_model import CATEGORIES, quarters, save_tiny, tiny_info

NAMES = ("red thing", "green thing", "blue thing")


class Blind:
    """A Predictor that finds nothing."""

    name = "blind"
    categories = tuple(Category(k, name) for k, name in enumerate(NAMES))

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        return [Instances.empty((image.shape[0], image.shape[1])) for image in images_rgb_u8]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One image whose upper left quarter is red, and the truth of it."""
    folder = tmp_path_factory.mktemp("evaluate")
    save_tiny(folder / "tiny.onnx", tiny_info())
    write_image(folder / "red.png", quarters(255, 0, 0, 0, size=64))
    truth = {
        "images": [{"id": 1, "file_name": "red.png", "width": 64, "height": 64}],
        "categories": CATEGORIES,
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": CATEGORIES[0]["id"],
                "bbox": [0, 0, 32, 32],
                "area": 1024,
                "iscrowd": 0,
                "segmentation": [[0, 0, 32, 0, 32, 32, 0, 32]],
            }
        ],
    }
    (folder / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    return folder


def test_every_kind_of_model(folder: Path) -> None:
    given = {"resamples": 0}
    by_path = evaluate(folder / "tiny.onnx", folder / "truth.json", output=folder / "out", **given)  # type: ignore[arg-type]
    loaded = evaluate(
        load_predictor(folder / "tiny.onnx", precision="f32"), folder / "truth.json", resamples=0
    )
    blind = evaluate(Blind(), str(folder / "truth.json"), resamples=0)
    assert by_path.masks == loaded.masks
    assert by_path.boxes == loaded.boxes
    # By hand: each side of the box is 0.8 of the truth's, so the IoU is 0.64, found at 3 of COCO's 10 limits.
    assert by_path.boxes["AR100"] == pytest.approx(0.3)
    assert blind.boxes["AR100"] == 0.0
    assert blind.record.model.name == "blind"
    assert blind.written == ()
    written = json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))
    assert written["masks"] == by_path.masks
    assert {path.name for path in by_path.written} == {"report.json", "report.html", "predictions.json"}


def test_a_loaded_model_has_its_engine(folder: Path) -> None:
    with pytest.raises(InputError, match="--engine"):
        evaluate(Blind(), folder / "truth.json", engine="openvino")
