"""Figures of predictions on one data part, by the code that `seasift evaluate` uses."""

from __future__ import annotations

from collections.abc import Mapping

from seasift.core.instances import Instances
from seasift.data.coco import CocoDataset
from seasift.evaluation.coco_figures import Figures, evaluate


class PartJudge:
    """Called with what was found, by picture id; gives the figures that the curve shows.

    Attributes:
        found: what the last call was given.
        figures: of the last call, in full; None before it.
    """

    def __init__(self, truth: CocoDataset) -> None:
        self._truth = truth
        self.found: Mapping[int, Instances] = {}
        self.figures: Figures | None = None

    def __call__(self, found: Mapping[int, Instances]) -> dict[str, float]:
        """`box_AP`, `box_AP50`, and for a network with masks `mask_AP`, `mask_AP50`."""
        self.found = found
        self.figures = evaluate(self._truth, found, self._truth.categories)
        wanted = {"box": self.figures.boxes}
        if "masks" in self.figures.curves:
            wanted["mask"] = self.figures.masks
        return {
            f"{kind}_{key}": float(lines[key] or 0.0)
            for kind, lines in wanted.items()
            for key in ("AP", "AP50")
        }
