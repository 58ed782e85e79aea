"""Weights that a run begins with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from seasift.models.backbones import packaged_weights
from seasift.models.catalog import Family, backbone_of
from seasift.models.weights import load_exactly
from seasift.runtime import box
from seasift.training.checkpoint import load_network
from seasift.training.model_weights import read_model_weights
from seasift.training.module import TrainingModule


def initialise(module: TrainingModule, source: str) -> list[str]:
    """Fill in the weights that a recipe's `model.weights` names.

    Args:
        module: whose network is filled.
        source: `none`, `imagenet` (a packaged backbone), a model in the box, a model file (.onnx), a checkpoint
            (.ckpt), or a backbone's .pth.
    Returns:
        Entries that stay at random although the source is a whole network: the layers that tell classes apart
        if its classes are others, those that make masks if it makes them another way, and those that only training
        needs if it is a model file.
    Raises:
        BadWeights, BadModel: no such file, or an entry that does not fit.
    """
    if source == "none":
        return []
    if source.endswith((".onnx", ".ckpt")) or source in box.names():
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
        state, categories = read_model_weights(box.find(source))
    return _fill(module.network, state, module.family, source, categories == module.categories)


def _fill(
    network: nn.Module, state: dict[str, Tensor], family: Family, source: str, same_classes: bool
) -> list[str]:
    own = network.state_dict()
    fresh = [name for name in _named(own, family.class_layers) if not same_classes or name not in state]
    of_masks = _named(own, family.mask_layers)
    if any(name in state and state[name].shape != own[name].shape for name in of_masks):
        fresh += of_masks
    # A model file has no count of the batches that batch norm has seen; nothing reads it.
    counters = {name: value for name, value in own.items() if name.endswith(".num_batches_tracked")}
    load_exactly(network, counters | state | {name: own[name] for name in fresh}, source=source)
    return fresh


def _named(entries: Iterable[str], layers: Sequence[str]) -> list[str]:
    """The entries that belong to some layers."""
    return [name for name in entries if any(f".{layer}." in f".{name}" for layer in layers)]
