"""Weights stored as 16-bit floats in a model file, of half the size; engines still compute in float32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

# Smaller arrays are not worth a node, and batch norm's are best left as they are.
_LEAST_NUMBERS, _LEAST_DIMENSIONS = 1024, 2
_WIDE = "/as float32"


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 weights as float16, each with a cast that gives the graph its float32 back.

    Engines compute the casts once as they load the file. A weight keeps 11 binary digits: relative errors are
    at most 2^-11. Arrays that hold numbers beyond float16's range stay as they are. The arrays keep their
    names, so that training can go on from the file.

    Args:
        model: a graph; it is not changed.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    casts = []
    for entry in half.graph.initializer:
        if entry.data_type != onnx.TensorProto.FLOAT or len(entry.dims) < _LEAST_DIMENSIONS:
            continue
        values = numpy_helper.to_array(entry)
        if values.size < _LEAST_NUMBERS or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        casts.append(helper.make_node("Cast", [entry.name], [entry.name + _WIDE], to=onnx.TensorProto.FLOAT))
        entry.CopyFrom(numpy_helper.from_array(values.astype(np.float16), entry.name))
    _rename(half, {cast.input[0]: cast.output[0] for cast in casts})
    nodes = [*casts, *half.graph.node]
    del half.graph.node[:]
    half.graph.node.extend(nodes)
    return half


def to_single(model: onnx.ModelProto) -> onnx.ModelProto:
    """The float32 graph of a file that `to_half` made, without its casts; any other graph as it is."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    names = {node.output[0]: node.input[0] for node in wide.graph.node if node.output[0].endswith(_WIDE)}
    nodes = [node for node in wide.graph.node if node.output[0] not in names]
    del wide.graph.node[:]
    wide.graph.node.extend(nodes)
    stored = set(names.values())
    for entry in wide.graph.initializer:
        if entry.name in stored:
            values = numpy_helper.to_array(entry).astype(np.float32)
            entry.CopyFrom(numpy_helper.from_array(values, entry.name))
    _rename(wide, names)
    return wide


def _rename(model: onnx.ModelProto, names: dict[str, str]) -> None:
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name in names:
                node.input[index] = names[name]
