"""Which frames a person must look at: frames with trash or animals, ranked by the best score in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seasift.core.classes import Group, group_of
from seasift.core.types import Bool, Float64, Int64
from seasift.data.coco import CocoDataset
from seasift.evaluation.intervals import Draws, interval

WANTED: tuple[Group, ...] = ("trash", "animal")
PRECISIONS = (0.8, 0.9)
RECALL = 0.95
RECALL_AT = {precision: f"recall_at_precision_{100 * precision:.0f}" for precision in PRECISIONS}
LOOK_AT = f"look_at_for_recall_{100 * RECALL:.0f}"
FIGURES = (*RECALL_AT.values(), LOOK_AT)


def triage_of(truth: CocoDataset, entries: Sequence[dict[str, Any]], draws: Draws | None) -> dict[str, Any]:
    """How well the model picks the frames that hold trash, and those that hold animals.

    A frame's score is that of its best detection of the supercategory. A frame holds the supercategory if the truth has
    an object or a crowd of it.

    Args:
        truth: images and objects.
        entries: COCO results.
        draws: for the intervals (None: none).
    Returns:
        Supercategory to "frames" (all), "with" (those that hold it), "recall_at_precision_80" and "_90" (the largest
        share of these frames that a threshold finds of which at least that share of found frames is right; 0 where no
        threshold does), "look_at_for_recall_95" (the share of all frames that a person still looks at, best first,
        to see 95% of the frames that hold it; frames without a detection come last, all together), and "intervals" of
        the three (None without draws). The metrics are None where no frame or every frame holds it.
    """
    images = sorted(truth.images, key=lambda image: image.id)
    index = {image.id: i for i, image in enumerate(images)}
    groups = {each.id: group_of(each.name) for each in truth.categories}
    found: dict[str, Any] = {}
    for wanted in WANTED:
        if wanted not in groups.values():
            continue
        scores, holds = np.zeros(len(images)), np.zeros(len(images), bool)
        for entry in entries:
            if groups[entry["category_id"]] == wanted:
                i = index[entry["image_id"]]
                scores[i] = max(scores[i], entry["score"])
        for annotation in truth.annotations:
            if groups[annotation.category_id] == wanted:
                holds[index[annotation.image_id]] = True
        found[wanted] = _row(scores, holds, draws)
    return found


def _row(scores: Float64, holds: Bool, draws: Draws | None) -> dict[str, Any]:
    row: dict[str, Any] = {"frames": len(holds), "with": int(holds.sum())}
    known = bool(holds.any() and not holds.all())
    once = triage(scores, holds, np.ones((1, len(holds)), np.int64))
    row |= {name: float(once[name][0]) if known else None for name in FIGURES}
    row["intervals"] = None
    if draws is not None and known:
        values = triage(scores, holds, draws.weights[1:])
        row["intervals"] = {name: interval(values[name]) for name in FIGURES}
    return row


def triage(scores: Float64, holds: Bool, weights: Int64) -> Mapping[str, Float64]:
    """The metrics under each row of weights.

    Args:
        scores: (P,) of the frames.
        holds: (P,) whether a frame holds what is wanted.
        weights: (R, P) how often each frame counts.
    Returns:
        Each name of `FIGURES` to (R,), NaN in rows without a frame that holds it.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(
        np.append(scores[order][1:] != scores[order][:-1], True)
    )  # frames of one score go together
    shown = np.cumsum(weights[:, order], axis=1)[:, ends].astype(np.float64)
    right = np.cumsum(weights[:, order] * holds[order], axis=1)[:, ends].astype(np.float64)
    total, frames = right[:, -1:], shown[:, -1]
    recall = np.divide(right, total, out=np.full_like(right, np.nan), where=total > 0)
    precision = np.divide(right, shown, out=np.zeros_like(right), where=shown > 0)
    detected = scores[order][ends] > 0  # a frame without a detection cannot be found by a threshold
    values = {}
    for wanted, name in RECALL_AT.items():
        allowed = (precision >= wanted - 1e-12) & detected
        values[name] = np.where(allowed, recall, 0.0).max(axis=1, initial=0.0)
    enough = recall >= RECALL - 1e-12
    values[LOOK_AT] = shown[np.arange(len(shown)), enough.argmax(axis=1)] / np.maximum(frames, 1)
    return {name: np.where(total[:, 0] > 0, each, np.nan) for name, each in values.items()}
