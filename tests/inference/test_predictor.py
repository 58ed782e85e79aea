"""Engines and predictor on a graph whose detections are known."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from seasift.core.errors import EngineError, InputError, MissingExtraError, ModelError
from seasift.core.image import write_image
from seasift.core.instances import Instances, Predictor
from seasift.inference.engines import open_engine
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.modelfile.info import to_metadata
from tests.tiny_model import quarters, save_tiny, tiny_graph, tiny_info

ENGINES = ["openvino", "onnxruntime"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module", params=ENGINES)
def predictor(tiny: Path, request: pytest.FixtureRequest) -> OnnxPredictor:
    if request.param == "onnxruntime":
        pytest.importorskip("onnxruntime")
    return load_predictor(tiny, engine=request.param, threads=1)


def same(a: Instances, b: Instances) -> bool:
    assert a.masks is not None
    assert b.masks is not None
    return (
        a.size_hw == b.size_hw
        and np.array_equal(a.boxes_xyxy, b.boxes_xyxy)
        and np.array_equal(a.scores, b.scores)
        and np.array_equal(a.class_ids, b.class_ids)
        and len(a.masks) == len(b.masks)
        and all(
            m.x0 == n.x0 and m.y0 == n.y0 and np.array_equal(m.crop, n.crop)
            for m, n in zip(a.masks, b.masks, strict=True)
        )
    )


def test_finds_what_the_image_holds(predictor: OnnxPredictor) -> None:
    protocol: Predictor = predictor
    image = quarters(left_top=255, right_top=0, left_bottom=102, right_bottom=204, size=64)
    image[:32, 32:, 2] = 153  # blue
    (found,) = protocol.predict([image], threshold=0.5)
    np.testing.assert_allclose(found.scores, [1.0, 0.8, 0.6], atol=1e-5)
    assert [protocol.categories[i].name for i in found.class_ids] == ["red thing", "red thing", "blue thing"]
    np.testing.assert_allclose(
        found.boxes_xyxy,
        [[3.2, 3.2, 28.8, 28.8], [35.2, 35.2, 60.8, 60.8], [35.2, 3.2, 60.8, 28.8]],
        atol=1e-4,
    )
    assert found.masks is not None
    # The mask fills the quarter but for what bilinear enlarging rounds off at its inner corner.
    for mask, (y, x) in zip(found.masks, [(0, 0), (32, 32), (0, 32)], strict=True):
        bitmap = mask.bitmap((64, 64))
        assert bitmap[y : y + 32, x : x + 32].mean() > 0.99
        bitmap[y : y + 32, x : x + 32] = False
        assert not bitmap.any()


def test_threshold_and_max_objects(predictor: OnnxPredictor) -> None:
    image = quarters(250, 200, 150, 100)
    assert [len(predictor.predict([image], threshold=t)[0]) for t in (0.1, 0.5, 0.7, 0.9, 0.99)] == [
        4,
        3,
        2,
        1,
        0,
    ]
    (best,) = predictor.predict([image], max_objects=2)
    np.testing.assert_allclose(best.scores, [250 / 255, 200 / 255], atol=1e-5)


def test_calibrated_scores_and_thresholds(tmp_path: Path) -> None:
    """With a = 2, b = 1, c = 0 the odds of s are s^2 / (1 - s)."""
    entry = {"a": 2.0, "b": 1.0, "c": 0.0, "fitted_on": "val"}
    predictor = load_predictor(save_tiny(tmp_path / "tiny.onnx", tiny_info(calibration=entry)), threads=1)
    image = quarters(204, 153, 102, 51)  # 0.8, 0.6, 0.4, 0.2
    expected = [s * s / (1 - s) / (1 + s * s / (1 - s)) for s in (0.8, 0.6, 0.4, 0.2)]
    (found,) = predictor.predict([image], threshold=0.0)
    np.testing.assert_allclose(found.scores, expected, atol=1e-5)
    for count, threshold in ((4, 0.04), (3, 0.06), (3, 0.2), (2, 0.22), (1, 0.5), (0, 0.8)):
        assert len(predictor.predict([image], threshold=threshold)[0]) == count


def test_chosen_classes_do_not_compete_with_others(predictor: OnnxPredictor) -> None:
    image = quarters(250, 240, 230, 220)
    image[..., 2] = 100
    (all_found,) = predictor.predict([image], max_objects=4)
    assert set(all_found.class_ids) == {0}
    (blue,) = predictor.predict([image], max_objects=4, class_ids=[2])
    assert blue.class_ids.tolist() == [2, 2, 2, 2]
    np.testing.assert_allclose(blue.scores, 100 / 255, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_equals_one_by_one(tiny: Path, engine: str, batch_size: int) -> None:
    rng = np.random.default_rng(0)
    images = [
        rng.integers(0, 256, (int(h), int(w), 3), dtype=np.uint8) for h, w in rng.integers(1, 90, size=(7, 2))
    ]
    predictor = load_predictor(tiny, engine=engine, threads=1, batch_size=batch_size)
    together = predictor.predict(images)
    assert len(together) == len(images)
    assert sum(map(len, together)) > 0
    for image, found in zip(images, together, strict=True):
        assert found.size_hw == image.shape[:2]
        assert same(found, predictor.predict([image])[0])


def test_no_images(predictor: OnnxPredictor) -> None:
    assert predictor.predict([]) == []


def test_threads_may_share_a_predictor(predictor: OnnxPredictor) -> None:
    images = [quarters(255 - 5 * i, 5 * i, 128, 2 * i) for i in range(40)]
    alone = [predictor.predict([image])[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        shared = list(pool.map(lambda image: predictor.predict([image])[0], images))
    assert all(same(a, b) for a, b in zip(alone, shared, strict=True))


def test_engines_agree(tiny: Path) -> None:
    image = quarters(250, 200, 150, 140)
    a, b = (load_predictor(tiny, engine=engine).predict([image])[0] for engine in ENGINES)
    np.testing.assert_allclose(a.scores, b.scores, atol=1e-5)
    np.testing.assert_allclose(a.boxes_xyxy, b.boxes_xyxy, atol=1e-4)


def conv_model() -> Any:
    """A graph with a convolution, which is where a CPU's bf16 shows."""
    import onnx
    from onnx import TensorProto, numpy_helper

    weights = np.random.default_rng(0).normal(size=(32, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["images", "w"], ["boxes"], pads=[1, 1, 1, 1])],
        "conv",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ("b", 3, 32, 32))],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ("b", 32, 32, 32))],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model, weights


@pytest.mark.parametrize("asked", ["f32", "bf16"])
def test_precision_is_the_one_that_is_reported(asked: str) -> None:
    """OpenVINO's own choice would be bf16 on a CPU that has it. The outputs show what was really used."""
    model, weights = conv_model()
    engine = open_engine(model.SerializeToString(), "conv", engine="openvino", precision=asked, threads=1)
    batch = np.random.default_rng(1).normal(size=(1, 3, 32, 32)).astype(np.float32)
    got = engine.run(batch)["boxes"][0, :, 10, 10]
    exact = np.tensordot(weights.astype(float), batch[0, :, 9:12, 9:12].astype(float), 3)
    error = np.abs(got - exact).max()
    if asked == "f32":
        assert engine.precision == "f32"
        assert error < 1e-5
    else:  # a CPU without bf16 computes in f32, and must say so
        assert (engine.precision == "bf16") == (error > 1e-4)
        assert engine.precision in ("bf16", "f32")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"engine": "openvno"},
            "engine 'openvno' (did you mean 'openvino'?); expected one of openvino, onnxruntime, onnxruntime-cuda",
        ),
        (
            {"engine": "onnxruntime", "precision": "bf16"},
            "precision with engine onnxruntime: 'bf16'",
        ),
        ({"precision": "int4"}, "expected one of auto, f32, bf16, f16"),
        ({"threads": 0}, "0 threads; expected 1 to 1024"),
    ],
)
def test_impossible_settings(tiny: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_predictor(tiny, **settings)
    assert words in str(caught.value)


def test_missing_onnxruntime_names_the_command(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[onnxruntime\]'"):
        load_predictor(tiny, engine="onnxruntime")


def test_a_gpu_engine_never_falls_back_to_the_cpu(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(MissingExtraError, match=r"CUDAExecutionProvider.*CPUExecutionProvider.*'\.\[gpu\]'"):
        load_predictor(tiny, engine="onnxruntime-cuda")
    real = onnxruntime.InferenceSession

    def without_a_driver(
        *args: object, providers: list[tuple[str, dict[str, str]]], **more: object
    ) -> object:
        assert providers == [("CUDAExecutionProvider", {"use_tf32": "0"})]
        return real(*args, providers=["CPUExecutionProvider"], **more)

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", without_a_driver)
    with pytest.raises(InputError, match="found no device"):
        load_predictor(tiny, engine="onnxruntime-cuda")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("graph", "info", "words"),
    [
        ({"fixed_batch": True}, {}, "'images' is 1x3x32x32 of float32; expected ?x3x32x32"),
        ({"classes": 2}, {}, "'scores' is ?x4x2 of float32; expected ?x4x3"),
        ({"leave_out": "prototypes"}, {}, "outputs boxes, scores, coefficients; expected images and boxes,"),
        (
            {},
            {"input": {"size_hw": (32, 48), "mean": (0, 0, 0), "std": (1, 1, 1)}},
            "'images' is ?x3x32x32 of float32; expected ?x3x32x48",
        ),
    ],
)
def test_a_graph_that_is_not_as_described(
    tmp_path: Path, engine: str, graph: dict[str, Any], info: dict[str, Any], words: str
) -> None:
    path = save_tiny(tmp_path / "m.onnx", tiny_info(**info), **graph)
    with pytest.raises(ModelError) as caught:
        load_predictor(path, engine=engine)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_damaged_graph_with_a_whole_description(tmp_path: Path, engine: str) -> None:
    model = tiny_graph()
    model.graph.node[0].op_type = "NoSuchStep"
    helper.set_model_props(model, to_metadata(tiny_info()))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="cannot load it") as caught:
        load_predictor(tmp_path / "m.onnx", engine=engine)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_that_fails_while_running_is_one_line_with_another_way(engine: str) -> None:
    """A graph of one image, given two: as on a processor that lacks a step, only the run fails."""
    model = tiny_graph(fixed_batch=True).SerializeToString()
    ready = open_engine(model, "m.onnx", engine=engine, precision="f32", threads=1)
    assert ready.run(np.zeros((1, 3, 32, 32), np.float32))["scores"].shape == (1, 4, 3)
    with pytest.raises(EngineError, match="--engine") as caught:
        ready.run(np.zeros((2, 3, 32, 32), np.float32))
    assert "\n" not in str(caught.value)
    assert f"--engine {engine}" not in str(caught.value)
    assert caught.value.exit_code == 1


@pytest.mark.slow
def test_a_processor_without_avx_gives_one_line(tmp_path: Path) -> None:
    """OpenVINO told to use SSE 4.1 alone, which its own graph of the bundled model does not run with."""
    image = tmp_path / "a.png"
    write_image(image, np.zeros((60, 80, 3), np.uint8))
    limited = {**os.environ, "ONEDNN_MAX_CPU_ISA": "SSE41", "SEASIFT_CACHE": "off"}
    command = [sys.executable, "-m", "seasift", "predict", str(image), "--precision", "f32"]
    done = subprocess.run(command, env=limited, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    if done.returncode:  # a later OpenVINO may run it
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1
        assert "--engine onnxruntime" in done.stderr


def test_files_that_are_not_models_print_nothing(tmp_path: Path) -> None:
    """OpenVINO tries every format it knows on them and prints from C++."""
    (tmp_path / "m.onnx").write_bytes(b"hello")
    code = (
        "import sys\n"
        "from seasift.core.errors import ModelError\n"
        "from seasift.inference.predictor import load_predictor\n"
        "try: load_predictor(sys.argv[1])\n"
        "except ModelError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "m.onnx"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "not a whole ONNX file" in done.stdout


def test_predicting_loads_nothing_heavy(tiny: Path) -> None:
    code = (
        "import sys, numpy\n"
        "from seasift.inference import engines, inputs, predictor, stream\n"
        "from seasift.video import reading\nfrom seasift.viz import drawing\n"
        "assert 'openvino' not in sys.modules and 'av' not in sys.modules\n"
        "p = predictor.load_predictor(sys.argv[1])\n"
        "p.predict([numpy.zeros((9, 9, 3), numpy.uint8)])\n"
        "heavy = {'torch', 'torchvision', 'lightning', 'timm', 'matplotlib', 'pycocotools', 'onnx'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tiny], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_threads_do_not_share_a_process_first_run(tmp_path: Path) -> None:
    """OpenVINO's bindings can stand still for ever there; in a process of its own, since only the first run counts."""
    save_tiny(tmp_path / "tiny.onnx")
    code = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from seasift.inference.openvino_engine import OpenVinoEngine
from seasift.inference.predictor import load_predictor

model = load_predictor(sys.argv[1], throughput=True)
run, lock, inside, most, together = OpenVinoEngine._run, threading.Lock(), [0], [0], threading.Barrier(4)

def watched(self, batch):
    with lock:
        inside[0] += 1
        if not OpenVinoEngine._has_run:
            most[0] = max(most[0], inside[0])
    try:
        return run(self, batch)
    finally:
        with lock:
            inside[0] -= 1

def look(_):
    together.wait()
    model.predict([np.zeros((64, 64, 3), np.uint8)])

OpenVinoEngine._run = watched
with ThreadPoolExecutor(4) as pool:
    list(pool.map(look, range(4)))
print(most[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "tiny.onnx")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["1"]


@pytest.mark.parametrize("first", [0, 1])
def test_a_signal_after_models_went(tiny: Path, first: int) -> None:
    """In a process of its own, which a second OpenVINO would end by a segmentation fault. See `openvino_core`."""
    code = """
import signal, sys
from seasift.inference.predictor import load_predictor

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background of a shell
models = [load_predictor(sys.argv[1], precision="f32") for _ in range(2)]
del models[int(sys.argv[2])], models[0]
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny), str(first)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")
