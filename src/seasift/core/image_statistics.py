"""Six statistics of an image that do not depend on its content: light, contrast, colour, sharpness."""

from __future__ import annotations

import cv2
import numpy as np

from seasift.core.types import Float64, UInt8

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
