"""Adopting graphs of other makers: the file that is written finds the objects that the graph was drawn with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import seasift
from seasift.core.errors import InputError, ModelError
from seasift.export.adopt import adopt, read_names
from seasift.modelfile.info import read_model_file
from tests.drawn_models import YOLO_METADATA, drawn_graph, save_graph, yolo_predictions

FISH_AND_CRAB = [(10.0, 20.0, 30.0, 44.0, 1, 0.9), (40.0, 22.0, 60.0, 40.0, 0, 0.6)]


def detector(path: Path, **graph: Any) -> Path:
    values = {"metadata": YOLO_METADATA, **graph}
    return save_graph(path, drawn_graph({"output0": yolo_predictions(FISH_AND_CRAB)}, **values))


def segmenter() -> onnx.ModelProto:
    prototypes = np.full((1, 2, 16, 16), -10, np.float32)
    prototypes[0, 0] = 10
    prototypes[0, 1, :, 12:] = 10  # right of 48 px of the input
    outputs = {
        "output0": yolo_predictions(FISH_AND_CRAB, coefficients=np.eye(2, dtype=np.float32)),
        "output1": prototypes,
    }
    return drawn_graph(outputs, metadata={**YOLO_METADATA, "task": "segment"})


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_a_detector(tmp_path: Path, engine: str) -> None:
    path, info = adopt(detector(tmp_path / "theirs.onnx"))
    assert path == tmp_path / "theirs-seasift.onnx"
    assert (info.name, info.head, info.threshold) == ("theirs", "yolo-detect", 0.25)
    model = seasift.load(path, engine=engine)
    assert model.precision == "f32"
    found = model(np.zeros((96, 128, 3), np.uint8))  # letterboxed: 48 rows of the input, from row 8
    assert found.names == ["crab", "fish"]
    assert found.masks is None
    np.testing.assert_allclose(found.scores, [0.9, 0.6])
    np.testing.assert_allclose(found.boxes_xyxy, [[20, 24, 60, 72], [80, 28, 120, 64]])


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_a_segmenter(tmp_path: Path, engine: str) -> None:
    path, info = adopt(save_graph(tmp_path / "theirs.onnx", segmenter()), tmp_path / "ours.onnx")
    assert info.head == "yolo-segment"
    found = seasift.load(path, engine=engine)(np.zeros((64, 64, 3), np.uint8))
    assert found.masks is not None
    crab, fish = (mask.bitmap((64, 64)) for mask in found.masks)
    assert crab.sum() == crab[20:44, 10:30].sum() == 20 * 24
    assert fish.sum() == fish[22:40, 48:60].sum() == 12 * 18


def test_the_graph_stays_byte_for_byte(tmp_path: Path) -> None:
    given = detector(tmp_path / "theirs.onnx")
    path, _ = adopt(given)
    before, after = onnx.load(str(given)), onnx.load(str(path))
    assert before.graph.SerializeToString() == after.graph.SerializeToString()
    assert {p.key for p in after.metadata_props} - {p.key for p in before.metadata_props} == {"seasift"}


def test_names_come_from_the_file_a_list_or_a_text_file(tmp_path: Path) -> None:
    without = detector(tmp_path / "theirs.onnx", metadata={})
    (tmp_path / "names.txt").write_text("eel\n\n shark \n")
    for names in ("eel, shark", ["eel", "shark"], str(tmp_path / "names.txt")):
        path, _ = adopt(without, names=names)
        assert [c.name for c in read_model_file(path).info.categories] == ["eel", "shark"]
    with pytest.raises(InputError, match="--names"):
        adopt(without)
    with pytest.raises(InputError, match="3 names for 2 classes"):
        adopt(without, names="a,b,c")
    with pytest.raises(InputError, match="no such file"):
        read_names("nowhere.txt")
    with pytest.raises(InputError, match="no name"):
        read_names(" , ")


def test_a_graph_of_any_size_needs_one(tmp_path: Path) -> None:
    shape = ("batch", 3, "height", "width")
    free = detector(tmp_path / "theirs.onnx", input_shape=shape, metadata={"names": "['fish', 'crab']"})
    with pytest.raises(InputError, match="--size"):
        adopt(free)
    assert adopt(free, size="64")[1].input.size_hw == (64, 64)
    fixed = detector(tmp_path / "fixed.onnx")
    with pytest.raises(InputError, match="64x64"):
        adopt(fixed, size="96x64")


def external(model: onnx.ModelProto) -> None:
    weights = model.graph.initializer[1]
    weights.data_location = TensorProto.EXTERNAL
    entry = weights.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    weights.ClearField("raw_data")


def branching(model: onnx.ModelProto) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["output0"], ["inner"])],
        "body",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(helper.make_node("If", ["yes"], ["after"], then_branch=body, else_branch=body))


def foreign(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Magic", ["output0"], ["after"], domain="their.own"))


def not_a_number(model: onnx.ModelProto) -> None:
    raw = yolo_predictions(FISH_AND_CRAB)
    raw[0, 2, 3] = np.nan
    weights = next(each for each in model.graph.initializer if each.name == "output0 drawn")
    weights.CopyFrom(numpy_helper.from_array(raw, "output0 drawn"))


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("NoSuchOperator", ["output0"], ["after"]))
    model.graph.output[0].name = "after"


def another_shape(model: onnx.ModelProto) -> None:
    weights = next(each for each in model.graph.initializer if each.name == "output0 drawn")
    weights.CopyFrom(numpy_helper.from_array(np.zeros((1, 7, 9), np.float32), "output0 drawn"))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("output0", TensorProto.FLOAT, (1, 7, 9)))


def ours_already(model: onnx.ModelProto) -> None:
    helper.set_model_props(model, {"seasift": "{}"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (external, "other files"),
        (branching, "If"),
        (foreign, "their.own.Magic"),
        (not_a_number, "NaN"),
        (unknown_operator, "OpenVINO cannot load it"),
        (another_shape, "--kind"),
        (ours_already, "already"),
    ],
)
def test_graphs_that_cannot_be_adopted(tmp_path: Path, change: Any, words: str) -> None:
    model = drawn_graph({"output0": yolo_predictions(FISH_AND_CRAB)}, metadata=YOLO_METADATA)
    change(model)
    with pytest.raises(ModelError) as caught:
        adopt(save_graph(tmp_path / "theirs.onnx", model))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [tmp_path / "theirs.onnx"]


@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (1, 4, 64, 64), (1, 64, 64, 3), (3,)])
def test_inputs_that_do_not_fit(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="1x3xHxW"):
        adopt(detector(tmp_path / "theirs.onnx", input_shape=shape))


def test_files_that_are_no_graphs(tmp_path: Path) -> None:
    whole = detector(tmp_path / "theirs.onnx").read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2]):
        (tmp_path / "broken.onnx").write_bytes(content)
        with pytest.raises(ModelError, match="ONNX"):
            adopt(tmp_path / "broken.onnx")
    for path in (tmp_path, tmp_path / "none.onnx"):
        with pytest.raises(ModelError):
            adopt(path)
    with pytest.raises(ModelError, match="yolo-detect"):
        adopt(tmp_path / "theirs.onnx", kind="yolo-detekt")
    with pytest.raises(ModelError, match="points"):
        adopt(tmp_path / "theirs.onnx", kind="yolo-segment")


def test_supercategories_by_a_map(tmp_path: Path) -> None:
    given = detector(tmp_path / "theirs.onnx")
    path, _ = adopt(given, map={"fish": "animals", "crab": "trash"})
    model = seasift.load(path)
    assert [category.group for category in model.categories] == ["animal", "trash"]
    image = np.zeros((64, 64, 3), np.uint8)
    assert model(image, classes=["animals"]).names == ["fish"]
    assert model(image, classes=["trash"]).names == ["crab"]
    plain, _ = adopt(given)
    assert {category.group for category in seasift.load(plain).categories} == {"other"}
    for wrong in ("eel=animal", "fish=mineral"):
        with pytest.raises(InputError, match="--map"):
            adopt(given, map=wrong)
