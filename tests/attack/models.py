"""Hostile models, made from the tiny one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from seasift.modelfile.info import METADATA_KEY
from tests.attack.mutations import mutate_bytes, mutate_value
from tests.tiny_model import tiny_graph, tiny_info


def described(model: onnx.ModelProto, description: str | None = None) -> bytes:
    """The bytes of a model with a description."""
    helper.set_model_props(model, {METADATA_KEY: description or tiny_info().model_dump_json()})
    return bytes(model.SerializeToString())


def _detour(nodes: list[Any], constants: dict[str, Any]) -> bytes:
    """The tiny model, whose images first pass through these nodes, from "images" to "passed"."""
    model = tiny_graph()
    for node in model.graph.node:
        node.input[:] = ["passed" if name == "images" else name for name in node.input]
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    return described(model)


def endless() -> bytes:
    """Loops for some thousand years."""

    def value(name: str, kind: int, shape: Any) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["c_out"]), helper.make_node("Sin", ["x"], ["x_out"])],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("c", TensorProto.BOOL, []),
            value("x", TensorProto.FLOAT, None),
        ],
        [value("c_out", TensorProto.BOOL, []), value("x_out", TensorProto.FLOAT, None)],
    )
    loop = helper.make_node("Loop", ["count", "yes", "images"], ["passed"], body=body)
    return _detour([loop], {"count": np.array(2**50, np.int64), "yes": np.array(True)})


def huge() -> bytes:
    """Makes some terabytes on its way, of a size that is known only when it runs."""
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Mul", ["shape", "many"], ["large"]),
        helper.make_node("Expand", ["one", "large"], ["filled"]),
        helper.make_node("ReduceMean", ["filled"], ["mean"], keepdims=0),
        helper.make_node("Add", ["images", "mean"], ["passed"]),
    ]
    return _detour(
        nodes, {"many": np.array([1, 1, 30_000, 30_000], np.int64), "one": np.ones((1, 1, 1, 1), np.float32)}
    )


def external() -> bytes:
    """Keeps a weight in another file."""
    model = tiny_graph()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return described(model)


def not_a_number(value: float) -> bytes:
    """Its boxes are not finite."""
    model = tiny_graph()
    for tensor in model.graph.initializer:
        if tensor.name == "boxes_of_one":
            boxes = numpy_helper.to_array(tensor).copy()
            boxes[0, 0, 0] = value
            tensor.CopyFrom(numpy_helper.from_array(boxes, tensor.name))
    return described(model)


def mutated(chance: random.Random) -> bytes:
    """A description with wrong values, or a file with wrong bytes."""
    if chance.random() < 0.7:
        text = json.dumps(mutate_value(json.loads(tiny_info().model_dump_json()), chance))
        return described(tiny_graph(), text.encode("utf-8", "replace").decode())
    return mutate_bytes(described(tiny_graph()), chance)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
