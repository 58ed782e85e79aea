"""What is exported answers as the network does, on every engine, and says everything about itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from seasift.core.errors import BadInput, BadWeights
from seasift.core.instances import Instances
from seasift.core.picture import read_picture
from seasift.export.card import calibration_of, figures_of, render_card
from seasift.export.to_onnx import export_checkpoint
from seasift.runtime.model_file import read_model_file
from seasift.runtime.predictor import load_predictor
from seasift.training.checkpoint import load_predictor as load_checkpoint
from seasift.training.recipe import Recipe, load_recipe
from seasift.training.run import Options, train


@pytest.fixture(scope="module")
def checkpoint(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    still = [f"augment.{step}=false" for step in ("photometric", "expand", "crop", "flip")]
    recipe = load_recipe(
        "yolact-resnet50",
        [
            f"data.path={shapes.as_posix()!r}",
            *still,
            *("name=tiny", "model.backbone=efficientnet-lite0", "model.size=96", "model.fpn_channels=16"),
            *(
                "model.proto_channels=16",
                "model.prototypes=8",
                "optimizer.name=adamw",
                "schedule.warmup_steps=0",
            ),
            *("training.batch_size=8", "training.max_steps=12", "training.precision=fp32"),
        ],
    )
    return train(recipe, Options(tmp_path_factory.mktemp("run"), accelerator="cpu")) / "last.ckpt"


@pytest.fixture(scope="module")
def model(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    export_checkpoint(
        checkpoint, path, threshold=0.2, figures={"val": {"masks AP": 0.5}}, attribution="nobody"
    )
    return path


def pictures(shapes: Path) -> list[np.ndarray[Any, Any]]:
    found = [read_picture(path) for path in sorted((shapes.parent / "images").iterdir())]
    return [*found, cv2.resize(found[0], (301, 77))]


def assert_same(ours: Instances, theirs: Instances) -> None:
    assert ours.class_ids.tolist() == theirs.class_ids.tolist()
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)
    np.testing.assert_allclose(ours.boxes_xyxy, theirs.boxes_xyxy, atol=0.05)
    assert ours.masks is not None
    assert theirs.masks is not None
    for a, b in zip(ours.masks, theirs.masks, strict=True):
        x, y = a.bitmap(ours.size_hw), b.bitmap(ours.size_hw)
        assert (x != y).sum() <= 2


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_engines_answer_as_the_network_does(
    engine: str, batch_size: int, checkpoint: Path, model: Path, shapes: Path
) -> None:
    pytest.importorskip(engine)
    seen = pictures(shapes)
    torch_found = load_checkpoint(checkpoint).predict(seen, threshold=0.2, max_objects=20)
    found = load_predictor(str(model), engine=engine, batch_size=batch_size).predict(
        seen, threshold=0.2, max_objects=20
    )
    assert sum(len(one) for one in torch_found) > 5
    for ours, theirs in zip(found, torch_found, strict=True):
        assert_same(ours, theirs)


def test_the_file_explains_itself(model: Path) -> None:
    info = read_model_file(model).info
    assert info.name == "tiny"
    assert [(c.id, c.name) for c in info.categories] == [(3, "box"), (7, "ball")]
    assert info.threshold == 0.2
    assert info.figures == {"val": {"masks AP": 0.5}}
    assert info.training["pictures_seen"] == 96
    assert info.training["steps"] == 12
    assert info.training["data"]["train"] == "shapes.json"
    recipe = info.training["recipe"]
    assert "path" not in recipe["data"]  # a file must not carry paths of the machine it was made on
    recipe["data"]["path"] = None
    assert Recipe.model_validate(recipe).name == "tiny"


def test_the_card_says_what_the_file_says(model: Path) -> None:
    card = render_card(read_model_file(model).info, model.stat().st_size)
    for part in (
        "# Model card: tiny",
        "96 x 96 px",
        "box, ball",
        "pictures_seen: 96",
        "| masks AP | 0.500 |",
        "nobody",
    ):
        assert part in card


def test_a_calibration_goes_from_the_report_into_the_file(checkpoint: Path, tmp_path: Path) -> None:
    fitted = {"a": 0.5, "b": 1.5, "c": 0.25}
    content: dict[str, Any] = {
        "model": {"name": "tiny"},
        "data": {"name": "some val", "pictures": 3, "of_pictures": 3},
        "reliability": {"calibration": fitted},
    }
    report = tmp_path / "report.json"
    report.write_text(json.dumps(content))
    entry = calibration_of(report)
    export_checkpoint(checkpoint, tmp_path / "m.onnx", calibration=entry)
    info = read_model_file(tmp_path / "m.onnx").info
    assert info.calibration == entry
    assert entry.model_dump() == {**fitted, "fitted_on": "some val"}
    assert "calibrated on some val" in render_card(info, 1)
    for change, words in (
        ({"model": {"calibrated": True}}, "scores are calibrated"),
        ({"reliability": {"calibration": None}}, "no calibration was fitted"),
        ({"data": {"name": "val", "pictures": 3, "of_pictures": 9}}, "quick look"),
        ({"reliability": {}}, "not a report"),
    ):
        report.write_text(json.dumps(content | change))
        with pytest.raises(BadInput, match=words):
            calibration_of(report)


def test_figures_of_a_quick_look_are_refused(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    line = dict.fromkeys(("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100"), 0.25) | {"APs": None}
    content = {
        "data": {"name": "val", "pictures": 3, "of_pictures": 3},
        "settings": {"threshold": 0.05},
        "boxes": line,
        "masks": line,
    }
    report.write_text(json.dumps(content))
    name, figures = figures_of(report)
    assert name == "val"
    assert figures["masks AP50"] == 0.25
    assert "masks APs" not in figures
    content["data"]["of_pictures"] = 9
    report.write_text(json.dumps(content))
    with pytest.raises(BadInput, match="quick look at 3 pictures"):
        figures_of(report)
    report.write_text("{}")
    with pytest.raises(BadInput, match="not a report"):
        figures_of(report)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"text", None):
        path = tmp_path / "x.ckpt"
        if content is not None:
            path.write_bytes(content)
        else:
            path.unlink()
        with pytest.raises(BadWeights, match=r"x\.ckpt: "):
            export_checkpoint(path, tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def test_a_model_file_needs_no_torch_to_predict(model: Path, shapes: Path) -> None:
    code = (
        "import sys; from seasift.runtime.predictor import load_predictor; "
        "from seasift.core.picture import read_picture; from pathlib import Path; "
        f"load_predictor({str(model)!r}).predict([read_picture(next(Path({str(shapes.parent / 'images')!r}).iterdir()))]); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
