"""A picture's objects together with how it looks, to the eye and to the network: one run of the model gives both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seasift.core.heads import HEADS
from seasift.core.instances import Instances
from seasift.core.looks import NAMES, looks_of
from seasift.core.types import Float32, Float64, UInt8
from seasift.runtime.predictor import OnnxPredictor

_MAPS = {head.maps for head in HEADS.values()}


def found_and_looks(
    model: OnnxPredictor,
    image_rgb_u8: UInt8,
    *,
    threshold: float,
    max_objects: int,
    class_ids: Sequence[int] | None = None,
) -> tuple[Instances, Float64]:
    """What is in a picture, see `OnnxPredictor.predict`, and its looks in the order of `looks_names`."""
    batch = model.run(model.prepare(image_rgb_u8)[None])
    outputs = {name: values[0] for name, values in batch.items()}
    found = model.decode(
        outputs,
        size_hw=(image_rgb_u8.shape[0], image_rgb_u8.shape[1]),
        threshold=threshold,
        max_objects=max_objects,
        class_ids=class_ids,
    )
    return found, np.concatenate([looks_of(image_rgb_u8), _activity(outputs)])


def looks_names(values: int) -> tuple[str, ...]:
    """Names of so many looks: the picture's statistics, then means and deviations of the network's prototypes."""
    prototypes = (values - len(NAMES)) // 2
    return (
        *NAMES,
        *(f"prototype {k} {what}" for what in ("mean", "deviation") for k in range(1, prototypes + 1)),
    )


def _activity(outputs: Mapping[str, Float32]) -> Float64:
    """Mean and standard deviation of each prototype or mask feature over the picture; nothing from networks without."""
    (name,) = _MAPS & outputs.keys() or ("",)
    if not name:
        return np.zeros(0)
    masks = np.asarray(outputs[name], np.float64)
    masks = masks.reshape(-1, masks.shape[-1])
    return np.concatenate([masks.mean(axis=0), masks.std(axis=0)])
