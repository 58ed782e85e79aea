"""Pictures and plots as data URIs, for pages that are one file."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from seasift.core.picture import encode_picture
from seasift.core.types import UInt8


def jpeg_uri(image_rgb_u8: UInt8, *, widest: int) -> str:
    """A picture (H, W, 3) uint8 RGB as JPEG, shrunk to at most `widest` px across."""
    height, width = image_rgb_u8.shape[:2]
    if width > widest:
        size = (widest, max(1, round(height * widest / width)))
        image_rgb_u8 = np.asarray(
            cv2.resize(image_rgb_u8, size, interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    return "data:image/jpeg;base64," + base64.b64encode(encode_picture(image_rgb_u8, ".jpg")).decode("ascii")


def svg_uri(svg: str) -> str:
    """An SVG document."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")
