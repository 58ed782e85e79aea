"""Reading checkpoints of our own training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from seasift.core.errors import BadWeights
from seasift.core.instances import Category
from seasift.models.catalog import build
from seasift.models.inference import TorchPredictor
from seasift.models.weights import load_exactly
from seasift.training.module import config_of
from seasift.training.recipe import Recipe


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, read without running code from it.

    Raises:
        BadWeights: no file, or not a checkpoint of seasift.
    """
    if not path.is_file():
        raise BadWeights(f"{path}: no such file; expected a checkpoint that seasift train wrote")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BadWeights(
            f"{path}: not a checkpoint ({type(error).__name__}); expected one of seasift train"
        ) from error
    if not isinstance(content, dict) or "recipe" not in content.get("hyper_parameters", {}):
        raise BadWeights(
            f"{path}: not a checkpoint of seasift train; expected best.ckpt or last.ckpt of a run"
        )
    return content


def load_network(path: Path) -> tuple[nn.Module, Recipe, tuple[Category, ...]]:
    """The network of a checkpoint in evaluation mode, with its recipe and categories."""
    content = read_checkpoint(path)
    known = content["hyper_parameters"]
    recipe = Recipe.model_validate(known["recipe"])
    categories = tuple(Category(**category) for category in known["categories"])
    network = build(config_of(recipe, len(categories)))
    start = "network."
    state = {name.removeprefix(start): value for name, value in content["state_dict"].items()}
    load_exactly(network, state, source=str(path))
    return network.eval().to(memory_format=torch.channels_last), recipe, categories


def load_predictor(path: Path) -> TorchPredictor:
    """A checkpoint as a Predictor."""
    network, recipe, categories = load_network(path)
    return TorchPredictor(network, categories, name=f"{recipe.name} ({path.name})")
