"""A picture's objects together with how it looks, to the eye and to the network: one run of the model gives both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seasift.core.image_statistics import NAMES, image_statistics
from seasift.core.instances import Instances
from seasift.core.types import Float32, Float64, UInt8
from seasift.inference.predictor import OnnxPredictor

_PROTOTYPES = "prototypes"


def predict_with_statistics(
    model: OnnxPredictor,
    image_rgb_u8: UInt8,
    *,
    threshold: float,
    max_objects: int,
    class_ids: Sequence[int] | None = None,
) -> tuple[Instances, Float64]:
    """What is in an image, see `OnnxPredictor.predict`, and its statistics in the order of `statistic_names`."""
    batch = model.run(model.prepare(image_rgb_u8)[None])
    outputs = {name: values[0] for name, values in batch.items()}
    found = model.decode(
        outputs,
        size_hw=(image_rgb_u8.shape[0], image_rgb_u8.shape[1]),
        threshold=threshold,
        max_objects=max_objects,
        class_ids=class_ids,
    )
    return found, np.concatenate([image_statistics(image_rgb_u8), _activity(outputs)])


def statistic_names(values: int) -> tuple[str, ...]:
    """Names of so many statistics: the image's, then means and deviations of the network's prototypes."""
    prototypes = (values - len(NAMES)) // 2
    return (
        *NAMES,
        *(f"prototype {k} {what}" for what in ("mean", "deviation") for k in range(1, prototypes + 1)),
    )


def _activity(outputs: Mapping[str, Float32]) -> Float64:
    """Mean and standard deviation of each prototype mask over the image; nothing from networks without."""
    if _PROTOTYPES not in outputs:
        return np.zeros(0)
    masks = np.asarray(outputs[_PROTOTYPES], np.float64)
    masks = masks.reshape(-1, masks.shape[-1])
    return np.concatenate([masks.mean(axis=0), masks.std(axis=0)])
