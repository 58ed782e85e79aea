"""Prepare images as input of a network, the same way in training and in use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from seasift.core.types import Float32, SizeHW, UInt8

RESIZE_RULES = ("stretch", "fit", "trim")
TRIM = 32  # px, the coarsest stride


@dataclass(frozen=True)
class InputSpec:
    """Input that a network expects.

    Attributes:
        size_hw: input height and width, px; with "trim" the largest.
        mean: of red, green, blue, in pixel units 0..255.
        std: of red, green, blue, in pixel units 0..255.
        resize: "stretch" fills the input and ignores the aspect ratio (Bolya et al. 2019, section 5); "fit" keeps it,
            puts the image in the upper left corner and fills the rest with the mean; "trim" is like "fit", but ends
            the input at the next multiple of 32 px below and to the right of the image.
    """

    size_hw: SizeHW
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize: str = "stretch"

    def __post_init__(self) -> None:
        if self.resize not in RESIZE_RULES:
            raise ValueError(f"resize rule {self.resize!r}; this version knows {', '.join(RESIZE_RULES)}")
        if self.resize == "trim" and any(side % TRIM for side in self.size_hw):
            raise ValueError(
                f"input of {self.size_hw} px; expected multiples of {TRIM} with resize rule 'trim'"
            )

    def content_hw(self, own_hw: SizeHW) -> SizeHW:
        """Size of an image of `own_hw` in the input, px, without the fill."""
        if self.resize == "stretch":
            return self.size_hw
        scale = min(self.size_hw[0] / own_hw[0], self.size_hw[1] / own_hw[1])
        height, width = (max(1, min(round(own_hw[a] * scale), self.size_hw[a])) for a in (0, 1))
        return height, width

    def input_hw(self, own_hw: SizeHW) -> SizeHW:
        """Size of the input for an image of `own_hw`, px."""
        if self.resize != "trim":
            return self.size_hw
        height, width = (-(-side // TRIM) * TRIM for side in self.content_hw(own_hw))
        return height, width

    def visible_yx(self, own_hw: SizeHW) -> tuple[float, float]:
        """The share of the input that the image fills, down and across."""
        content, whole = self.content_hw(own_hw), self.input_hw(own_hw)
        return content[0] / whole[0], content[1] / whole[1]


def resize_u8(image_rgb_u8: UInt8, size_hw: SizeHW) -> UInt8:
    """Resize to `size_hw`: by area where both sides shrink (no aliasing of 4K frames), else bilinear."""
    height, width = image_rgb_u8.shape[:2]
    shrinks = height >= size_hw[0] and width >= size_hw[1]
    rule = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(image_rgb_u8, (size_hw[1], size_hw[0]), interpolation=rule)
    return np.asarray(resized, dtype=np.uint8)


def normalise(image_rgb_u8: UInt8, spec: InputSpec) -> Float32:
    """(H, W, 3) uint8 to (3, H, W) float32, `(pixel - mean) / std`, computed in float64 and rounded once."""
    tables = ((np.arange(256) - mean) / std for mean, std in zip(spec.mean, spec.std, strict=True))
    planes = np.empty((3, *image_rgb_u8.shape[:2]), dtype=np.float32)
    for plane, values, table in zip(planes, cv2.split(image_rgb_u8), tables, strict=True):
        plane[:] = cv2.LUT(values, table.astype(np.float32))
    return planes


def prepare(image_rgb_u8: UInt8, spec: InputSpec) -> Float32:
    """An image (H, W, 3) uint8 RGB of any size to the network's input (3, H', W') float32."""
    own_hw = image_rgb_u8.shape[0], image_rgb_u8.shape[1]
    content, whole = spec.content_hw(own_hw), spec.input_hw(own_hw)
    planes = normalise(resize_u8(image_rgb_u8, content), spec)
    if content == whole:
        return planes
    canvas = np.zeros((3, *whole), dtype=np.float32)
    canvas[:, : content[0], : content[1]] = planes
    return canvas


def batches_of_one_size(prepared: Sequence[Float32]) -> Iterator[tuple[list[int], Float32]]:
    """Inputs (3, H, W) of any sizes as batches (B, 3, H, W), each with the indices of its inputs."""
    indices: dict[tuple[int, ...], list[int]] = {}
    for index, planes in enumerate(prepared):
        indices.setdefault(planes.shape, []).append(index)
    for alike in indices.values():
        yield alike, np.stack([prepared[index] for index in alike])
