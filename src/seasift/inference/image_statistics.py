"""Statistics of an image, from its pixels and from the network.

Six of the pixels do not depend on the content: light, contrast, colour, sharpness. One run of the model gives both
the objects and the statistics of the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from seasift.core.instances import Instances
from seasift.core.types import Float32, Float64, UInt8
from seasift.inference.predictor import OnnxPredictor

NAMES = ("brightness", "contrast", "red to green", "yellow to blue", "colourfulness", "sharpness")
_SIDE = 256


def image_statistics(image_rgb_u8: UInt8) -> Float64:
    """Statistics of an image (H, W, 3) uint8 RGB, shrunk so that its longer side is 256 px.

    Returns:
        (6,) in the order of `NAMES`: mean and standard deviation of lightness L (0..100); means of a (red above
        green) and b (yellow above blue) of CIE Lab; mean distance of (a, b) from their means; natural logarithm of
        1 plus the variance of the Laplacian of L (0..255).
    Source of the last: Pech-Pacheco et al. 2000 (variance of the Laplacian as a measure of focus).
    """
    height, width = image_rgb_u8.shape[:2]
    factor = _SIDE / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(image_rgb_u8, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float64)
    light, colour = lab[..., 0], lab[..., 1:] - 128
    mean = colour.mean(axis=(0, 1))
    spread = np.hypot(*np.moveaxis(colour - mean, -1, 0)).mean()
    edges = cv2.Laplacian(light, cv2.CV_64F).var()
    return np.array([light.mean() / 2.55, light.std() / 2.55, *mean, spread, np.log1p(edges)])


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
