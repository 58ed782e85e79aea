"""`seasift.predict` from Python; what it finds and writes is tested through the command line in tests/cli."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import seasift
from seasift.core.image import write_image
from seasift.formats import validation
from tests.tiny_model import quarters, save_tiny
from tests.tiny_video import save_video


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_tiny(tmp_path / "tiny.onnx")
    write_image(tmp_path / "pics" / "a.png", quarters(250, 0, 160, 200))
    write_image(tmp_path / "pics" / "b.png", quarters(0, 0, 0, 0, size=64))
    save_video(tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_images_failures_and_files(folder: Path) -> None:
    failed: list[str] = []
    steps: list[tuple[int, int]] = []
    result = seasift.predict(
        ["pics", Path("clip.mp4"), "gone.jpg"],
        model=folder / "tiny.onnx",
        every="1s",
        output="found",
        formats=["json", "csv"],
        on_failure=lambda failure: failed.append(failure.file),
        progress=lambda done, total: steps.append((done, total)),
    )
    files = ["pics/a.png", "pics/b.png", *(f"clip.mp4#frame={i}" for i in (0, 10, 20))]
    assert [image.file for image in result.images] == files
    assert [len(image.objects) for image in result.images][:2] == [3, 0]
    assert result.images[-1].frame == 20
    assert [failure.file for failure in result.failures] == failed == ["gone.jpg"]
    assert result.written == (Path("found/predictions.json"), Path("found/predictions.csv"))
    assert steps[-1] == (6, 6)
    assert json.loads(Path("found/predictions.json").read_text("utf-8")) == json.loads(
        "".join(result.text("json"))
    )
    assert not list(Path("found").glob(".*")), "no trace of work in progress"
    assert "5 images" in repr(result)


@pytest.mark.usefixtures("folder")
def test_results_can_be_read_until_nobody_holds_them() -> None:
    result = seasift.predict("pics", model="tiny.onnx", output="found")
    gc.collect()
    images = result.images
    del result
    gc.collect()
    assert [len(image.objects) for image in images] == [3, 0]
    assert images[1].width == 64


@pytest.mark.parametrize("format", ["json", "csv", "coco"])
@pytest.mark.usefixtures("folder")
def test_the_text_is_that_of_the_command_line(format: str) -> None:
    command = [sys.executable, "-m", "seasift", "predict", "pics", "-m", "tiny.onnx", "-f", format]
    done = subprocess.run([*command, "--masks", "polygons"], capture_output=True, check=True)
    result = seasift.predict("pics", model="tiny.onnx", formats=format, masks="polygons")
    assert "".join(result.text(format)) == done.stdout.decode()
    assert result.written == ()
    with pytest.raises(seasift.InputError, match="xml"):
        result.text("xml")


def test_nothing_is_written_without_an_output(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    result = seasift.predict("pics", model="tiny.onnx")
    assert validation.problems(json.loads("".join(result.text("json")))) == []
    assert sorted(folder.rglob("*")) == before


@pytest.mark.usefixtures("folder")
def test_a_data_frame_has_a_row_an_object() -> None:
    pytest.importorskip("pandas")
    result = seasift.predict("pics", model="tiny.onnx")
    table = result.to_dataframe()
    objects = result.images[0].objects
    assert table["name"].tolist() == [obj.name for obj in objects]
    assert table["area_px"].tolist() == [obj.area_px for obj in objects]


@pytest.mark.usefixtures("folder")
def test_a_loaded_model_gives_the_same() -> None:
    loaded = seasift.load("tiny.onnx")
    texts = {"".join(seasift.predict("pics", model=model).text("csv")) for model in (loaded, "tiny.onnx")}
    assert len(texts) == 1
    with pytest.raises(seasift.InputError, match="precision"):
        seasift.predict("pics", model=loaded, precision="f32")


@pytest.mark.parametrize(
    "arguments",
    [
        {"inputs": []},
        {"inputs": None},
        {"inputs": b"pics"},
        {"inputs": [3]},
        {"inputs": "gone.jpg"},
        {"inputs": "pics", "formats": ["jason"]},
        {"inputs": "pics", "formats": "overlay"},
        {"inputs": "pics", "masks": "bitmap"},
        {"inputs": "pics", "threshold": 2},
        {"inputs": "pics", "classes": "whale"},
        {"inputs": "pics", "every": "often"},
        {"inputs": "pics", "model": "nothing"},
        {"inputs": "pics", "like": "gone.json"},
    ],
)
def test_wrong_arguments_are_input_errors_and_write_nothing(folder: Path, arguments: dict[str, Any]) -> None:
    before = sorted(folder.rglob("*"))
    with pytest.raises(seasift.InputError):
        seasift.predict(**{"model": "tiny.onnx", "output": None, **arguments})
    assert sorted(folder.rglob("*")) == before
