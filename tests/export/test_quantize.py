"""Model files in 8-bit numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from seasift.core.errors import ModelError, WeightsError
from seasift.core.image import read_image
from seasift.core.prepare import prepare
from seasift.data.prepared import DataSplit, resolve_split
from seasift.export.to_onnx import serialise
from seasift.inference.engines import open_engine
from seasift.inference.predictor import load_predictor
from seasift.modelfile.info import CalibrationEntry, ClassEntry, InputEntry, ModelInfo, read_model_file
from seasift.models.catalog import FAMILIES, build, make_config
from seasift.training.initial import read_model_weights
from tests.tiny_model import save_tiny

pytest.importorskip("nncf", reason="the extra 'quantize' is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with random weights."""
    import torch

    torch.manual_seed(1)
    network = build(make_config("sift", "s", 2, size=96)).eval()
    spec = FAMILIES["sift"].input_spec(network.config)
    info = ModelInfo(
        name="small",
        head="yolact",
        categories=(ClassEntry(id=3, name="box"), ClassEntry(id=7, name="ball")),
        input=InputEntry(size_hw=spec.size_hw, mean=spec.mean, std=spec.std, resize=spec.resize),
        calibration=CalibrationEntry(a=1, b=2, c=0.5, fitted_on="nothing"),
        threshold=0.3,
        max_objects=100,
        figures={"val": {"masks AP": 0.5}},
        licence="none",
        attribution="",
    )
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    path.write_bytes(serialise(network, info))
    return path


@pytest.fixture(scope="module")
def split(shapes: Path) -> DataSplit:
    return resolve_split(shapes)


@pytest.fixture(scope="module")
def quantized(model: Path, split: DataSplit) -> Path:
    from seasift.export.quantize import quantize

    out = model.with_name("int8.onnx")
    seen: list[tuple[int, int]] = []
    quantize(model, out, split, images=5, progress=lambda done, total: seen.append((done, total)))
    assert (5, 5) in seen
    return out


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_the_network_says_nearly_the_same(
    engine: str, model: Path, quantized: Path, split: DataSplit
) -> None:
    spec = read_model_file(model).info.input_spec()
    image = prepare(read_image(split.images_dir / split.coco.images[1].file_name), spec)[None]
    whole, rounded = (
        open_engine(path.read_bytes(), path.name, engine=engine, precision="f32", threads=1).run(image)
        for path in (model, quantized)
    )
    for name, values in whole.items():
        error = np.abs(rounded[name] - values).mean() / values.std()
        assert error < 0.1, name
    assert any(np.abs(rounded[name] - values).max() > 1e-4 for name, values in whole.items())


def test_the_file_is_small_and_says_what_it_is(model: Path, quantized: Path) -> None:
    assert quantized.stat().st_size < 0.4 * model.stat().st_size
    info = read_model_file(quantized).info
    assert info.quantized.startswith("int8 by NNCF")
    assert "5 images of shapes.json" in info.quantized
    assert info.figures == {}  # they are another network's
    assert info.calibration is None
    assert info.counting is None
    before = read_model_file(model).info.score_calibration()
    assert before is not None
    assert before.apply(np.array([info.threshold]))[0] == pytest.approx(0.3, abs=1e-5)
    kinds = {node.op_type for node in onnx.load(quantized).graph.node}
    assert "QuantizeLinear" in kinds
    assert "BatchNormalization" not in kinds
    assert load_predictor(quantized).precision == "int8+f32"


def test_the_first_and_the_last_convolutions_stay_exact(quantized: Path) -> None:
    graph = onnx.load(quantized).graph
    maker = {name: node.op_type for node in graph.node for name in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    exact = [node for node in convolutions if maker.get(node.input[1]) != "DequantizeLinear"]
    weights = {each.name: list(each.dims) for each in graph.initializer}
    shapes = [weights[node.input[1]] for node in exact]
    assert shapes[0][1] == 3  # of the image
    assert sorted(shape[0] for shape in shapes[1:]) == sorted(
        [2, 64, 32] * 3 + [32]
    )  # three levels, prototypes
    assert len(convolutions) > 50


def test_what_cannot_be_quantized_is_refused(quantized: Path, split: DataSplit, tmp_path: Path) -> None:
    from seasift.export.quantize import quantize

    with pytest.raises(ModelError, match="quantised already"):
        quantize(quantized, tmp_path / "twice.onnx", split)
    save_tiny(tmp_path / "tiny.onnx")
    changed = onnx.load(tmp_path / "tiny.onnx")
    entry = next(each for each in changed.metadata_props if each.key == "seasift")
    entry.value = json.dumps(json.loads(entry.value) | {"head": "mask-rcnn"})
    onnx.save(changed, tmp_path / "rcnn.onnx")
    with pytest.raises(ModelError, match="head mask-rcnn"):
        quantize(tmp_path / "rcnn.onnx", tmp_path / "out.onnx", split)
    assert not (tmp_path / "out.onnx").exists()


def test_training_does_not_go_on_from_it(quantized: Path) -> None:
    with pytest.raises(WeightsError, match="quantised"):
        read_model_weights(quantized)
