"""`seasift models adopt`, as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seasift.cli import main as entry
from seasift.core.image import write_image
from tests.drawn_models import YOLO_METADATA, drawn_graph, save_graph, yolo_predictions

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    graph = drawn_graph({"output0": yolo_predictions([(10, 20, 30, 44, 1, 0.9)])}, metadata=YOLO_METADATA)
    save_graph(tmp_path / "theirs.onnx", graph)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["seasift", *arguments])
        with pytest.raises(SystemExit) as stop:
            entry.main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


def test_adopt_and_predict(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("models", "adopt", "theirs.onnx", "--map", "crab=animal", "-o", "ours.onnx")
    assert code == 0
    assert out.startswith("ours.onnx: yolo-detect, 2 classes, input 64x64 px")
    write_image(tmp_path / "image.png", np.zeros((64, 64, 3), np.uint8))
    assert (
        run("predict", "image.png", "--model", "ours.onnx", "--classes", "animals", "-o", "found.json")[0]
        == 0
    )
    (image,) = json.loads(Path("found.json").read_text(encoding="utf-8"))["images"]
    assert [(each["name"], each["box_xywh"]) for each in image["objects"]] == [("crab", [10, 20, 20, 24])]
    assert "yolo-detect" in run("models", "show", "ours.onnx")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("none.onnx",),
        ("theirs.onnx", "--kind", "yolo"),
        ("theirs.onnx", "--names", "fish"),
        ("theirs.onnx", "--size", "96"),
        ("theirs.onnx", "--map", "eel=animal"),
        ("theirs.onnx", "-o", "ours.txt"),
    ],
)
def test_wrong_use_is_one_line(run: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = run("models", "adopt", *arguments)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert not Path("theirs-seasift.onnx").exists()
