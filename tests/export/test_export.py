"""What is exported answers as the network does, on every engine, and says everything about itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from seasift.core.decode import YolactDecode
from seasift.core.errors import InputError, WeightsError
from seasift.core.image import read_image
from seasift.core.instances import Instances
from seasift.evaluation.document import Evaluation
from seasift.export import to_onnx
from seasift.export.card import calibration_of, metrics_of, read_report, render_card
from seasift.export.quantize import to_half, to_single
from seasift.export.to_onnx import export_checkpoint
from seasift.inference.predictor import load_predictor
from seasift.modelfile.info import read_model_file, to_metadata
from seasift.models.checkpoint import load_network
from seasift.models.checkpoint import load_predictor as load_checkpoint
from seasift.models.yolact.network import YolactGraph
from seasift.recipes.recipe import Recipe, load_recipe
from seasift.training.initial import initialise, read_model_weights
from seasift.training.module import TrainingModule
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
        [checkpoint], path, threshold=0.2, figures={"val": {"masks AP": 0.5}}, attribution="nobody"
    )
    return path


def images(shapes: Path) -> list[np.ndarray[Any, Any]]:
    found = [read_image(path) for path in sorted((shapes.parent / "images").iterdir())]
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
    seen = images(shapes)
    torch_found = load_checkpoint(checkpoint).predict(seen, threshold=0.2, max_objects=20)
    found = load_predictor(str(model), engine=engine, batch_size=batch_size).predict(
        seen, threshold=0.2, max_objects=20
    )
    assert sum(len(one) for one in torch_found) > 5
    for ours, theirs in zip(found, torch_found, strict=True):
        assert_same(ours, theirs)


def test_a_lower_mask_threshold_in_the_file_makes_wider_masks(
    model: Path, shapes: Path, tmp_path: Path
) -> None:
    info = read_model_file(model).info
    assert info.decode.mask_threshold == 0.5
    proto = onnx.load(model)
    del proto.metadata_props[:]
    decode = info.decode.model_copy(update={"mask_threshold": 0.25})
    for key, value in to_metadata(info.model_copy(update={"decode": decode})).items():
        proto.metadata_props.add(key=key, value=value)
    onnx.save(proto, tmp_path / "wide.onnx")
    seen = images(shapes)[:1]
    narrow, wide = (
        load_predictor(path).predict(seen, threshold=0.2)[0] for path in (model, tmp_path / "wide.onnx")
    )
    assert narrow.masks
    assert wide.masks
    grown = 0
    for a, b in zip(narrow.masks, wide.masks, strict=True):
        inner, outer = a.bitmap(narrow.size_hw), b.bitmap(wide.size_hw)
        assert not (inner & ~outer).any()
        grown += int(outer.sum() - inner.sum())
    assert grown > 50


def test_training_goes_on_from_it(checkpoint: Path, model: Path) -> None:
    network, recipe, categories = load_network(checkpoint)
    module = TrainingModule(recipe, categories)
    fresh, _ = initialise(module, str(model))
    assert fresh == ["semantic.weight", "semantic.bias"]  # only training needs them
    for name, value in module.network.state_dict().items():
        if name not in fresh and not name.endswith("num_batches_tracked"):
            assert torch.equal(value, network.state_dict()[name]), name


@pytest.fixture(scope="module")
def half(model: Path) -> Path:
    """The model with its weights as float16."""
    info = read_model_file(model).info.model_copy(update={"half_weights": True})
    proto = to_half(onnx.load(model))
    del proto.metadata_props[:]
    for key, value in to_metadata(info).items():
        proto.metadata_props.add(key=key, value=value)
    path = model.with_name("half.onnx")
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_half_weights_are_half_the_file_and_the_same_answers(
    engine: str, model: Path, half: Path, shapes: Path
) -> None:
    pytest.importorskip(engine)
    assert half.stat().st_size < 0.56 * model.stat().st_size
    whole, rounded = (load_predictor(path, engine=engine) for path in (model, half))
    assert (whole.precision, rounded.precision) == ("f32", "f32")
    batch = whole.prepare(images(shapes)[0])[None]
    before, after = whole.run(batch), rounded.run(batch)
    for name, values in before.items():
        assert np.abs(after[name] - values).max() < 0.02 * values.std(), name
    assert any((after[name] != values).any() for name, values in before.items())


def test_training_goes_on_from_half_weights(checkpoint: Path, half: Path) -> None:
    learnt = load_network(checkpoint)[0].state_dict()
    state, _ = read_model_weights(half)
    assert all(value.dtype != torch.float16 for value in state.values())
    for name, value in state.items():
        rounded = learnt[name].half().float() if learnt[name].numel() >= 1024 else learnt[name]
        assert torch.equal(value, rounded if learnt[name].ndim > 1 else learnt[name]), name
    _, recipe, categories = load_network(checkpoint)
    fresh = initialise(TrainingModule(recipe, categories), str(half))
    assert fresh == (["semantic.weight", "semantic.bias"], [])


def test_half_weights_can_be_undone_and_leave_alone_what_does_not_fit() -> None:
    big = np.full((32, 32), 1e5, np.float32)
    fine = np.linspace(-2, 2, 1024, dtype=np.float32).reshape(32, 32)
    node = onnx.helper.make_node("MatMul", ["images", "fine"], ["y"])
    last = onnx.helper.make_node("MatMul", ["y", "big"], ["z"])
    ports = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 32]) for name in ("images", "z")
    ]
    arrays = [onnx.numpy_helper.from_array(a, n) for a, n in ((fine, "fine"), (big, "big"))]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node, last], "g", ports[:1], ports[1:], arrays),
        opset_imports=[onnx.helper.make_opsetid("", 18)],
    )
    half = to_half(model)
    onnx.checker.check_model(half, full_check=True)
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in half.graph.initializer}
    assert (stored["fine"].dtype, stored["big"].dtype) == (np.float16, np.float32)
    wide = to_single(half)
    onnx.checker.check_model(wide, full_check=True)
    assert [each.op_type for each in wide.graph.node] == ["MatMul", "MatMul"]
    back = onnx.numpy_helper.to_array(wide.graph.initializer[0])
    np.testing.assert_allclose(back, fine, rtol=2**-11)
    assert to_single(model) == model


def facts_of_the_network(checkpoint: Path) -> dict[str, float]:
    """Counted in the real network instead of one of shapes alone."""
    network: Any = load_network(checkpoint)[0]
    parameters = list(network.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        YolactGraph(network)(torch.zeros(1, 3, 96, 96))
    return {
        "parameters": sum(each.numel() for each in parameters),
        "trainable": sum(each.numel() for each in parameters if each.requires_grad),
        "bytes": sum(each.nbytes for each in (*parameters, *network.buffers())),
        "gflops": counter.get_total_flops() / 1e9,
        "priors": 3 * sum(side**2 for side in (12, 6, 3, 2, 1)),  # three shapes on each of five levels
    }


def test_the_file_explains_itself(checkpoint: Path, model: Path) -> None:
    info = read_model_file(model).info
    assert info.name == "tiny"
    assert [(c.id, c.name) for c in info.categories] == [(3, "box"), (7, "ball")]
    assert info.threshold == 0.2
    assert info.figures == {"val": {"masks AP": 0.5}}
    assert info.training["pictures_seen"] == 96
    assert info.training["steps"] == 12
    assert 0 <= info.training["hours"] < 1
    assert info.training["hardware"].endswith(f" cores, {torch.get_num_threads()} threads")
    assert info.training["data"]["train"] == "shapes.json"
    assert info.facts is not None
    assert info.facts.model_dump() == facts_of_the_network(checkpoint)
    recipe = info.training["recipe"]
    assert "path" not in recipe["data"]  # a file must not carry paths of the machine it was made on
    recipe["data"]["path"] = None
    assert Recipe.model_validate(recipe).name == "tiny"


def test_the_card_says_what_the_file_says(model: Path) -> None:
    card = render_card(read_model_file(model).info, model.stat().st_size)
    for split in (
        "# Model card: tiny",
        "96 x 96 px",
        "box, ball",
        "images seen: 96",
        "steps: 12 of 12",
        "- `seasift train yolact-",
        " --data DATA -o runs/tiny --set ",
        " (96 images; ",
        " GFLOPs an image; 582 priors",
        "| masks AP | 0.500 |",
        "nobody",
    ):
        assert split in card


def evaluated(**changes: Any) -> Evaluation:
    return Evaluation.from_json(judged_values(**changes))


def judged_values(**changes: Any) -> dict[str, Any]:
    """A report as `seasift evaluate` writes it, of a model that finds boxes better than masks."""
    lines = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
    masks, boxes = dict.fromkeys(lines, 0.25) | {"APs": None}, dict.fromkeys(lines, 0.5)
    bins = [{"from": 0.4, "to": 0.5, "count": 7, "score": 0.45, "right": 0.375}]
    return {
        "schema": "seasift-evaluation/1",
        "model": {"name": "tiny"},
        "data": {"name": "some val", "pictures": 3, "of_pictures": 3, "objects": 9, "fingerprint": "abc"},
        "settings": {"threshold": 0.05, "confidence": 0.3},
        "speed": {"engine": "openvino", "precision": "f32", "machine": "a laptop"}
        | {"threads": None, "pictures_per_second": 2.5},
        "masks": masks,
        "boxes": boxes,
        "at_confidence": {"precision": 0.75, "recall": None},
        "per_class": [
            {"name": "box", "objects": 5, "masks": masks, "boxes": boxes},
            {"name": "ball", "objects": 4, "masks": masks, "boxes": boxes},
        ],
        "confusion": {"of": "masks", "classes": ["box", "ball"], "counts": [[3, 2, 0], [0, 1, 3], [1, 1, 0]]},
        "reliability": {
            "calibration": {"a": 0.5, "b": 1.5, "c": 0.25},
            "error": 0.075,
            "detections": 7,
            "bins": bins,
        },
        "intervals": {
            **{"level": 0.95, "resamples": 100, "seed": 0, "group": None},
            "groups": 2,
            "class_groups": {"box": 2, "ball": 1},
            "masks": {"AP": [0.125, 0.375]},
            "per_class": {"box": {"masks": [0.0625, 0.5], "boxes": None}},
        },
    } | changes


@pytest.mark.slow  # one more export
def test_a_calibration_goes_from_the_report_into_the_file(
    checkpoint: Path, half: Path, tmp_path: Path
) -> None:
    entry = calibration_of(evaluated())
    export_checkpoint(
        [checkpoint],
        tmp_path / "m.onnx",
        mask_threshold=0.25,
        expected_iou=True,
        calibration=entry,
        half_weights=True,
    )
    info = read_model_file(tmp_path / "m.onnx").info
    assert info.decode_settings() == YolactDecode(mask_threshold=0.25, expected_iou=True)
    assert info.half_weights
    assert (tmp_path / "m.onnx").stat().st_size == pytest.approx(half.stat().st_size, rel=0.01)
    assert "float32, weights stored as float16" in render_card(info, 1)
    assert "cut where the IoU to expect is largest" in render_card(info, 1)
    assert info.calibration == entry
    assert entry.model_dump() == {"a": 0.5, "b": 1.5, "c": 0.25, "fitted_on": "some val"}
    assert "calibrated on some val" in render_card(info, 1)
    with pytest.raises(InputError, match="scores are calibrated"):
        calibration_of(evaluated(model={"name": "tiny", "calibrated": True}))
    with pytest.raises(InputError, match="exported with --expected-iou"):
        calibration_of(evaluated(), expected_iou=True)
    with pytest.raises(InputError, match="exported without --expected-iou"):
        calibration_of(evaluated(model={"name": "tiny", "expected_iou": True}))
    with pytest.raises(InputError, match="no calibration was fitted"):
        calibration_of(evaluated(reliability={"calibration": None}))


def test_the_card_shows_each_evaluation(model: Path) -> None:
    card = render_card(read_model_file(model).info, 1, [evaluated()], "Words first.")
    assert card.index("Words first.") < card.index("| head |")
    for split in (
        "## On some val",
        "3 images, 9 objects",
        "100 draws of 2 videos",
        "| AP | 0.250 [0.125, 0.375] | 0.500 |",
        "| APs | – | 0.500 |",
        "| box | 5 | 2 | 0.250 [0.062, 0.500] | 0.500 |",
        "precision 0.750, recall –",
        "box for ball (2)",
        "calibration error 0.075 over 7",
        "| 0.4 to 0.5 | 7 | 0.450 | 0.375 |",
    ):
        assert split in card
    assert "ball for box" not in card


def test_only_whole_reports_are_read(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text(json.dumps(judged_values()))
    name, figures = metrics_of(read_report(report))
    assert name == "some val"
    assert (figures["masks AP50"], figures["boxes ARl"], figures["pictures"]) == (0.25, 0.5, 3)
    assert "masks APs" not in figures
    report.write_text(
        json.dumps(judged_values(data={"name": "val", "fingerprint": "abc", "pictures": 3, "of_pictures": 9}))
    )
    with pytest.raises(InputError, match="only 3 images"):
        read_report(report)
    for text in ("{}", "no JSON", json.dumps(judged_values(schema="seasift-evaluation/9"))):
        report.write_text(text)
        with pytest.raises(InputError, match=r"report\.json: "):
            read_report(report)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"text", None):
        path = tmp_path / "x.ckpt"
        if content is not None:
            path.write_bytes(content)
        else:
            path.unlink()
        with pytest.raises(WeightsError, match=r"x\.ckpt: "):
            export_checkpoint([path], tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def moved(checkpoint: Path, out: Path, *, by: float = 0.0, first_class: str = "box") -> Path:
    """The same run with all weights moved, or with another name of the first class."""
    content = torch.load(checkpoint, weights_only=True)
    for value in content["state_dict"].values():
        value += by if value.is_floating_point() else 0
    content["hyper_parameters"]["categories"][0]["name"] = first_class
    out.mkdir()
    torch.save(content, out / "last.ckpt")
    return out / "last.ckpt"


def test_several_runs_become_the_mean_of_their_weights(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_onnx, "serialise", lambda network, info: kept.append((network, info)) or b"")
    kept: list[tuple[Any, Any]] = []
    runs = [moved(checkpoint, tmp_path / name, by=by) for name, by in (("up", 0.25), ("down", -0.0625))]
    export_checkpoint([checkpoint, *runs], tmp_path / "mean.onnx")
    (network, info), before = kept[0], load_network(checkpoint)[0].state_dict()
    state = network.state_dict()
    for name, value in before.items():
        by = 0.0625 if value.is_floating_point() else 0
        torch.testing.assert_close(state[name], value + by, atol=1e-5, rtol=1e-5)
    folders = ("runs/tiny/", "runs/tiny-2/", "runs/tiny-3/")
    command = f"seasift export {' '.join(f'{each}last.ckpt' for each in folders)} -o mean.onnx"
    assert (info.training["mean_of"], info.training["command"]) == (3, command)
    for folder, run in zip(folders, info.training["before"], strict=True):
        assert f" -o {folder.removesuffix('/')} " in run["command"]
    assert "In all 288 images" in render_card(info, 1)
    with pytest.raises(WeightsError, match=r"last\.ckpt: not the network and the classes of"):
        export_checkpoint(
            [checkpoint, moved(checkpoint, tmp_path / "other", first_class="cat")], tmp_path / "x.onnx"
        )


def test_a_model_file_needs_no_torch_to_predict(model: Path, shapes: Path) -> None:
    code = (
        "import sys; from seasift.inference.predictor import load_predictor; "
        "from seasift.core.image import read_image; from pathlib import Path; "
        f"load_predictor({str(model)!r}).predict([read_image(next(Path({str(shapes.parent / 'images')!r}).iterdir()))]); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
