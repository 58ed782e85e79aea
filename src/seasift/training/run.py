"""One training run from recipe to checkpoints, with plots of its curve beside it."""

from __future__ import annotations

import csv
import json
import logging
import os
import platform
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from matplotlib.figure import Figure
from torch.utils.data import DataLoader

from seasift import __version__
from seasift.core.errors import RecipeError
from seasift.core.files import replacing, write_json, write_text
from seasift.data.cache import ImageCache
from seasift.data.prepared import DataSplit
from seasift.models.checkpoint import read_checkpoint
from seasift.recipes.recipe import Recipe
from seasift.training.batches import BatchStream, GpuPixels, load_on_gpu
from seasift.training.callbacks import (
    BEST,
    CURVE,
    LAST,
    Checkpoints,
    Curve,
    MovingAverage,
    ProgressLine,
    TimeLimit,
)
from seasift.training.data import EvaluationImages, data_splits, open_images
from seasift.training.initial import initialise
from seasift.training.module import TrainingModule, hardware_words
from seasift.training.validation import SplitEvaluator
from seasift.training.wandb_records import WandbRecords

PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed"}
VALIDATION_BATCH = 8
RECORD = "run.json"


@dataclass(frozen=True)
class Options:
    """What a run is asked for beside its recipe.

    Attributes:
        out: folder of the run.
        resume: continue from last.ckpt.
        accelerator: of Lightning: auto, cpu, gpu.
        devices: processes or GPUs.
        nodes: machines.
        progress: called with (images done, in all) while the cache is built.
        wandb: keep records at Weights & Biases as well.
        tell: called with a line that the user should see before training begins.
        watch: sees the steps instead of the progress line.
    """

    out: Path
    resume: bool = False
    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    progress: Callable[[int, int], None] | None = None
    wandb: bool = False
    tell: Callable[[str], None] | None = None
    watch: Callback | None = None


def train(recipe: Recipe, options: Options, splits: tuple[DataSplit, DataSplit | None] | None = None) -> Path:
    """Train, validate and leave checkpoints, curve and records in the run's folder.

    Args:
        recipe: of the run.
        options: what it is asked for beside.
        splits: to learn from and to validate on, instead of those that the recipe names. Without the second nothing is
            validated, and last.ckpt is the only checkpoint.
    Returns:
        The folder.
    Raises:
        RecipeError: no data, or a run is there and `resume` was not asked for (or the other way round).
        DatasetError: the data cannot be used.
        NonFiniteLossError: training diverged.
    """
    last = options.out / LAST
    _check_folder(last, options.resume)
    _check_shares(recipe.training.batch_size, options.devices * options.nodes)
    quieten()
    seed_everything(recipe.seed, verbose=False)
    if recipe.training.precision == "bf16":
        torch.set_float32_matmul_precision("high")  # TF32, whose error is far below that of bf16
    learn, val = splits or data_splits(recipe)
    names = {"train": learn.name, "val": val.name if val else "none", "fingerprint": learn.fingerprint}
    decide = SplitEvaluator(val.coco) if val else None
    module = TrainingModule(recipe, learn.coco.categories, decide, names)
    start = read_checkpoint(last) if options.resume else None
    if start is None:
        fresh = initialise(module, recipe.model.weights)
        if options.tell and (random := [*fresh.entries, *(f"class {name}" for name in fresh.classes)]):
            options.tell(f"not in {recipe.model.weights}, so they start at random: {', '.join(random)}")
    cache = open_images(learn, module.input_spec, recipe, options.progress)
    step, batch = (start["global_step"], start["batches_done"]) if start else (0, 0)
    record = _write_records(recipe, options, learn, val)
    stream = BatchStream(
        cache,
        batch_size=recipe.training.batch_size,
        seed=recipe.seed,
        start=batch,
        stop=recipe.training.max_steps * recipe.training.accumulate,
        rare=recipe.data.rare,
        pixels=_on_gpu_if_it_fits(cache, options),
    )
    more = None
    if options.wandb and val and decide:
        more = WandbRecords(options.out, recipe.name, val, decide, resume=options.resume)
    trainer = make_trainer(recipe, options, start=step, more=more)
    images = DataLoader(EvaluationImages(val), batch_size=VALIDATION_BATCH, collate_fn=list) if val else None
    trainer.fit(
        module,
        DataLoader(stream, batch_size=None),
        images,
        ckpt_path=last if options.resume else None,
        weights_only=True,
    )
    if (
        images is not None and trainer.global_step > module.evaluated_at
    ):  # stopped by the clock, or between two validations
        trainer.validate(module, images, verbose=False)
    if trainer.is_global_zero:
        _finish_records(options.out, record, module, decide)
    if more is not None:
        more.finish(options.out / BEST)
    return options.out


def _finish_records(
    out: Path, record: dict[str, Any], module: TrainingModule, decide: SplitEvaluator | None
) -> None:
    seen = module.batches_done * module.recipe.training.batch_size
    done = {"train_seconds": round(module.train_seconds, 1), "pictures_seen": seen}
    write_json(out / RECORD, record | done, indent=2)
    if decide and decide.figures is not None:
        draw_run(out / CURVE, decide.figures.per_class, out / "curves")


def _check_folder(last: Path, resume: bool) -> None:
    if resume and not last.exists():
        raise RecipeError(
            f"{last}: no checkpoint to resume from; expected one of an earlier run. Leave out --resume"
        )
    if not resume and last.exists():
        raise RecipeError(
            f"{last.parent}: holds a run already; expected an empty folder. Add --resume or choose another -o"
        )


def _check_shares(batch_size: int, processes: int) -> None:
    if batch_size % processes:
        raise RecipeError(
            f"training.batch_size: got {batch_size} for {processes} processes; expected a multiple, so that "
            f"their shares are equal. Add --set training.batch_size={-(-batch_size // processes) * processes}"
        )


def make_trainer(
    recipe: Recipe, options: Options, *, start: int, more: WandbRecords | None = None
) -> Trainer:
    """A Lightning trainer that does what the recipe says, beginning at optimizer step `start`."""
    training = recipe.training
    callbacks: list[Callback] = [
        Curve(options.out, start=start),
        options.watch or ProgressLine(training.max_steps, training.max_minutes),
        Checkpoints(options.out, training),
    ]
    loggers: list[Logger] = [
        TensorBoardLogger(options.out, name="", version="tensorboard", purge_step=start or None)
    ]
    if more is not None:
        callbacks.append(more)
        loggers.append(more.logger)
    if training.ema:
        callbacks.insert(0, MovingAverage(training.ema))
    if training.max_minutes:
        callbacks.append(TimeLimit(training.max_minutes))
    return Trainer(
        accelerator=options.accelerator,
        devices=options.devices,
        num_nodes=options.nodes,
        precision=PRECISIONS[training.precision],
        benchmark=_on_gpu(options),
        max_steps=training.max_steps,
        max_epochs=-1,
        accumulate_grad_batches=training.accumulate,
        gradient_clip_val=recipe.optimizer.clip_norm,
        val_check_interval=training.validate_every * training.accumulate,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
        logger=loggers,
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        use_distributed_sampler=False,
    )


def _write_records(
    recipe: Recipe, options: Options, learn: DataSplit, val: DataSplit | None
) -> dict[str, Any]:
    text = yaml.safe_dump(json.loads(recipe.model_dump_json()), sort_keys=False, allow_unicode=True)
    write_text(options.out / "recipe.yaml", text)
    record = {
        "seasift": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": hardware_words(torch.device("cuda" if _on_gpu(options) else "cpu")),
        "seed": recipe.seed,
        "train": {"name": learn.name, "pictures": len(learn.coco.images)},
        "val": {"name": val.name, "pictures": len(val.coco.images)} if val else None,
        "fingerprint": learn.fingerprint,
    }
    write_json(options.out / RECORD, record, indent=2)
    return record


def _on_gpu(options: Options) -> bool:
    return options.accelerator != "cpu" and torch.cuda.is_available()


def _on_gpu_if_it_fits(cache: ImageCache, options: Options) -> GpuPixels | None:
    if not _on_gpu(options):
        return None
    return load_on_gpu(cache, torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))))


def quieten() -> None:
    """Drop advice of Lightning that does not apply to this use of it."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for about in (
        ".*does not have many workers.*",
        ".*isinstance.treespec, LeafSpec.*",
        ".*in eval mode at the start.*",
        ".*recommended to use `self.log.*sync_dist=True.*",
        ".*no `val_dataloader`.*",
    ):
        warnings.filterwarnings("ignore", message=about)


_COLOURS = ("#0b6e99", "#c2571a", "#3d8b37", "#8e44ad", "#b8860b", "#5d6d7e", "#c0392b")
_MASKS, _BOXES = _COLOURS[:2]


def draw_run(metrics: Path, per_class: Mapping[str, Mapping[str, Any]], folder: Path) -> tuple[Path, ...]:
    """Draw what a run's metrics.csv and its last validation hold.

    Args:
        metrics: the CSV file.
        per_class: class name to {"objects", "boxes", "masks"} as in `evaluation.coco_metrics.Metrics`.
        folder: gets losses, ap and classes, each as .png and .svg.
    Returns:
        The files, each whole or not at all.
    """
    with metrics.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figures = {"losses": _losses(rows), "ap": _ap(rows), "classes": _classes(per_class)}
    paths = tuple(folder / f"{name}.{suffix}" for name in figures for suffix in ("png", "svg"))
    for path in paths:
        with replacing(path) as part:
            figures[path.stem].savefig(part, format=path.suffix[1:], dpi=120)
    return paths


def _losses(rows: Sequence[Mapping[str, str]]) -> Figure:
    figure, axes = _one(6.4, 4.0)
    seen = [row for row in rows if row.get("loss/total")]
    names = [name for name in (seen[0] if seen else {}) if name.startswith("loss/") and seen[0][name]]
    for colour, name in zip(_COLOURS, names, strict=False):
        steps = [int(row["step"]) for row in seen]
        axes.plot(steps, [float(row[name]) for row in seen], color=colour, label=name[5:], linewidth=1.4)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    if names:
        axes.legend(frameon=False)
    return figure


def _ap(rows: Sequence[Mapping[str, str]]) -> Figure:
    figure, axes = _one(6.4, 4.0)
    for kind, colour in (("mask", _MASKS), ("box", _BOXES)):
        for name, style in (("AP", "-o"), ("AP50", "--o")):
            seen = [row for row in rows if row.get(f"val/{kind}_{name}")]
            if seen:
                steps, values = (
                    [int(row["step"]) for row in seen],
                    [float(row[f"val/{kind}_{name}"]) for row in seen],
                )
                axes.plot(steps, values, style, color=colour, label=f"{kind} {name}", markersize=3)
    axes.set(xlabel="step", ylabel="on val", ylim=(0, None))
    if axes.lines:
        axes.legend(frameon=False)
    return figure


def _classes(per_class: Mapping[str, Mapping[str, Any]]) -> Figure:
    shown = {name: row for name, row in per_class.items() if row["objects"]}
    figure, axes = _one(6.4, 1.2 + 0.3 * max(len(shown), 1))
    for shift, kind, colour in ((-0.2, "masks", _MASKS), (0.2, "boxes", _BOXES)):
        values = [(row[kind] or {}).get("AP") or 0.0 for row in shown.values()]
        axes.barh(
            [index + shift for index in range(len(shown))], values, height=0.38, color=colour, label=kind
        )
    axes.set_yticks(
        range(len(shown)), [f"{name} ({row['objects']})" for name, row in shown.items()], fontsize=8
    )
    axes.invert_yaxis()
    axes.set(xlabel="AP at the last validation (objects in brackets)", xlim=(0, None))
    if shown:
        axes.legend(frameon=False)
    return figure


def _one(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.grid(color="#e3e6e8", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes
