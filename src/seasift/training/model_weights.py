"""The weights in a model file, to go on training with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from seasift.core.errors import BadWeights
from seasift.core.instances import Category
from seasift.runtime.model_file import read_model_file

_NETWORK = "network."  # where a graph for export keeps the network


def read_model_weights(path: Path) -> tuple[dict[str, Tensor], tuple[Category, ...]]:
    """Entries of the network in a model file, by their names in it, and the classes.

    Raises:
        BadModel: not a model file.
        BadWeights: one whose weights are not as they were learnt: quantised, or folded into each other.
    """
    file = read_model_file(path)
    graph = onnx.load_model_from_string(file.data).graph
    found = {each.name: each for each in graph.initializer if each.name.startswith(_NETWORK)}
    kinds = {node.op_type for node in graph.node}
    if not found or "DequantizeLinear" in kinds or "FakeQuantize" in kinds:
        raise BadWeights(
            f"{path}: holds no weights to train from (quantised, or made by another program); expected a file as "
            "`seasift export` writes it. Give that, or the checkpoint"
        )
    state = {
        name.removeprefix(_NETWORK): _as_learnt(np.array(numpy_helper.to_array(each)))
        for name, each in found.items()
    }
    return state, file.info.class_list()


def _as_learnt(values: np.ndarray[Any, Any]) -> Tensor:
    tensor = torch.from_numpy(values)
    return tensor.float() if tensor.dtype == torch.float16 else tensor  # stored in half, see export.halves
