"""Precision-recall curves, taken out of the arrays the figures are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seasift.evaluation.coco_figures import Figures

RECALLS: npt.NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
IOUS = {0.5: 0, 0.75: 5}
_ALL_AREAS, _HUNDRED = 0, 2


def curve(
    figures: Figures, kind: str, iou: float, class_id: int | None = None
) -> npt.NDArray[np.float64] | None:
    """Interpolated precision at each of RECALLS.

    Args:
        kind: "boxes" or "masks".
        iou: 0.5 or 0.75.
        class_id: None: the mean over the classes that have truth.
    Returns:
        (101,) precision, whose mean is the AP at that IoU; None where nothing is judged.
    """
    if kind not in figures.curves:
        return None
    precision = figures.curves[kind].precision[IOUS[iou], :, :, _ALL_AREAS, _HUNDRED]
    judged = precision[:, (precision > -1).all(axis=0)] if class_id is None else precision[:, [class_id]]
    if not judged.size or (judged < 0).any():
        return None
    return np.asarray(judged.mean(axis=1))


def all_curves(figures: Figures, class_id: int | None = None) -> dict[tuple[str, float], npt.NDArray[Any]]:
    """The judged curves of both kinds at both IoUs."""
    found = {(kind, iou): curve(figures, kind, iou, class_id) for kind in ("boxes", "masks") for iou in IOUS}
    return {key: values for key, values in found.items() if values is not None}
