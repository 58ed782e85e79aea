"""Decode JPEG with libjpeg-turbo, whose warnings reveal damage that OpenCV fills with grey."""

from __future__ import annotations

import re

import numpy as np
import simplejpeg

from seasift.core.errors import ImageError
from seasift.core.image_exif import orientation_of
from seasift.core.types import UInt8

# Warnings about files with all rows present: bytes before the end marker, and odd header fields.
_HARMLESS = re.compile(
    r"extraneous bytes before marker 0xd9|SOS parameters|Adobe color|progression", re.IGNORECASE
)
_DAMAGED = re.compile(r"corrupt JPEG data|premature end", re.IGNORECASE)


def decode_jpeg(data: bytes, name: str) -> UInt8 | None:
    """The image (H, W, 3) uint8 RGB, upright by EXIF; None for a kind of JPEG that this decoder does not support.

    Args:
        data: content of the file.
        name: name of the file, for errors.
    Raises:
        ImageError: part of the image is missing or damaged.
    """
    try:
        decoded = _decoded(data, strict=True)
    except ValueError as error:
        words = " ".join(str(error).split())
        if _DAMAGED.search(words) and not _HARMLESS.search(words):
            raise ImageError(
                f"{name}: the JPEG is damaged: part of the image is missing ({words}; {len(data):,} bytes). "
                "Copy or download it again."
            ) from None
        try:
            decoded = _decoded(data, strict=False)
        except ValueError:
            return None
    return upright(decoded, orientation_of(data, "JPEG"))


def _decoded(data: bytes, *, strict: bool) -> UInt8:
    image = simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False, strict=strict)
    return np.asarray(image, np.uint8)


def upright(image: UInt8, orientation: int) -> UInt8:
    """Rotate and mirror an image by its EXIF orientation, 1 to 8."""
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
