"""An image with objects drawn on it, as a value: saved, shown in a notebook, or used as an array."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from seasift.core.image import encode_image, write_image
from seasift.core.instances import Instances
from seasift.core.types import UInt8
from seasift.viz.drawing import draw

_NOTEBOOK_PX = 1280


@dataclass(frozen=True, eq=False, repr=False)
class Plot:
    """An image with outlines, class names and scores.

    Attributes:
        image_rgb_u8: (H, W, 3) uint8 RGB. An image with sides below 480 px is drawn larger by an integer factor.

    >>> found.plot().save("out.jpg")
    >>> found.plot().image_rgb_u8.shape
    """

    image_rgb_u8: UInt8

    @classmethod
    def of(cls, image_rgb_u8: UInt8, instances: Instances) -> Plot:
        """Draw objects on a copy of their image, (H, W, 3) uint8 RGB."""
        labels = [f"{obj.name} {obj.score:.2f}" for obj in instances]
        return cls(draw(image_rgb_u8, instances, instances.categories, labels=labels))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the image in the format of the suffix: .jpg, .png, .tif, .webp or .bmp; whole or not at all.

        Raises:
            InputError: another suffix.
        """
        write_image(Path(path), self.image_rgb_u8)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """The image, for `numpy.asarray` and packages that use it."""
        return np.array(self.image_rgb_u8, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        height, width = self.image_rgb_u8.shape[:2]
        return f"Plot({width}x{height} px)"

    def _repr_png_(self) -> bytes:
        """For notebooks: at most 1280 px wide and high."""
        height, width = self.image_rgb_u8.shape[:2]
        factor = min(1.0, _NOTEBOOK_PX / max(height, width))
        size = max(1, round(width * factor)), max(1, round(height * factor))
        smaller = cv2.resize(self.image_rgb_u8, size, interpolation=cv2.INTER_AREA)
        return encode_image(np.asarray(smaller, np.uint8), ".png")
