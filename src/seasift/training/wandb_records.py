"""A run's records at Weights & Biases, beside metrics.csv and TensorBoard, for those who ask for them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from seasift.core.errors import InputError
from seasift.core.files import write_text
from seasift.core.image import read_image
from seasift.core.instances import Instances
from seasift.core.types import UInt8
from seasift.data.prepared import DataSplit
from seasift.evaluation.coco_metrics import LINE, Metrics
from seasift.training.validation import SplitEvaluator

if TYPE_CHECKING:
    import wandb

PROJECT = "seasift"
_EXAMPLES, _THRESHOLD = 6, 0.3
_STEP = "trainer/global_step"


class NoWandb(InputError):
    """Weights & Biases does not let a run begin."""


class WandbRecords(Callback):
    """Sends example images, the table of metrics and the best model; losses and AP go by `logger`.

    Args:
        folder: of the run; what W&B keeps of it on disk lies in its `wandb`.
        name: of the recipe.
        split: validation data of the run.
        val: holds what was found in it, and the metrics.
        resume: go on with the W&B run of the folder.
    Attributes:
        logger: takes what the module logs.
    Raises:
        NoWandb: no key and not offline, or no answer.
    """

    def __init__(
        self, folder: Path, name: str, split: DataSplit, val: SplitEvaluator, *, resume: bool
    ) -> None:
        self._name, self._split, self._evaluate = name, split, val
        first = getattr(rank_zero_only, "rank", 0) == 0
        self._run = _begin(folder, name, resume=resume) if first else None
        self.logger = WandbLogger(save_dir=folder, experiment=self._run)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Images and the table, on the curve's axis."""
        if self._run is None or self._evaluate.figures is None:
            return
        from wandb import Table

        columns, rows = table_of(self._evaluate.figures)
        self._run.log(
            {
                **self._images(),
                "figures": Table(columns=[*columns], data=rows),
                _STEP: trainer.global_step,
            }
        )

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        """The W&B run failed, too."""
        if self._run is not None:
            self._run.finish(exit_code=1)

    def finish(self, checkpoint: Path) -> None:
        """Keep the model file, and the checkpoint that it is made of, as an artifact and end the W&B run.

        Args:
            checkpoint: the best one; the model file appears beside it, under its name.
        """
        if self._run is None:
            return
        from wandb import Artifact

        if checkpoint.exists():
            from seasift.export.to_onnx import export_checkpoint

            model = checkpoint.with_suffix(".onnx")
            export_checkpoint([checkpoint], model)
            allowed = re.sub(r"[^A-Za-z0-9_.-]", "-", self._name)
            artifact = Artifact(f"{allowed}-{self._run.id}", type="model")
            for file in (model, checkpoint):
                artifact.add_file(str(file))
            self._run.log_artifact(artifact)
        self._run.finish()

    def _images(self) -> dict[str, wandb.Image]:
        """Each under its own name: W&B shows images of one name in one size."""
        from wandb import Image

        names = {0: "water"} | {
            index: category.name for index, category in enumerate(self._split.coco.categories, 1)
        }
        images = self._split.coco.images
        indices = np.linspace(0, len(images) - 1, min(_EXAMPLES, len(images))).round().astype(int)
        shown = {}
        for number, image in enumerate((images[index] for index in indices), 1):
            found = self._evaluate.found.get(image.id, Instances.empty(image.size_hw))
            overlay = {"mask_data": class_map(found, _THRESHOLD), "class_labels": names}
            pixels = read_image(self._split.images_dir / image.file_name)
            shown[f"examples/{number}"] = Image(
                pixels, caption=image.file_name, masks={"prediction": overlay}
            )
        return shown


def class_map(found: Instances, threshold: float) -> UInt8:
    """Predictions as W&B draws them: (H, W) of class_id + 1, 0 where nothing is; the surest lie on top."""
    canvas = np.zeros(found.size_hw, np.uint8)
    for index in reversed(np.flatnonzero(found.scores >= threshold)):
        label = int(found.class_ids[index]) + 1
        if found.masks is not None:
            canvas[found.masks[index].bitmap(found.size_hw)] = label
        else:
            x1, y1, x2, y2 = found.boxes_xyxy[index].round().astype(int).clip(0)
            canvas[y1:y2, x1:x2] = label
    return canvas


def table_of(figures: Metrics) -> tuple[list[str], list[list[Any]]]:
    """The 24 COCO metrics overall and of each class, as columns and rows."""
    kinds = (("box", "boxes"), ("mask", "masks"))
    columns = ["class", "objects", *(f"{short} {key}" for short, _ in kinds for key in LINE)]
    objects = sum(row["objects"] for row in figures.per_class.values())
    whole = {"objects": objects, "boxes": figures.boxes, "masks": figures.masks}
    rows = [
        [name, row["objects"], *((row[kind] or {}).get(key) for _, kind in kinds for key in LINE)]
        for name, row in {"all": whole, **figures.per_class}.items()
    ]
    return columns, rows


def _begin(folder: Path, name: str, *, resume: bool) -> wandb.Run:
    os.environ.setdefault(
        "WANDB_ERROR_REPORTING", "false"
    )  # read at import: its own crash reports are not asked for
    import wandb

    kept = folder / "wandb" / "id.txt"
    known = kept.read_text(encoding="utf-8").strip() if resume and kept.exists() else None
    folder.mkdir(parents=True, exist_ok=True)
    settings = wandb.Settings(console="off", silent=True)
    try:
        run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=name,
            dir=folder,
            id=known,
            resume="allow",
            settings=settings,
        )
    except wandb.Error as error:
        raise NoWandb(f"--logger wandb: {error} Or set WANDB_MODE=offline") from error
    write_text(kept, run.id)
    run.define_metric(_STEP)
    run.define_metric("*", step_metric=_STEP, step_sync=True)
    return run
