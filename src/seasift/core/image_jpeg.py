"""Decode JPEG with libjpeg-turbo, whose warnings reveal damage that OpenCV fills with grey."""

from __future__ import annotations

import re

import numpy as np
import simplejpeg

from seasift.core.errors import ImageError
from seasift.core.image_exif import orientation_of
from seasift.core.types import UInt8

# First warnings of files with all rows present: odd header fields.
_HARMLESS = re.compile(r"SOS parameters|Adobe color|ICC marker|JFIF revision|progression", re.IGNORECASE)
_BEFORE_END = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_FEW = 16  # bytes before the end marker that some writers leave; more are a part of the image that was not decoded


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
        if not _is_harmless(words, data):
            if not _is_supported(data):
                return None
            raise ImageError(
                f"{name}: the JPEG is damaged: part of the image is missing ({words}; {len(data):,} bytes). "
                "Copy or download it again."
            ) from None
        try:
            decoded = _decoded(data, strict=False)
        except ValueError:
            return None
    return upright(decoded, orientation_of(data, "JPEG"))


def _is_harmless(warning: str, data: bytes) -> bool:
    """Whether all rows are there in spite of a warning."""
    found = _BEFORE_END.search(warning)
    if found is None:
        return bool(_HARMLESS.search(warning))
    count = int(found[1])
    return count <= _FEW or re.search(rb"\x00{%d}\xff+\xd9" % count, data) is not None


def _is_supported(data: bytes) -> bool:
    """Whether the decoder supports this kind of JPEG, by its header."""
    try:
        simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return False
    return True


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
