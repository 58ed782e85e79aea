"""Figures of predictions on one data split, by the code that `seasift evaluate` uses."""

from __future__ import annotations

from collections.abc import Mapping

import torch.distributed as dist

from seasift.core.instances import Instances
from seasift.data.coco import CocoDataset
from seasift.evaluation.coco_metrics import Metrics, evaluate
from seasift.training.batches import process_of


class SplitEvaluator:
    """Called with what was found, by image id; gives the figures that the curve shows.

    Attributes:
        found: what the last call was given, by all processes together.
        figures: of the last call, in full; None before it.
    """

    def __init__(self, truth: CocoDataset) -> None:
        self._truth = truth
        self.found: Mapping[int, Instances] = {}
        self.figures: Metrics | None = None

    def __call__(self, found: Mapping[int, Instances]) -> dict[str, float]:
        """`box_AP`, `box_AP50`, and for a network with masks `mask_AP`, `mask_AP50`."""
        self.found = _of_all_processes(found)
        self.figures = evaluate(self._truth, self.found, self._truth.categories)
        wanted = {"box": self.figures.boxes}
        if "masks" in self.figures.curves:
            wanted["mask"] = self.figures.masks
        return {
            f"{kind}_{key}": float(lines[key] or 0.0)
            for kind, lines in wanted.items()
            for key in ("AP", "AP50")
        }


def _of_all_processes(found: Mapping[int, Instances]) -> Mapping[int, Instances]:
    _, processes = process_of()
    if processes == 1:
        return found
    parts: list[Mapping[int, Instances]] = [{}] * processes
    dist.all_gather_object(parts, found)
    return {image_id: objects for part in parts for image_id, objects in part.items()}
