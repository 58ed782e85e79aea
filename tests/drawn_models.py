"""Graphs in the layouts of other makers that give known outputs for any image, made without their packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def drawn_graph(
    outputs: Mapping[str, Any],
    *,
    input_shape: Sequence[int | str | None] = (1, 3, 64, 64),
    input_name: str = "images",
    metadata: Mapping[str, str] | None = None,
    extra_inputs: Sequence[onnx.ValueInfoProto] = (),
    shapes: Mapping[str, Sequence[int | str | None]] | None = None,
) -> onnx.ModelProto:
    """A graph whose outputs are constants plus nought times the mean of its input.

    Args:
        outputs: by name; integers become int64, other numbers float32.
        shapes: declared shapes of outputs, where they differ from the true ones.
    """
    nodes = [
        helper.make_node("ReduceMean", [input_name], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nought"], ["nothing"]),
        helper.make_node("Cast", ["nothing"], ["nothing int"], to=TensorProto.INT64),
    ]
    constants = [numpy_helper.from_array(np.array(0, np.float32), "nought")]
    infos = []
    for name, values in outputs.items():
        array = np.asarray(values)
        whole = array.dtype.kind in "iu"
        array = array.astype(np.int64 if whole else np.float32)
        constants.append(numpy_helper.from_array(array, f"{name} drawn"))
        nodes.append(
            helper.make_node("Add", ["nothing int" if whole else "nothing", f"{name} drawn"], [name])
        )
        element = TensorProto.INT64 if whole else TensorProto.FLOAT
        infos.append(helper.make_tensor_value_info(name, element, (shapes or {}).get(name, array.shape)))
    image = helper.make_tensor_value_info(input_name, TensorProto.FLOAT, input_shape)
    graph = helper.make_graph(nodes, "drawn", [image, *extra_inputs], infos, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    helper.set_model_props(model, dict(metadata or {}))
    return model


def save_graph(path: Path, model: onnx.ModelProto) -> Path:
    onnx.save(model, str(path))
    return path


def yolo_predictions(
    objects: Sequence[tuple[float, float, float, float, int, float]],
    *,
    side: int = 64,
    classes: int = 2,
    coefficients: np.ndarray[Any, Any] | None = None,
) -> np.ndarray[Any, Any]:
    """YOLOv8's (1, 4 + C [+ K], P) of objects (x1, y1, x2, y2, class, score) in px of the input, at scattered points."""
    points = sum((side // stride) ** 2 for stride in (8, 16, 32))
    extra = 0 if coefficients is None else coefficients.shape[1]
    raw = np.zeros((4 + classes + extra, points), np.float32)
    raw[:4] = [[side / 2], [side / 2], [1], [1]]
    for number, (x1, y1, x2, y2, label, score) in enumerate(objects):
        point = (number * 37 + 5) % points
        raw[:4, point] = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
        raw[4 + label, point] = score
        if coefficients is not None:
            raw[4 + classes :, point] = coefficients[number]
    return raw[None]


YOLO_METADATA = {"task": "detect", "names": "{0: 'fish', 1: 'crab'}", "imgsz": "[64, 64]", "stride": "32"}
