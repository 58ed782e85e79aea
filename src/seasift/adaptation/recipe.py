"""The recipe of an adaptation, derived from what the base model says of its training and from how much is labelled."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import ValidationError

from seasift.core.errors import InputError
from seasift.modelfile.info import ModelInfo
from seasift.recipes.recipe import Recipe, load_recipe, recorded_recipe

BATCH = 16
PASSES = 80
"""How often each labelled image is learnt from, at most."""
FEWEST_STEPS, MOST_STEPS = 150, 3000
FEW = 10
"""With fewer labelled images most of the backbone stays as it is."""


def recipe_for(info: ModelInfo, weights: str, images: int, name: str) -> Recipe:
    """The recipe for some labelled images.

    The network and the augmentation are those of the base model's own recipe. The rate is between those of fine-tuning and
    of training from ImageNet; it falls to its end with the time or with the steps, whichever end first.

    Args:
        info: of the base model.
        weights: name or path of the base model.
        images: number of labelled images.
        name: of the new model.
    Raises:
        InputError: the base model does not say how it was trained, and is not like sift-m.
    """
    base = _base_recipe(info)
    steps = min(max(math.ceil(PASSES * images / BATCH), FEWEST_STEPS), MOST_STEPS)
    content = base.model_dump()
    sift = base.model.arch == "sift"
    content |= {"name": name, "about": f"{weights} adapted to {images} labelled images."}
    content["data"] |= {"path": None, "rare": 0.2, "val_limit": None, "overfit": 0, "cache": None}
    content["model"] |= {"weights": weights}
    if sift and images < FEW:
        content["model"] |= {"frozen_reduction": max(base.model.frozen_reduction, 16)}
    content["optimizer"] |= {
        "name": "adamw",
        "lr": 7e-4,
        "weight_decay": 0.02,
        "clip_norm": 10.0,
        "backbone": 0.5,
    }
    content["schedule"] |= {"name": "cosine", "by": "minutes", "warmup_steps": 20, "final": 0.02}
    content["training"] |= {
        "batch_size": BATCH if sift else min(base.training.batch_size, BATCH),
        "accumulate": 1,
        "max_steps": steps,
        "max_minutes": 1.0,
        "ema": round(1 - 10 / steps, 4),
        "validate_every": steps,
        "compile": False,
    }
    return Recipe.model_validate(content)


def with_minutes(recipe: Recipe, minutes: float, cache: str) -> Recipe:
    """The recipe of one training in it."""
    training = recipe.training.model_copy(update={"max_minutes": max(minutes, 1e-3)})
    data = recipe.data.model_copy(update={"cache": cache})
    return recipe.model_copy(update={"training": training, "data": data})


def _base_recipe(info: ModelInfo) -> Recipe:
    record = info.training.get("recipe")
    if not isinstance(record, Mapping):
        return load_recipe("sift-m")
    try:
        return recorded_recipe(record)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{info.name}: its recipe has {'.'.join(map(str, first['loc']))}, which this version does not know; expected "
            "a model of this version or an earlier one. Adapt another model"
        ) from None
