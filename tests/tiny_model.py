"""A tiny ONNX file of the model contract whose detections are known, made without torch.

Its graph looks at the mean of each channel over the four quarters of the input. Prior k covers quarter k
(left top, right top, left bottom, right bottom), shrunk by a tenth of its side. Its scores are the means of
red, green and blue in that quarter in 0..1, so the classes are "red thing", "green thing" and "blue thing".
Its coefficients select prototype k, which is +10 on quarter k and -10 elsewhere: the mask fills the (grown)
box's part of the quarter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from seasift.modelfile.info import ModelInfo, to_metadata

SIZE = 32
PROTO = 16
CATEGORIES = [
    {"id": 3, "name": "red thing"},
    {"id": 7, "name": "green thing"},
    {"id": 8, "name": "blue thing"},
]


def tiny_info(**changes: Any) -> ModelInfo:
    values: dict[str, Any] = {
        "name": "tiny",
        "head": "yolact",
        "categories": CATEGORIES,
        "input": {"size_hw": (SIZE, SIZE), "mean": (0, 0, 0), "std": (255, 255, 255)},
        "threshold": 0.5,
        "max_objects": 10,
        "training": {"data": "none"},
        "figures": {"nowhere": {"mask AP": 0.0}},
        "licence": "Apache-2.0",
        "attribution": "nobody",
    }
    return ModelInfo.model_validate({**values, **changes})


def tiny_graph(*, fixed_batch: bool = False, classes: int = 3, leave_out: str = "") -> onnx.ModelProto:
    boxes = np.array([[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]], np.float32)
    boxes = boxes + np.array([0.05, 0.05, -0.05, -0.05], np.float32)
    quarter = np.zeros((PROTO, PROTO), int)
    quarter[:, PROTO // 2 :] += 1
    quarter[PROTO // 2 :] += 2
    prototypes = np.where(quarter[..., None] == np.arange(4), 10, -10).astype(np.float32)
    constants = {
        "boxes_of_one": boxes[None],
        "coefficients_of_one": np.eye(4, dtype=np.float32)[None],
        "prototypes_of_one": prototypes[None],
        "to_priors": np.array([0, 3, 4], np.int64),
        "nought": np.array(0, np.float32),
        "last_classes": np.array([classes], np.int64),
        "from_first": np.array([0], np.int64),
        "class_axis": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node(
            "AveragePool", ["images"], ["means"], kernel_shape=[SIZE // 2] * 2, strides=[SIZE // 2] * 2
        ),
        helper.make_node("Reshape", ["means", "to_priors"], ["by_channel"]),
        helper.make_node("Transpose", ["by_channel"], ["all_scores"], perm=[0, 2, 1]),
        helper.make_node("Slice", ["all_scores", "from_first", "last_classes", "class_axis"], ["scores"]),
        helper.make_node("ReduceMean", ["images"], ["mean_of_picture"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Mul", ["mean_of_picture", "nought"], ["nothing4"]),
        helper.make_node("Squeeze", ["nothing4", "class_axis"], ["nothing3"]),
        helper.make_node("Add", ["nothing3", "boxes_of_one"], ["boxes"]),
        helper.make_node("Add", ["nothing3", "coefficients_of_one"], ["coefficients"]),
        helper.make_node("Add", ["nothing4", "prototypes_of_one"], ["prototypes"]),
    ]
    batch: Any = 1 if fixed_batch else "batch"
    outputs = {
        "boxes": (batch, 4, 4),
        "scores": (batch, 4, classes),
        "coefficients": (batch, 4, 4),
        "prototypes": (batch, PROTO, PROTO, 4),
    }
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (batch, 3, SIZE, SIZE))],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
            if name != leave_out
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def save_tiny(path: Path, info: ModelInfo | None = None, **graph: Any) -> Path:
    model = tiny_graph(**graph)
    onnx.checker.check_model(model)
    for key, value in to_metadata(info or tiny_info()).items():
        helper.set_model_props(model, {key: value})
    onnx.save(model, str(path))
    return path


def quarters(left_top: int, right_top: int, left_bottom: int, right_bottom: int, size: int = 40) -> Any:
    """An image (size, size, 3) whose red channel has these values in its quarters, else black."""
    image = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    image[:half, :half, 0], image[:half, half:, 0] = left_top, right_top
    image[half:, :half, 0], image[half:, half:, 0] = left_bottom, right_bottom
    return image
