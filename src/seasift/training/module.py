"""The Lightning module: optimizer and schedule of a recipe, one step of training, one pass of validation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from seasift.core.errors import SeasiftError
from seasift.core.instances import Category, Instances
from seasift.evaluation.machine import describe_hardware
from seasift.models.catalog import FAMILIES, build
from seasift.models.checkpoint import TorchPredictor, config_of
from seasift.recipes.recipe import OptimizerRecipe, Recipe, ScheduleRecipe
from seasift.training.augment import Augment
from seasift.training.batches import Batch


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


def rate_factor(
    recipe: ScheduleRecipe, max_steps: int, time_used: Callable[[], float] = lambda: 0.0
) -> Callable[[int], float]:
    """What the learning rate is multiplied by at each optimizer step (0-based).

    Args:
        recipe: of the schedule.
        max_steps: of the run.
        time_used: gives the share of the run's minutes that is used, for a schedule by minutes.
    """
    milestones = [round(fraction * max_steps) for fraction in recipe.milestones]

    def after_warmup(step: float) -> float:
        if recipe.name == "steps":
            return recipe.gamma ** sum(step >= milestone for milestone in milestones)
        if recipe.name == "cosine":
            progress = min(step / max(max_steps, 1), 1.0)
            return recipe.final + (1 - recipe.final) * (1 + math.cos(math.pi * progress)) / 2
        return 1.0

    def factor(step: int) -> float:
        warm = min((step + 1) / recipe.warmup_steps, 1.0) if recipe.warmup_steps else 1.0
        reached = step if recipe.by == "steps" else max(step, time_used() * max_steps)
        return (recipe.warmup_from + (1 - recipe.warmup_from) * warm) * after_warmup(reached)

    return factor


Evaluate = Callable[[dict[int, Instances]], dict[str, float]]


class NonFiniteLossError(SeasiftError):
    """Training diverged or met a broken image."""


class TrainingModule(LightningModule):
    """Trains one network of the catalog.

    Args:
        recipe: of the run.
        categories: of the data; index is the class_id.
        val: turns predictions by image id into metrics. None: no validation.
        data: names and fingerprint of the training and validation data, for checkpoints.
    """

    def __init__(
        self,
        recipe: Recipe,
        categories: tuple[Category, ...],
        val: Evaluate | None = None,
        data: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.recipe, self.categories, self._evaluate = recipe, categories, val
        config = config_of(recipe, len(categories))
        self.family = FAMILIES[config.arch]
        self.network = build(config).to(memory_format=torch.channels_last)
        self.input_spec = spec = self.family.input_spec(config)
        # In a tuple, which hides it from state_dict: compiled, it is a second module over the same weights.
        self._learning: tuple[Any, ...] = (self.network,)
        self._augment = Augment(
            recipe.augment,
            spec.mean,
            spec.std,
            recipe.training.mask_targets,
            full_masks=self.family.full_masks,
        )
        self._found: dict[int, Instances] = {}
        self.batches_done, self.evaluated_at = 0, 0
        self._seconds_before, self._began = 0.0, time.monotonic()
        self.save_hyperparameters(
            {
                "recipe": recipe.model_dump(),
                "categories": [asdict(category) for category in categories],
                "data": dict(data or {}),
            }
        )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Losses of one batch; all chance in it depends on the seed and the batch's number alone."""
        seed = step_seed(self.recipe.seed, batch.number, self.global_rank)
        torch.manual_seed(seed)
        images, targets = self._augment(batch, seed)
        losses = self.family.losses(self._learning[0], images, targets)
        total = torch.stack(list(losses.values())).sum()
        if not bool(torch.isfinite(total)):
            parts = ", ".join(f"{name} {value.item():.4g}" for name, value in losses.items())
            raise NonFiniteLossError(
                f"loss is not finite at step {self.global_step} ({parts}) for {', '.join(batch.file_names)}; "
                "expected a number. Lower optimizer.lr, use training.precision=fp32, or run: seasift data check"
            )
        parts_of_total = {f"loss/{name}": value.detach() for name, value in losses.items()}
        self.log_dict({**parts_of_total, "loss/total": total.detach()}, sync_dist=True)
        self.batches_done = batch.number + 1
        return total

    def validation_step(self, batch: list[tuple[int, Any]], batch_idx: int) -> None:
        """Predict as users do, through `core.prepare` and `core.outputs`."""
        predictor = TorchPredictor(self.network, self.categories, name=self.recipe.name)
        found = predictor.predict([image for _, image in batch], threshold=0.05)
        self._found.update({image_id: objects for (image_id, _), objects in zip(batch, found, strict=True)})

    def on_validation_epoch_end(self) -> None:
        """Evaluate what was found. `val/score` picks the best: (mask AP + box AP) / 2, or box AP without masks."""
        if self._evaluate is not None and not self.trainer.sanity_checking:
            figures = self._evaluate(self._found)
            # The evaluator has what all processes found, so nothing is summed over them.
            self.log_dict({f"val/{name}": value for name, value in figures.items()})
            both = [figures[key] for key in ("mask_AP", "box_AP") if key in figures]
            self.log("val/score", sum(both) / len(both))
            self.evaluated_at = self.global_step
        self._found = {}

    @property
    def train_seconds(self) -> float:
        """Time spent since training began, validation included, over all resumes."""
        return self._seconds_before + time.monotonic() - self._began

    def on_fit_start(self) -> None:
        """Start the clock, for building the cache is not training; wrap the network if it is to be compiled."""
        self._began = time.monotonic()
        if self.recipe.training.compile:
            self._learning = (torch.compile(self.network, dynamic=False),)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the number of batches done, from which a resumed run continues, the time spent and the hardware."""
        checkpoint["batches_done"] = self.batches_done
        checkpoint["hardware"] = hardware_words(self.device)
        checkpoint["train_seconds"] = self.train_seconds

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue counting the time. Checkpoints of older versions have none."""
        self._seconds_before = checkpoint.get("train_seconds", 0.0)

    def configure_optimizers(self) -> Any:
        """Optimizer and schedule of the recipe; the rate moves every optimizer step."""
        recipe = self.recipe
        optimizer = make_optimizer(recipe.optimizer, self.network)
        factor = rate_factor(recipe.schedule, recipe.training.max_steps, self._time_used)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _time_used(self) -> float:
        """Share of the minutes of this process, after a resume of the new ones, as `callbacks.TimeLimit` counts."""
        minutes = self.recipe.training.max_minutes
        return (time.monotonic() - self._began) / (60 * minutes) if minutes else 0.0

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Training batches move; validation images stay on the CPU until they are prepared."""
        return batch.to(device) if isinstance(batch, Batch) else batch


def step_seed(seed: int, number: int, rank: int) -> int:
    """A seed for batch `number`, unlike that of any other batch, rank or run."""
    return int(np.random.SeedSequence((seed, number, rank)).generate_state(1, np.uint64)[0] >> np.uint64(2))


def hardware_words(device: torch.device) -> str:
    """What training runs on, for its records."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {describe_hardware(None)}"
    return f"{describe_hardware(None)}, {torch.get_num_threads()} threads"
