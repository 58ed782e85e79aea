"""The use case of this room: `train`, from a recipe to checkpoints."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seasift.core.choices import AcceleratorName, choose
from seasift.core.errors import InputError, require
from seasift.evaluation.api import EvaluationResult, evaluate
from seasift.evaluation.compare import CompareSettings
from seasift.evaluation.compare import compare as compare_runs
from seasift.evaluation.compare_page import write_comparison
from seasift.evaluation.comparison import Comparison
from seasift.evaluation.runs import read_runs
from seasift.recipes.recipe import Recipe, load_recipe

EVALUATION, COMPARISON = "evaluation", "comparison"
LOGGERS = ("wandb",)


@dataclass(frozen=True)
class TrainingResult:
    """What a training run left.

    Attributes:
        folder: holds best.ckpt, last.ckpt, metrics.csv, tensorboard and recipe.yaml.
        recipe: as it was resolved.
        evaluation: of best.ckpt on val; None unless asked for by `compare`.
        comparison: of that evaluation with published figures.
        written: files of the comparison.
    """

    folder: Path
    recipe: Recipe
    evaluation: EvaluationResult | None = None
    comparison: Comparison | None = None
    written: tuple[Path, ...] = ()


def train(
    recipe: str | Path,
    *,
    data: str | Path | None = None,
    output: str | Path | None = None,
    overrides: Sequence[str] | None = None,
    resume: bool = False,
    overfit: int = 0,
    max_minutes: float | None = None,
    accelerator: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    logger: str | None = None,
    compare: bool = False,
    progress: Callable[[int, int], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> TrainingResult:
    """Train a model from a recipe; leave checkpoints, curve and records in a folder.

    Args:
        recipe: name of a recipe of the package, or a YAML file.
        data: prepared data set or COCO file, instead of the recipe's.
        output: folder of the run; default: `runs/` and the recipe's name.
        overrides: "key=value", for example "training.batch_size=4".
        resume: continue from last.ckpt.
        overfit: learn and evaluate only this many images, without augmentation.
        max_minutes: stop after this many minutes.
        accelerator: "auto", "cpu" or "gpu".
        devices: GPUs or processes.
        nodes: machines.
        logger: "wandb" keeps records at Weights & Biases as well.
        compare: at the end evaluate best.ckpt on val and compare it with published results.
        progress: called with images done and in all, while they are decoded and at the end evaluated.
        tell: called with a line that the user should see before training begins.
    Raises:
        RecipeError: the recipe or an override cannot be used. InputError: another option, or the data.

    Example::

        run = seasift.train("sift-s", data="data/trashcan", max_minutes=30)
        seasift.export(run.folder / "best.ckpt", output="mine.onnx")
    """
    wanted = load_recipe(str(recipe), _changes(data, overrides, overfit, max_minutes))
    if compare and wanted.data.overfit:
        raise InputError(
            "--compare: with data.overfit the run is validated on the images that it learns; expected a val split. "
            "Leave out one of them."
        )
    choose("--accelerator", accelerator, list(AcceleratorName))
    if logger is not None:
        choose("--logger", logger, LOGGERS)
    require("train", "torch", "lightning", "timm", "tensorboard")
    if logger:
        require(logger, logger)
    from seasift.training.run import Options
    from seasift.training.run import train as run

    folder = Path(output) if output else Path("runs") / wanted.name
    options = Options(folder, resume, accelerator, devices, nodes, progress, logger == "wandb", tell=tell)
    run(wanted, options)
    if not compare or not is_first_process():
        return TrainingResult(folder, wanted)
    return _compared(wanted, folder, progress)


def with_data(overrides: Sequence[str] | None, data: str | Path | None) -> list[str]:
    """Overrides of a recipe, with the data's path as one of them."""
    return [*(overrides or ()), *([f"data.path={Path(data).as_posix()!r}"] if data else [])]


def is_first_process() -> bool:
    """Whether this is the process that writes and speaks: Lightning starts the program once a process."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def _changes(
    data: str | Path | None, overrides: Sequence[str] | None, overfit: int, max_minutes: float | None
) -> list[str]:
    changes = with_data(overrides, data)
    if max_minutes is not None:
        changes.append(f"training.max_minutes={max_minutes}")
    if overfit:
        changes.append(f"data.overfit={overfit}")
        changes += [f"augment.{step}=false" for step in ("photometric", "expand", "crop", "flip")]
    return changes


def _compared(recipe: Recipe, folder: Path, progress: Callable[[int, int], None] | None) -> TrainingResult:
    """Evaluate best.ckpt on the recipe's val and write the tables beside published results."""
    data = Path(str(recipe.data.path))
    prepared = data.is_dir()  # a COCO file has nothing to choose from
    evaluation = evaluate(
        folder / "best.ckpt",
        data,
        output=folder / EVALUATION,
        labels=recipe.data.labels if prepared else None,
        masks=recipe.data.masks if prepared else None,
        scheme=recipe.data.scheme if prepared else None,
        split=recipe.data.val if prepared else None,
        progress=progress,
    )
    comparison = compare_runs(read_runs([folder]), CompareSettings(data))
    written = write_comparison(folder / COMPARISON, comparison)
    return TrainingResult(folder, recipe, evaluation, comparison, written)
