"""Each kind of output end to end: a drawn graph is recognised, adopted and finds its object, on both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import seasift
from seasift.core.errors import InputError, ModelError
from seasift.core.outputs import OUTPUTS
from seasift.export.adopt import adopt
from seasift.modelfile.recognise import COCO_IDS, LAYOUTS
from tests.drawn_models import YOLO_METADATA, drawn_graph, save_graph, yolo_predictions

BOX = (10.0, 20.0, 30.0, 44.0)  # of the crab in a square input of 64 px
NAMES = {"names": "{0: 'fish', 1: 'crab'}"}
SIZES = helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, ("N", 2))


def logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


def covering(value_inside: float, value_outside: float, side: int, box: tuple[float, ...] = BOX) -> Any:
    mask = np.full((side, side), value_outside, np.float32)
    x1, y1, x2, y2 = (round(value * side / 64) for value in box)
    mask[y1:y2, x1:x2] = value_inside
    return mask


def queries(*, masks: bool) -> dict[str, Any]:
    x1, y1, x2, y2 = np.array(BOX) / 64
    boxes = np.array([[[0.5, 0.5, 0.1, 0.1], [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]]], np.float32)
    logits = np.array([[[-9, -9, -9], [-9, logit(0.9), 9]]], np.float32)  # the last is no class
    outputs = {"dets": boxes, "labels": logits}
    if masks:
        outputs["masks"] = np.stack([covering(-5, -5, 64), covering(5, -5, 64)])[None]
    return outputs


def yolov5(*, masks: bool) -> Any:
    points = 3 * (64 + 16 + 4)
    raw = np.zeros((1, points, 7 + masks), np.float32)
    x1, y1, x2, y2 = BOX
    raw[0, 100, :7] = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, 1.0, 0.1, 0.9
    raw[0, 100, 7:] = 1
    return raw


def end2end(*, masks: bool) -> Any:
    raw = np.zeros((1, 20, 6 + masks), np.float32)
    raw[0, 0, :6] = *BOX, 0.9, 1
    raw[0, 0, 6:] = 1
    return raw


def final(*, batch: bool, first: int) -> dict[str, Any]:
    outputs = {
        "boxes": np.array([BOX, (0, 0, 64, 64)], np.float32),
        "labels": np.array([1 + first, 0]),
        "scores": np.array([0.9, 0.8 if first else 0.1], np.float32),  # 0 is no class if classes begin with 1
    }
    return {name: values[None] for name, values in outputs.items()} if batch else outputs


PROTOTYPES = np.full((1, 1, 16, 16), 10, np.float32)
GRAPHS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "yolo-detect": (
        "yolo-detect",
        {"output0": yolo_predictions([(*BOX, 1, 0.9)])},
        {"metadata": YOLO_METADATA},
    ),
    "yolo-segment": (
        "yolo-segment",
        {
            "output0": yolo_predictions([(*BOX, 1, 0.9)], coefficients=np.ones((1, 1), np.float32)),
            "output1": PROTOTYPES,
        },
        {"metadata": {**YOLO_METADATA, "task": "segment"}},
    ),
    "yolov5": ("yolov5", {"output0": yolov5(masks=False)}, {}),
    "yolov5 with masks": ("yolov5", {"output0": yolov5(masks=True), "output1": PROTOTYPES}, {}),
    "yolo26": ("yolo-end2end", {"output0": end2end(masks=False)}, {}),
    "yolo26 with masks": ("yolo-end2end", {"output0": end2end(masks=True), "output1": PROTOTYPES}, {}),
    "rf-detr": ("rf-detr", queries(masks=False), {"input_name": "input"}),
    "rf-detr-seg": ("rf-detr-seg", queries(masks=True), {"input_name": "input"}),
    "d-fine": ("d-fine", final(batch=True, first=0), {"extra_inputs": [SIZES]}),
    "d-fine-transformers": (
        "d-fine-transformers",
        {"logits": queries(masks=False)["labels"][..., :2], "pred_boxes": queries(masks=False)["dets"]},
        {},
    ),
    "torchvision": ("torchvision-detection", final(batch=False, first=1), {"input_shape": (3, 64, 64)}),
    "torchvision of any size": (
        "torchvision-detection",
        final(batch=False, first=1),
        {"input_shape": (3, "height", "width")},
    ),
    "torchvision with masks": (
        "torchvision-detection",
        final(batch=False, first=1)
        | {"masks": np.stack([covering(0.9, 0, 64), covering(0, 0, 64)])[:, None]},
        {"input_shape": (1, 3, 64, 64)},
    ),
    "rtmdet-ins": (
        "rtmdet-ins",
        {
            "dets": np.array([[[*BOX, 0.9]]], np.float32),
            "labels": np.array([[1]]),
            "masks": covering(0.9, 0.1, 64)[None, None],
        },
        {"input_name": "input"},
    ),
}


def save(path: Path, name: str) -> Path:
    _, outputs, options = GRAPHS[name]
    model = drawn_graph(outputs, **{"metadata": NAMES, **options})
    if name == "d-fine":  # boxes in units of the second input, of 64 px
        for node in model.graph.node:
            if node.output[0] == "boxes":
                node.output[0] = "boxes of 64"
        model.graph.initializer.append(numpy_helper.from_array(np.full((1, 1, 1), 64, np.float32), "unit"))
        model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "axis"))
        for step in (
            ("Concat", ["orig_target_sizes", "orig_target_sizes"], "corners", {"axis": 1}),
            ("Unsqueeze", ["corners", "axis"], "whole", {}),
            ("Cast", ["whole"], "size", {"to": TensorProto.FLOAT}),
            ("Div", ["size", "unit"], "scale", {}),
            ("Mul", ["boxes of 64", "scale"], "boxes", {}),
        ):
            model.graph.node.append(helper.make_node(step[0], step[1], [step[2]], **step[3]))
    return save_graph(path, model)


def test_every_kind_is_drawn() -> None:
    assert {kind for kind, _, _ in GRAPHS.values()} == set(LAYOUTS)
    assert set(LAYOUTS) == {name for name, kind in OUTPUTS.items() if kind.adopted} - {"remote"}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_drawn_object_is_found(name: str, tmp_path: Path) -> None:
    kind = GRAPHS[name][0]
    path, info = adopt(save(tmp_path / "theirs.onnx", name), kind=kind if LAYOUTS[kind].named_only else None)
    assert info.head == kind
    for engine in ("openvino", "onnxruntime"):
        found = seasift.load(path, engine=engine)(np.full((64, 64, 3), 90, np.uint8))
        assert found.names == ["crab"]
        np.testing.assert_allclose(found.scores, [0.9], atol=1e-6)
        np.testing.assert_allclose(found.boxes_xyxy, [BOX], atol=1e-4)
        outputs = GRAPHS[name][1]
        assert (found.masks is not None) == any("mask" in each or each == "output1" for each in outputs)
        if found.masks is not None:
            assert found.masks[0].box_xyxy == BOX
            assert found.masks[0].area == 20 * 24


@pytest.mark.parametrize("name", GRAPHS)
def test_images_of_other_shapes(name: str, tmp_path: Path) -> None:
    """Boxes are moved back from the input by its published rule."""
    kind = GRAPHS[name][0]
    path, info = adopt(save(tmp_path / "theirs.onnx", name), kind=kind if LAYOUTS[kind].named_only else None)
    found = seasift.load(path)(np.full((48, 96, 3), 90, np.uint8))
    left, top, right, bottom = BOX
    expected = {
        "letterbox": [1.5 * left, 1.5 * (top - 16), 1.5 * right, 1.5 * (bottom - 16)],
        "fit": [1.5 * left, 1.5 * top, 1.5 * right, 48],
        "stretch": [1.5 * left, 0.75 * top, 1.5 * right, 0.75 * bottom],
        "original": list(BOX),
    }[info.input.resize]
    np.testing.assert_allclose(found.boxes_xyxy, [expected], atol=1e-3)


def test_names_of_numbers_without_a_class(tmp_path: Path) -> None:
    """RF-DETR keeps COCO's numbers: 80 names are put in their places; torchvision's lists begin with background."""
    logits = np.full((1, 2, 91), -9, np.float32)
    logits[0, 1, 90] = 3  # COCO's last class
    boxes = np.full((1, 2, 4), 0.5, np.float32)
    graph = save_graph(tmp_path / "coco.onnx", drawn_graph({"dets": boxes, "labels": logits}))
    names = [f"class {number}" for number in COCO_IDS]
    assert len(names) == 80
    path, _ = adopt(graph, names=names)
    assert seasift.load(path)(np.zeros((64, 64, 3), np.uint8)).names == ["class 90"]
    with pytest.raises(InputError, match="91"):
        adopt(graph, names=names[:79])
    path, info = adopt(
        save(tmp_path / "tv.onnx", "torchvision"), names=["__background__", "N/A", "crab", "N/A", "eel"]
    )
    assert [category.name for category in info.categories] == ["crab", "eel"]
    assert seasift.load(path)(np.zeros((64, 64, 3), np.uint8)).names == ["crab"]


@pytest.mark.parametrize("name", ["d-fine", "torchvision", "yolo26"])
def test_an_object_of_a_class_without_a_name(name: str, tmp_path: Path) -> None:
    graph = save(tmp_path / "theirs.onnx", name)
    with pytest.raises(ModelError, match="--names"):
        adopt(graph, names="fish")
    path, _ = adopt(graph, names="fish", threshold=0.95)
    with pytest.raises(ModelError, match="--names"):
        seasift.load(path)(np.zeros((64, 64, 3), np.uint8), threshold=0.5)


def looping(rounds: str) -> onnx.ModelProto:
    """Torchvision's outputs after a loop of as many rounds as boxes, or as a constant says."""
    model = drawn_graph(final(batch=False, first=1), input_shape=(3, 64, 64), metadata=NAMES)
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still going"]),
            helper.make_node("Identity", ["seen"], ["seen again"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, ()),
            helper.make_tensor_value_info("going", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("seen", TensorProto.FLOAT, (2,)),
        ],
        [
            helper.make_tensor_value_info("still going", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("seen again", TensorProto.FLOAT, (2,)),
        ],
    )
    graph = model.graph
    for node in graph.node:
        if node.output[0] == "scores":
            node.output[0] = "first scores"
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(True), "yes"),
            numpy_helper.from_array(np.array(0), "first"),
            numpy_helper.from_array(np.array(10**12), "many"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("Shape", ["boxes"], ["shape"]),
            helper.make_node("Gather", ["shape", "first"], ["count"]),
            helper.make_node("Loop", [rounds, "yes", "first scores"], ["scores"], body=body),
        ]
    )
    return model


def test_only_loops_over_boxes_are_taken(tmp_path: Path) -> None:
    path, _ = adopt(save_graph(tmp_path / "loop.onnx", looping("count")))
    assert seasift.load(path)(np.zeros((64, 64, 3), np.uint8)).names == ["crab"]
    for rounds in ("many", ""):
        with pytest.raises(ModelError, match="Loop"):
            adopt(save_graph(tmp_path / "endless.onnx", looping(rounds)))
