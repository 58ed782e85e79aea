"""Prepare images as input of a network, the same way in training and in use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from seasift.core.types import Float32, SizeHW, UInt8

RESIZE_RULES = ("stretch", "fit", "trim", "letterbox", "original")
SAMPLING = ("area", "linear", "exact", "antialias")
TRIM = 32  # px, the coarsest stride


@dataclass(frozen=True)
class Placement:
    """Position of an image in the network's input.

    Attributes:
        left, top: corner of the image in the input, px.
        scale_x, scale_y: input pixels per image pixel.
    """

    left: float
    top: float
    scale_x: float
    scale_y: float

    def to_image(self, boxes_xyxy: Float32, size_hw: SizeHW) -> Float32:
        """Boxes (N, 4) in pixels of the input as boxes in pixels of the image, clipped to it."""
        offset = np.array([self.left, self.top] * 2, np.float32)
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        edge = np.array([size_hw[1], size_hw[0]] * 2, np.float32)
        return np.asarray(np.clip((boxes_xyxy - offset) / scale, 0, edge), np.float32)


@dataclass(frozen=True)
class InputSpec:
    """Input that a network expects.

    Attributes:
        size_hw: input height and width, px; with "trim" the largest.
        mean: of red, green, blue, in pixel units 0..255.
        std: of red, green, blue, in pixel units 0..255.
        resize: "stretch" fills the input and ignores the aspect ratio (Bolya et al. 2019, section 5); "fit" keeps it,
            puts the image in the upper left corner and fills the rest; "trim" is like "fit", but ends the input at
            the next multiple of 32 px below and to the right of the image; "letterbox" is like "fit", but centres the
            image, half a pixel up and left where the rest is odd; "original" keeps the image's own size.
        sampling: "area" averages where both sides shrink and is bilinear elsewhere; "linear" is OpenCV's bilinear, which
            skips pixels of large images; "exact" is the same without rounding to whole numbers; "antialias" is Pillow's
            bilinear, which skips no pixel.
        fill: value of the rest, in pixel units; None: the mean.
        channels: order of the colours in the input, "rgb" or "bgr".
    """

    size_hw: SizeHW
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize: str = "stretch"
    sampling: str = "area"
    fill: float | None = None
    channels: str = "rgb"

    def __post_init__(self) -> None:
        if self.sampling not in SAMPLING:
            raise ValueError(f"sampling {self.sampling!r}; this version knows {', '.join(SAMPLING)}")
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
        if self.resize == "original":
            return own_hw
        scale = min(self.size_hw[0] / own_hw[0], self.size_hw[1] / own_hw[1])
        height, width = (max(1, min(round(own_hw[a] * scale), self.size_hw[a])) for a in (0, 1))
        return height, width

    def input_hw(self, own_hw: SizeHW) -> SizeHW:
        """Size of the input for an image of `own_hw`, px."""
        if self.resize == "original":
            return own_hw
        if self.resize != "trim":
            return self.size_hw
        height, width = (-(-side // TRIM) * TRIM for side in self.content_hw(own_hw))
        return height, width

    def visible_yx(self, own_hw: SizeHW) -> tuple[float, float]:
        """The share of the input that the image fills, down and across."""
        content, whole = self.content_hw(own_hw), self.input_hw(own_hw)
        return content[0] / whole[0], content[1] / whole[1]

    def corner_yx(self, own_hw: SizeHW) -> tuple[int, int]:
        """Top and left edge of an image of `own_hw` in the input, px."""
        if self.resize != "letterbox":
            return 0, 0
        content = self.content_hw(own_hw)
        top, left = (round((self.size_hw[a] - content[a]) / 2 - 0.1) for a in (0, 1))
        return top, left

    def placement(self, own_hw: SizeHW) -> Placement:
        """Position of an image of `own_hw` in the input; a letterbox has one scale for both directions."""
        top, left = self.corner_yx(own_hw)
        content = self.content_hw(own_hw)
        if self.resize == "letterbox":
            scale = min(self.size_hw[0] / own_hw[0], self.size_hw[1] / own_hw[1])
            return Placement(left, top, scale, scale)
        return Placement(left, top, content[1] / own_hw[1], content[0] / own_hw[0])


def resize_u8(image_rgb_u8: UInt8, size_hw: SizeHW, sampling: str = "area") -> UInt8:
    """Resize to `size_hw`; by default by area where both sides shrink (no aliasing of 4K frames), else bilinear.

    Args:
        image_rgb_u8: (H, W, 3) uint8.
        size_hw: new height and width, px.
        sampling: see `InputSpec`.
    """
    height, width = image_rgb_u8.shape[:2]
    if (height, width) == size_hw:
        return image_rgb_u8
    if sampling == "antialias":
        from PIL import Image  # only some adopted models need it

        return np.asarray(
            Image.fromarray(image_rgb_u8).resize(size_hw[::-1], Image.Resampling.BILINEAR), np.uint8
        )
    shrinks = height >= size_hw[0] and width >= size_hw[1]
    rule = cv2.INTER_AREA if shrinks and sampling == "area" else cv2.INTER_LINEAR
    resized = cv2.resize(image_rgb_u8, (size_hw[1], size_hw[0]), interpolation=rule)
    return np.asarray(resized, dtype=np.uint8)


def normalise(image_rgb_u8: UInt8, spec: InputSpec) -> Float32:
    """(H, W, 3) uint8 RGB to (3, H, W) float32, `(pixel - mean) / std`, computed in float64 and rounded once."""
    tables = ((np.arange(256) - mean) / std for mean, std in zip(spec.mean, spec.std, strict=True))
    planes = np.empty((3, *image_rgb_u8.shape[:2]), dtype=np.float32)
    ordered = planes[::-1] if spec.channels == "bgr" else planes
    for plane, values, table in zip(ordered, cv2.split(image_rgb_u8), tables, strict=True):
        plane[:] = cv2.LUT(values, table.astype(np.float32))
    return planes


def prepare(image_rgb_u8: UInt8, spec: InputSpec) -> Float32:
    """An image (H, W, 3) uint8 RGB of any size to the network's input (3, H', W') float32."""
    own_hw = image_rgb_u8.shape[0], image_rgb_u8.shape[1]
    content, whole = spec.content_hw(own_hw), spec.input_hw(own_hw)
    if spec.sampling == "exact":
        planes = _exact(image_rgb_u8, content, spec)
    else:
        planes = normalise(resize_u8(image_rgb_u8, content, spec.sampling), spec)
    if content == whole:
        return planes
    canvas = np.zeros((3, *whole), dtype=np.float32)
    if spec.fill is not None:
        pixel = np.full((1, 1, 3), round(spec.fill), np.uint8)
        canvas[:] = normalise(pixel, spec)
    top, left = spec.corner_yx(own_hw)
    canvas[:, top : top + content[0], left : left + content[1]] = planes
    return canvas


def _exact(image_rgb_u8: UInt8, size_hw: SizeHW, spec: InputSpec) -> Float32:
    """An image (H, W, 3) uint8 RGB as (3, H', W') float32, resized bilinearly in float32 and normalised."""
    resized = cv2.resize(image_rgb_u8.astype(np.float32), size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    normal = (resized - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    planes = np.asarray(normal, np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(planes[::-1] if spec.channels == "bgr" else planes)


def batches_of_one_size(prepared: Sequence[Float32]) -> Iterator[tuple[list[int], Float32]]:
    """Inputs (3, H, W) of any sizes as batches (B, 3, H, W), each with the indices of its inputs."""
    indices: dict[tuple[int, ...], list[int]] = {}
    for index, planes in enumerate(prepared):
        indices.setdefault(planes.shape, []).append(index)
    for alike in indices.values():
        yield alike, np.stack([prepared[index] for index in alike])
