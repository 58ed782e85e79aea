"""`seasift evaluate`, as a user runs it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from seasift import __version__
from seasift.cli import main as entry
from seasift.core.image import write_image
from seasift.modelfile.info import read_model_file
from tests.tiny_model import CATEGORIES, quarters, save_tiny, tiny_info

Run = Callable[..., tuple[int, str, str]]
SIDE = 40
CORNERS = {"left top": (0, 0), "right top": (20, 0), "left bottom": (0, 20), "right bottom": (20, 20)}


def square(image_id: int, corner: str, category_id: int, number: int) -> dict[str, Any]:
    """The quarter of an image. The tiny model's box is a tenth of the image smaller: IoU 0.64."""
    x, y = CORNERS[corner]
    ring = [x, y, x + 20, y, x + 20, y + 20, x, y + 20]
    return {
        **{"id": number, "image_id": image_id, "category_id": category_id, "iscrowd": 0, "area": 400},
        **{"bbox": [x, y, 20, 20], "segmentation": [ring]},
    }


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in a folder with a model, two images and their truth."""
    save_tiny(tmp_path / "tiny.onnx")
    write_image(tmp_path / "data/images/a.png", quarters(250, 0, 160, 200, size=SIDE))
    write_image(tmp_path / "data/images/b b.png", quarters(0, 240, 0, 0, size=SIDE))
    names = ["a.png", "b b.png"]
    truth = {
        "images": [{"id": 4 + i, "file_name": n, "height": SIDE, "width": SIDE} for i, n in enumerate(names)],
        # Other ids than the model's: classes are found by name.
        "categories": [{"id": 31 - each["id"], "name": each["name"]} for each in CATEGORIES],
        "annotations": [
            square(4, "left top", 28, 1),
            square(4, "left bottom", 28, 2),
            square(4, "right bottom", 28, 3),
            square(5, "right top", 28, 4),
            square(5, "left bottom", 24, 5),
        ],
    }
    (tmp_path / "data/truth.json").write_text(json.dumps(truth))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["seasift", "evaluate", *arguments])
        with pytest.raises(SystemExit) as done:
            entry.main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return int(done.value.code or 0), out, err

    return call


def test_figures_of_a_model_file_as_table_json_and_page(run: Run) -> None:
    code, out, err = run("tiny.onnx", "data/truth.json", "-o", "out")
    assert code == 0, err
    record = json.loads(Path("out/report.json").read_text(encoding="utf-8"))
    # All four red things found with box IoU 0.64, the green one missed, no blue ones.
    red, green, blue = (
        {row["name"]: row for row in record["per_class"]}[f"{c} thing"] for c in ("red", "green", "blue")
    )
    assert (red["boxes"]["AP"], red["boxes"]["AP50"], red["boxes"]["AP75"]) == (pytest.approx(0.3), 1, 0)
    assert (red["precision"], red["recall"], red["objects"]) == (1, 1, 4)
    assert (green["boxes"]["AP50"], green["recall"], green["precision"]) == (0, 0, None)
    assert (blue["boxes"]["AP"], blue["objects"]) == (None, 0)
    assert record["boxes"]["AP50"] == 0.5
    both = r" +0\.500 \[\d\.\d{3}, \d\.\d{3}\]" * 2
    assert re.search(rf"^AP50{both}$", out, re.MULTILINE)
    assert re.search(
        r"^red thing +4 few( +\d\.\d{3}){4} +0\.300 +1\.000 +0\.000 +\d\.\d{3}$", out, re.MULTILINE
    )
    assert "report.html" in err
    model = read_model_file(Path("tiny.onnx"))
    assert record["model"] == {
        **{"name": "tiny", "file": "tiny.onnx", "sha256": model.sha256},
        **{"engine": "openvino", "precision": "f32", "calibrated": False, "expected_iou": False},
        "facts": record["model"]["facts"],
    }
    stored = [numpy_helper.to_array(each) for each in onnx.load("tiny.onnx").graph.initializer]
    weights = [each for each in stored if each.dtype == np.float32 and each.ndim]
    assert record["model"]["facts"] == {
        "parameters": sum(each.size for each in weights),
        "bytes": sum(each.nbytes for each in weights),
        "counted": "stored",
    }
    speed = record["speed"]
    assert (speed["engine"], speed["precision"], speed["threads"]) == ("openvino", "f32", None)
    assert speed["pictures"] == 1  # the first warms up
    assert speed["pictures_per_second"] > 0
    assert record["curves"]["boxes"]["50"][0] == 0.5
    assert record["settings"]["confidence"] == tiny_info().threshold
    assert record["settings"]["threshold"] == 0.05
    assert record["seasift"] == __version__
    assert record["data"]["name"] == "truth.json"
    assert len(record["data"]["fingerprint"]) >= 16
    assert record["machine"]["cores"] >= 1
    assert 0 < record["seconds"]["predict"] <= record["seconds"]["total"]
    assert "green thing" in Path("out/report.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "predictions.json",
        "report.html",
        "report.json",
    ]
    entries = json.loads(Path("out/predictions.json").read_text(encoding="utf-8"))
    assert {entry["category_id"] for entry in entries if entry["score"] > 0.5} == {28}


def test_what_a_model_file_says_of_its_network_stands_in_the_report(run: Run) -> None:
    facts = {"parameters": 30, "trainable": 20, "bytes": 160, "gflops": 0.5, "priors": 4}
    save_tiny(Path("tiny.onnx"), tiny_info(facts=facts))
    code, _, err = run("tiny.onnx", "data/truth.json", "-o", "out")
    assert code == 0, err
    assert json.loads(Path("out/report.json").read_text(encoding="utf-8"))["model"]["facts"] == facts


def test_tiles_are_evaluated_and_recorded(run: Run) -> None:
    """Tiles as large as the images change nothing; smaller ones see quarters of which the model knows nothing."""
    records = []
    for arguments in ((), ("--tile", "40"), ("--tile", "24x20", "--tile-whole")):
        code, _, err = run("tiny.onnx", "data/truth.json", "-o", "out", "--resamples", "0", *arguments)
        assert code == 0, err
        records.append(json.loads(Path("out/report.json").read_text(encoding="utf-8")))
    assert records[0]["boxes"] == records[1]["boxes"] != records[2]["boxes"]
    assert "tile" not in records[0]["model"]
    assert records[2]["model"]["tile"] == {
        **{"width": 24, "height": 20, "overlap_x": 6, "overlap_y": 5},
        **{"whole": True, "max_objects": 100},
    }


def test_without_output_only_the_table(run: Run) -> None:
    before = sorted(Path().rglob("*"))
    code, out, err = run("tiny.onnx", "data/truth.json", "--limit", "1")
    assert code == 0, err
    assert "note: Only 1 of 2 images were evaluated" in out
    assert sorted(Path().rglob("*")) == before


def test_threshold_and_number_of_objects_count(run: Run) -> None:
    assert run("tiny.onnx", "data/truth.json", "--threshold", "0.9", "--max-objects", "1", "-o", "o")[0] == 0
    record = json.loads(Path("o/report.json").read_text(encoding="utf-8"))
    assert (record["detections"], record["at_confidence"]["recall"]) == (2, 2 / 5)
    assert record["settings"]["confidence"] == 0.9


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("tiny.onnx", "nothing.json"), "nothing.json: no such file or folder"),
        (("nothing.onnx", "data/truth.json"), "nothing.onnx: no such model file"),
        (("data/truth.json", "data/truth.json"), "not a whole ONNX file"),
        (("nothing.ckpt", "data/truth.json"), "nothing.ckpt: no such file"),
        (("tiny.onnx", "data"), "not a prepared data set"),
        (("tiny.onnx", "data/truth.json", "--scheme", "official"), "--scheme: only for a prepared data set"),
        (("tiny.onnx", "data/truth.json", "--images", "data"), "a.png: no such file"),
        (("tiny.onnx", "data/truth.json", "-o", "tiny.onnx"), "-o tiny.onnx: a file"),
        (("a.pt", "data/truth.json", "--engine", "openvino"), "--engine: only for a model file"),
        (
            ("tiny.onnx", "data/truth.json", "--confidence", "0.01"),
            "--confidence 0.01 is below --threshold 0.05",
        ),
        (("tiny.onnx", "data/truth.json", "--threshold", "1.5"), "--threshold"),
        (("tiny.onnx", "data/truth.json", "--limit", "0"), "--limit"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    run: Run, arguments: tuple[str, ...], complaint: str
) -> None:
    given = arguments if "-o" in arguments else (*arguments, "-o", "out")
    code, out, err = run(*given)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("seasift: ")
    assert len(err.splitlines()) == (4 if err.startswith("Usage: ") else 1)
    assert complaint in err
    assert not Path("out").exists()


def test_other_classes_are_listed(run: Run) -> None:
    truth = json.loads(Path("data/truth.json").read_text(encoding="utf-8"))
    truth["categories"][0]["name"] = "scarlet thing"
    Path("data/truth.json").write_text(json.dumps(truth))
    code, _, err = run("tiny.onnx", "data/truth.json", "-o", "out")
    assert code == 2
    assert "only the model has red thing; only the data has scarlet thing" in err


def test_a_damaged_image_leaves_no_report(run: Run) -> None:
    path = Path("data/images/b b.png")
    path.write_bytes(path.read_bytes()[:60])
    code, _, err = run("tiny.onnx", "data/truth.json", "-o", "out")
    assert code == 2
    assert "b b.png" in err
    assert len(err.splitlines()) == 1
    assert not Path("out").exists()


def test_a_checkpoint_is_evaluated_like_a_model_file(run: Run) -> None:
    torch = pytest.importorskip("torch")
    from seasift.models.catalog import build
    from seasift.models.checkpoint import config_of
    from seasift.recipes.recipe import load_recipe

    changes = ["model.size=128", "model.weights=none", "model.fpn_channels=16", "model.proto_channels=16"]
    recipe = load_recipe("yolact-lite0-box", changes)
    torch.manual_seed(0)
    network = build(config_of(recipe, len(CATEGORIES)))
    content = {
        "hyper_parameters": {"recipe": recipe.model_dump(), "categories": CATEGORIES},
        "state_dict": {f"network.{name}": value for name, value in network.state_dict().items()},
    }
    torch.save(content, "net.ckpt")
    code, out, err = run("net.ckpt", "data/truth.json", "-o", "out")
    assert code == 0, err
    record = json.loads(Path("out/report.json").read_text(encoding="utf-8"))
    assert (record["model"]["engine"], record["model"]["file"]) == ("torch", "net.ckpt")
    assert len(record["model"]["sha256"]) == 64
    assert record["detections"] > 0
    assert "yolact-lite0-box (net.ckpt) on truth.json" in out


def test_a_checkpoint_without_pytorch(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.util import find_spec

    monkeypatch.setattr(
        "seasift.core.errors.find_spec", lambda name: None if name == "torch" else find_spec(name)
    )
    Path("net.ckpt").write_bytes(b"a checkpoint")
    code, _, err = run("net.ckpt", "data/truth.json")
    assert code == 2
    assert "pip install '.[train]'" in err
