"""From a picture to the network's input. The only place where this happens, in training and in use."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from seasift.core.types import Float32, SizeHW, UInt8


@dataclass(frozen=True)
class InputSpec:
    """What a network wants to see.

    Attributes:
        size_hw: input height and width, px.
        mean: of red, green, blue, in pixel units 0..255.
        std: of red, green, blue, in pixel units 0..255.
        resize: "stretch" fills the input and lets the aspect ratio go (Bolya et al. 2019, section 5).
    """

    size_hw: SizeHW
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize: str = "stretch"

    def __post_init__(self) -> None:
        if self.resize != "stretch":
            raise ValueError(f"resize rule {self.resize!r}; this version knows 'stretch'")


def resize_u8(image_rgb_u8: UInt8, size_hw: SizeHW) -> UInt8:
    """Resize to `size_hw`: by area where both sides shrink (no aliasing of 4K frames), else bilinear."""
    height, width = image_rgb_u8.shape[:2]
    shrinks = height >= size_hw[0] and width >= size_hw[1]
    rule = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(image_rgb_u8, (size_hw[1], size_hw[0]), interpolation=rule)
    return np.asarray(resized, dtype=np.uint8)


def normalise(image_rgb_u8: UInt8, spec: InputSpec) -> Float32:
    """(H, W, 3) uint8 to (3, H, W) float32, `(pixel - mean) / std`, computed in float64 and rounded once."""
    table = (np.arange(256)[:, None] - np.asarray(spec.mean)) / np.asarray(spec.std)
    channels = [table[:, c].astype(np.float32)[image_rgb_u8[..., c]] for c in range(3)]
    return np.stack(channels)


def prepare(image_rgb_u8: UInt8, spec: InputSpec) -> Float32:
    """A picture (H, W, 3) uint8 RGB of any size to the network's input (3, H', W') float32."""
    return normalise(resize_u8(image_rgb_u8, spec.size_hw), spec)
