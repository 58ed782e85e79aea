"""Initial weights of a run: of a backbone, of a checkpoint, or of a model file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from seasift.core.errors import WeightsError
from seasift.core.instances import Category
from seasift.modelfile import bundled
from seasift.modelfile.info import read_model_file
from seasift.models.backbones import packaged_weights
from seasift.models.catalog import backbone_of
from seasift.models.checkpoint import load_network
from seasift.models.weights import load_exactly
from seasift.training.module import TrainingModule

_NETWORK = "network."  # where a graph for export keeps the network


def read_model_weights(path: Path) -> tuple[dict[str, Tensor], tuple[Category, ...]]:
    """Entries of the network in a model file, by their names in it, and the classes.

    Raises:
        ModelError: not a model file.
        WeightsError: one whose weights are not as they were learnt: quantised, or folded into each other.
    """
    file = read_model_file(path)
    graph = onnx.load_model_from_string(file.data).graph
    found = {each.name: each for each in graph.initializer if each.name.startswith(_NETWORK)}
    kinds = {node.op_type for node in graph.node}
    if not found or "DequantizeLinear" in kinds or "FakeQuantize" in kinds:
        raise WeightsError(
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
    return tensor.float() if tensor.dtype == torch.float16 else tensor  # half-precision, see export.quantize


def initialise(module: TrainingModule, source: str) -> list[str]:
    """Fill in the weights that a recipe's `model.weights` names.

    Args:
        module: whose network is filled.
        source: `none`, `imagenet` (a packaged backbone), a bundled model, a model file (.onnx), a checkpoint
            (.ckpt), or a backbone's .pth.
    Returns:
        Entries that stay at random although the source is a whole network: the layers that tell classes apart
        if its classes are others, and those that only training needs if it is a model file.
    Raises:
        WeightsError, ModelError: no such file, or an entry that does not fit.
    """
    if source == "none":
        return []
    if source.endswith((".onnx", ".ckpt")) or source in bundled.names():
        return _take_over(module, source)
    config: Any = module.network.config
    path = packaged_weights(backbone_of(config)) if source == "imagenet" else Path(source)
    module.family.load_backbone(module.network, path)
    return []


def _take_over(module: TrainingModule, source: str) -> list[str]:
    """Load a whole trained network, be its classes the same or others."""
    if source.endswith(".ckpt"):
        network, _, categories = load_network(Path(source))
        state = network.state_dict()
    else:
        state, categories = read_model_weights(bundled.find(source))
    return _fill(module.network, state, module.family.class_layers, source, categories == module.categories)


def _fill(
    network: nn.Module, state: dict[str, Tensor], class_layers: Sequence[str], source: str, same_classes: bool
) -> list[str]:
    own = network.state_dict()
    of_classes = [name for name in own if any(f".{layer}." in f".{name}" for layer in class_layers)]
    fresh = [name for name in of_classes if not same_classes or name not in state]
    # A model file has no count of the batches that batch norm has seen; nothing reads it.
    counters = {name: value for name, value in own.items() if name.endswith(".num_batches_tracked")}
    load_exactly(network, counters | state | {name: own[name] for name in fresh}, source=source)
    return fresh
