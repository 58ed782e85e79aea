"""Initial weights of a run: of a backbone, of a checkpoint, or of a model file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from seasift.core.errors import WeightsError
from seasift.core.instances import Category
from seasift.modelfile import bundled
from seasift.modelfile.info import read_model_file
from seasift.models.backbones import packaged_weights
from seasift.models.catalog import backbone_of
from seasift.models.checkpoint import load_network
from seasift.models.family import class_rows
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


class Fresh(NamedTuple):
    """What starts at random although the source is a whole network.

    Attributes:
        entries: those that the source does not have: layers that only training needs, if it is a model file.
        classes: names of classes that the source does not know. Rows of the others are taken over.
    """

    entries: list[str]
    classes: list[str]


def initialise(module: TrainingModule, source: str) -> Fresh:
    """Fill in the weights that a recipe's `model.weights` names.

    Args:
        module: whose network is filled.
        source: `none`, `imagenet` (a packaged backbone), the name of a model, a model file (.onnx), a checkpoint
            (.ckpt), or a backbone's .pth.
    Returns:
        What starts at random although the source is a whole network.
    Raises:
        WeightsError, ModelError: no such file, or an entry that does not fit.
    """
    if source == "none":
        return Fresh([], [])
    if source.endswith((".onnx", ".ckpt")) or source in bundled.known():
        return _take_over(module, source)
    config: Any = module.network.config
    path = packaged_weights(backbone_of(config)) if source == "imagenet" else Path(source)
    module.family.load_backbone(module.network, path)
    return Fresh([], [])


def _take_over(module: TrainingModule, source: str) -> Fresh:
    """Load a whole trained network. Classes are found by name."""
    if source.endswith(".ckpt"):
        network, _, categories = load_network(Path(source))
        state = network.state_dict()
    else:
        state, categories = read_model_weights(bundled.find(source))
    own = module.network.state_dict()
    fresh = [name for name in own if name not in state and class_rows(module.family, name) is not None]
    # A model file has no count of the batches that batch norm has seen; nothing reads it.
    counters = {name: value for name, value in own.items() if name.endswith(".num_batches_tracked")}
    known = {
        name: _joined(module, name, own[name], value, categories) if name in own else value
        for name, value in state.items()
    }
    load_exactly(module.network, counters | known | {name: own[name] for name in fresh}, source=source)
    names = {category.name for category in categories}
    return Fresh(fresh, [each.name for each in module.categories if each.name not in names])


def _joined(
    module: TrainingModule, name: str, own: Tensor, given: Tensor, categories: Sequence[Category]
) -> Tensor:
    """An entry with the given rows of classes that have the same name; other classes keep their own rows."""
    rows = class_rows(module.family, name)
    if rows is None or categories == module.categories or own.shape[1:] != given.shape[1:]:
        return given
    joined, index = own.clone(), {category.name: i for i, category in enumerate(categories)}
    pairs: list[tuple[int | None, int | None]] = [(None, None)] if rows.background else []
    pairs += [(i, index[each.name]) for i, each in enumerate(module.categories) if each.name in index]
    for mine, theirs in pairs:
        joined[rows.of(mine, len(own), len(module.categories))] = given[
            rows.of(theirs, len(given), len(categories))
        ]
    return joined
