"""The turns and the final training of an adaptation. Loads torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from seasift.adaptation.clock import Interrupt, RunClock
from seasift.adaptation.held_out import FEW_STEPS, SHARES, HeldOut, Judgement
from seasift.adaptation.labels import Labels, Turns, part, turns_of
from seasift.adaptation.recipe import with_minutes
from seasift.core.calibration import Calibration
from seasift.core.decode import YolactDecode
from seasift.core.errors import InputError
from seasift.core.image import read_image
from seasift.core.instances import Instances
from seasift.data.check import size_differs
from seasift.data.coco import CocoImage
from seasift.data.partial_labels import fully_labelled
from seasift.data.prepared import DataSplit
from seasift.models.checkpoint import TorchPredictor, interpolate, load_network, read_checkpoint
from seasift.recipes.recipe import Recipe
from seasift.training.callbacks import LAST
from seasift.training.initial import initialise
from seasift.training.module import TrainingModule
from seasift.training.run import Options, train

TURNS = 3
_TURNS_SHARE, _LOOK_SHARE, _FINAL_SHARE = 0.4, 0.15, 0.35
"""Shares of the time: of the turns' trainings together, of looking at held-out images, and at least of the last training."""
_RESERVE = 0.05
_LEAST_JUDGED = 12
_LOWEST = 0.05
_PICTURES = 6


@dataclass(frozen=True)
class Adapted:
    """What the trainings gave.

    Attributes:
        network: between the base and the trained one, as chosen; None where the base model is better.
        checkpoint: of the last training.
        steps: of it.
        fewest: steps of the turn with the fewest.
        judgement: on held-out images.
        held: the collected predictions, for pictures.
        interrupted: whether the user ended it before the time was over.
    """

    network: nn.Module | None
    checkpoint: Path
    steps: int
    fewest: int
    judgement: Judgement
    held: HeldOut
    interrupted: bool


@dataclass(frozen=True)
class Setting:
    """What an adaptation works with.

    Attributes:
        labels: all labelled images.
        recipe: of each training; see `recipe.recipe_for`.
        decode: how the base model's outputs become objects.
        threshold: the base model's.
        calibration: the base model's.
        accelerator: of Lightning: auto, cpu, gpu.
        scratch: folder for caches and checkpoints.
        tell: called with a line for the user.
    """

    labels: Labels
    recipe: Recipe
    decode: YolactDecode
    threshold: float
    calibration: Calibration | None
    accelerator: str
    scratch: Path
    tell: Callable[[str], None]


def run(setting: Setting, clock: RunClock, interrupt: Interrupt) -> Adapted:
    """Hold out the labelled images by turns, choose the share of the new weights, and train on all.

    Raises:
        KeyboardInterrupt: the user ended it before the first turn was judged.
    """
    labels = setting.labels
    base = _base(setting)
    truth = fully_labelled(labels.split.coco)
    turns = turns_of(labels.split.coco.images, TURNS)
    chosen = _judged(setting, base, turns, clock)
    held = HeldOut(truth, labels.base_classes, turns.group_of, turns.unit, _pictured(chosen))
    best, best_steps, fewest = None, 0, setting.recipe.training.max_steps
    for number, fold in enumerate(turns.folds, start=1):
        learn = _without(labels.split, fold)
        seconds = clock.total * _TURNS_SHARE / len(turns.folds)
        setting.tell(
            f"turn {number} of {len(turns.folds)}: learning from {len(learn.coco.images)} images, "
            f"{len(chosen[number - 1])} held out; {clock.words()}"
        )
        checkpoint, steps = _train(setting, f"turn-{number}", learn, seconds, clock, interrupt)
        trained = load_network(checkpoint)[0]
        for share in SHARES:
            mixed = interpolate(base, trained, share, labels.new_ids)
            found = _look(setting, mixed, chosen[number - 1], clock, interrupt)
            if found is None:
                break
            held.add(share, found)
        else:
            best, best_steps, fewest = checkpoint, steps, min(fewest, steps)
        if interrupt.asked:
            break
    judgement = held.judge((setting.threshold, setting.calibration))
    if judgement is None or best is None:
        raise KeyboardInterrupt
    if not interrupt.asked and judgement.helped:
        seconds = max(clock.left - _RESERVE * clock.total, _FINAL_SHARE * clock.total)
        setting.tell(f"learning from all {len(labels.split.coco.images)} images; {clock.words()}")
        checkpoint, steps = _train(setting, "all", labels.split, seconds, clock, interrupt)
        if not interrupt.asked or steps >= best_steps:
            best, best_steps = checkpoint, steps
    if fewest < FEW_STEPS:
        setting.tell(f"a turn had time for {fewest} steps only, which teach little. Give more --minutes")
    network: nn.Module | None = None
    if judgement.helped:
        network = interpolate(base, load_network(best)[0], judgement.share, labels.new_ids)
    return Adapted(network, best, best_steps, fewest, judgement, held, interrupt.asked)


def _base(setting: Setting) -> nn.Module:
    """The base model with the joined classes."""
    module = TrainingModule(setting.recipe, setting.labels.split.coco.categories)
    initialise(module, setting.recipe.model.weights)
    return module.network.eval()


def _without(split: DataSplit, names: Sequence[str]) -> DataSplit:
    held = set(names)
    learn = [image.file_name for image in split.coco.images if image.file_name not in held]
    return part(split, learn, f"{len(learn)} of {len(split.coco.images)} images")


class _Watch(Callback):
    """Moves the clock, and ends the training when the user asks."""

    def __init__(self, clock: RunClock, interrupt: Interrupt) -> None:
        self._clock, self._interrupt = clock, interrupt

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Each step."""
        self._clock.tick()
        if self._interrupt.asked:
            trainer.should_stop = True


def _train(
    setting: Setting, name: str, learn: DataSplit, seconds: float, clock: RunClock, interrupt: Interrupt
) -> tuple[Path, int]:
    """Train on some images; the last checkpoint and its steps."""
    recipe = with_minutes(setting.recipe, seconds / 60, str(setting.scratch / "cache"))
    folder = setting.scratch / name
    options = Options(folder, accelerator=setting.accelerator, watch=_Watch(clock, interrupt))
    train(recipe, options, (learn, None))
    return folder / LAST, int(read_checkpoint(folder / LAST)["global_step"])


def _look(
    setting: Setting, network: nn.Module, images: Sequence[CocoImage], clock: RunClock, interrupt: Interrupt
) -> dict[int, Instances] | None:
    """What a network finds in images, by their ids; None if the user ended it."""
    categories, folder = setting.labels.split.coco.categories, setting.labels.split.images_dir
    predictor = TorchPredictor(network, categories, name="adapted", settings=setting.decode)
    found = {}
    for image in images:
        pixels = read_image(folder / image.file_name)
        if pixels.shape[:2] != image.size_hw:
            raise size_differs(folder / image.file_name, pixels.shape[:2], image.size_hw)
        (found[image.id],) = predictor.predict([pixels], threshold=_LOWEST)
        clock.tick()
        if interrupt.asked:
            return None
    return found


def _judged(setting: Setting, base: nn.Module, turns: Turns, clock: RunClock) -> list[list[CocoImage]]:
    """The images of each turn that are judged: all, or as many, evenly spaced, as there is time to look at."""
    truth = fully_labelled(setting.labels.split.coco)
    by_name = {image.file_name: image for image in truth.images}
    if not by_name:
        raise InputError(
            f"{setting.labels.split.name}: no image has all its objects, classes and box edges labelled; expected some to "
            "measure on. Label a few completely"
        )
    first = [truth.images[0]]
    _look(setting, base, first, clock, Interrupt())
    since = time.monotonic()
    _look(setting, base, first, clock, Interrupt())
    each = (time.monotonic() - since) * len(SHARES)
    most = max(int(_LOOK_SHARE * clock.total / max(each, 1e-6)), _LEAST_JUDGED)
    chosen = []
    for fold in turns.folds:
        whole = [by_name[name] for name in fold if name in by_name]
        count = min(len(whole), max(1, most * len(whole) // len(by_name)))
        chosen.append([whole[index * len(whole) // count] for index in range(count)])
    return chosen


def _pictured(chosen: Sequence[Sequence[CocoImage]]) -> list[int]:
    """Ids of a few images of all turns."""
    ids = [image.id for fold in chosen for image in fold]
    count = min(_PICTURES, len(ids))
    return [ids[index * len(ids) // count] for index in range(count)]
