"""Optimizers and learning-rate schedules by the names that recipes use."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from seasift.recipes.recipe import OptimizerRecipe, ScheduleRecipe


def make_optimizer(recipe: OptimizerRecipe, network: nn.Module) -> Optimizer:
    """The optimizer of a recipe over the parameters of a network that learn."""
    learning: list[Any] = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if recipe.backbone != 1:
        body = {id(p) for name, p in network.named_parameters() if name.startswith("backbone.")}
        learning = [
            {"params": [p for p in learning if id(p) not in body]},
            {"params": [p for p in learning if id(p) in body], "lr": recipe.lr * recipe.backbone},
        ]
    if recipe.name == "sgd":
        return torch.optim.SGD(
            learning, lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )
    kind = torch.optim.Adam if recipe.name == "adam" else torch.optim.AdamW
    return kind(learning, lr=recipe.lr, weight_decay=recipe.weight_decay)


def rate_factor(recipe: ScheduleRecipe, max_steps: int) -> Callable[[int], float]:
    """What the learning rate is multiplied by at each optimizer step (0-based)."""
    milestones = [round(fraction * max_steps) for fraction in recipe.milestones]

    def after_warmup(step: int) -> float:
        if recipe.name == "steps":
            return recipe.gamma ** sum(step >= milestone for milestone in milestones)
        if recipe.name == "cosine":
            progress = min(step / max(max_steps, 1), 1.0)
            return recipe.final + (1 - recipe.final) * (1 + math.cos(math.pi * progress)) / 2
        return 1.0

    def factor(step: int) -> float:
        warm = min((step + 1) / recipe.warmup_steps, 1.0) if recipe.warmup_steps else 1.0
        return (recipe.warmup_from + (1 - recipe.warmup_from) * warm) * after_warmup(step)

    return factor
