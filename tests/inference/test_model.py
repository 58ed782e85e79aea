"""A model as Python users call it: the tiny model, whose answers are known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import seasift
from seasift.core.image import read_image, write_image
from seasift.inference.image_options import ImageKeywords, ImageOptions
from tests.tiny_model import quarters, save_tiny

RED = quarters(250, 0, 160, 200, size=64)


def red_and_green() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """One quarter that is red and a little less green."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32] = (250, 200, 0)
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_tiny(folder / "tiny.onnx")
    write_image(folder / "red.png", RED)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> seasift.Model:
    return seasift.load(folder / "tiny.onnx", precision="f32")


def test_every_form_of_image_gives_the_same(model: seasift.Model, folder: Path) -> None:
    for image in (folder / "red.png", str(folder / "red.png"), RED, Image.fromarray(RED)):
        found = model(image)
        assert [obj.name for obj in found] == ["red thing"] * 3
        assert found.scores == pytest.approx(np.array([250, 200, 160]) / 255, abs=1e-3)
    assert found[0].category_id == 3


def test_a_list_gives_a_list(model: seasift.Model, folder: Path) -> None:
    black = np.zeros((20, 30, 3), np.uint8)
    for several in ([RED, black, folder / "red.png"], (RED, black, folder / "red.png")):
        found = model(several)
        assert isinstance(found, list)
        assert [len(each) for each in found] == [3, 0, 3]
        assert found[1].size_hw == (20, 30)


def test_the_same_image_gives_the_same_objects_as_the_command_line(folder: Path) -> None:
    """At the defaults of both, which are the model's threshold and precision auto."""
    command = [sys.executable, "-m", "seasift", "predict", "red.png", "-m", "tiny.onnx"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    document = json.loads(done.stdout)
    model = seasift.load(folder / "tiny.onnx")
    found = model(folder / "red.png")
    assert document["images"][0]["objects"] == [
        {
            "category_id": obj.category_id,
            "name": obj.name,
            "score": obj.score,
            "box_xywh": list(obj.box_xywh),
            "area_px": obj.area_px,
            "mask": obj.mask.rle(obj.size_hw) if obj.mask else None,
        }
        for obj in found
    ]
    assert (document["precision"], document["threshold"]) == (model.precision, model.threshold)


def test_options(model: seasift.Model) -> None:
    assert [obj.score for obj in model(RED, threshold=0.7)] == pytest.approx([250 / 255, 200 / 255], abs=1e-3)
    assert (
        len(model(RED, max_objects=1))
        == len(model(RED, threshold=np.float32(0.9), max_objects=np.int64(3)))
        == 1
    )  # type: ignore[call-overload]
    assert len(model(RED, classes=["green thing"])) == len(model(RED, classes="green thing,blue thing")) == 0
    assert len(model(RED, tile="64")) == 3
    assert (model.threshold, model.max_objects) == (0.5, 10)
    assert model.class_names == ["red thing", "green thing", "blue thing"]


def test_one_class_an_object_unless_asked_for_all(model: seasift.Model) -> None:
    assert model(red_and_green()).names == ["red thing"]
    assert sorted(model(red_and_green(), all_classes=True).names) == ["green thing", "red thing"]


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 1.5},
        {"threshold": float("nan")},
        {"threshold": "0.5"},
        {"threshold": True},
        {"max_objects": 0},
        {"max_objects": 2.5},
        {"classes": ["red thin"]},
        {"tile": "5"},
        {"tile_whole": True},
        {"tile": "480", "tile_overlap": 2.0},
    ],
)
def test_a_wrong_option_is_an_input_error(model: seasift.Model, options: ImageKeywords) -> None:
    with pytest.raises(seasift.InputError):
        model(RED, **options)


def test_an_unknown_option_is_a_type_error(model: seasift.Model) -> None:
    with pytest.raises(TypeError, match="treshold"):
        model(RED, treshold=0.3)  # type: ignore[call-overload]


def test_a_bad_image_of_a_list_is_named(model: seasift.Model) -> None:
    with pytest.raises(seasift.InputError, match=r"images\[1\].*float64"):
        model([RED, RED / 255])
    for empty in ([], ()):
        with pytest.raises(seasift.InputError, match="empty"):
            model(empty)


@pytest.mark.parametrize(
    "arguments",
    [{"model": "nothing"}, {"model": None}, {"model": 3}, {"model": "default", "threads": 0}],
)
def test_load_says_what_is_wrong(arguments: dict[str, object]) -> None:
    with pytest.raises(seasift.InputError):
        seasift.load(**arguments)  # type: ignore[arg-type]


def test_a_result_knows_its_image(model: seasift.Model, folder: Path) -> None:
    image = read_image(folder / "red.png")
    for given in (folder / "red.png", image):
        assert model(given).plot().image_rgb_u8.shape[2] == 3
    assert "tiny" in repr(model)


def test_keywords_are_the_fields_of_the_options() -> None:
    fields = ImageOptions.__dataclass_fields__
    keywords = ImageKeywords.__annotations__
    assert list(keywords) == list(fields)
    for name, kind in keywords.items():
        assert fields[name].type.__origin__ == kind  # type: ignore[union-attr]
