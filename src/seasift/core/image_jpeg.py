"""Decode JPEG with libjpeg-turbo, whose warnings reveal damage that OpenCV fills with grey.

Markers are walked by ITU-T T.81, Annex B, as libjpeg does, without decoding. The EXIF orientation, which all readers of
seasift apply, comes from JPEG, PNG, WebP and TIFF.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import simplejpeg

from seasift.core.errors import ImageError
from seasift.core.types import UInt8

MOST_SCANS = 100
"""Each scan of a progressive JPEG passes over all pixels. Cameras and editors write at most about 20."""

SOI, EOI, SOS, APP1 = 0xD8, 0xD9, 0xDA, 0xE1
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # TEM and RSTn: no length follows
_WITH_LENGTH = FRAMES | {0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE}
_AFTER_SCAN = re.compile(
    rb"\xff[^\x00\xd0-\xd7\xff]"
)  # what stands for a value or a restart is part of a scan


class BrokenJpegError(ValueError):
    """The markers do not follow the standard; the message says how."""


@dataclass(frozen=True)
class JpegSegment:
    """A marker and its parameters, which are `data[start:end]`."""

    marker: int
    start: int
    end: int


def segments(data: bytes) -> Iterator[JpegSegment]:
    """The markers of a JPEG up to its end marker, that one included.

    Raises:
        BrokenJpegError: when the walk arrives at a place where the standard, or libjpeg, knows no way on.
    """
    index, scans, frame = 2, 0, False
    while True:
        while data[index : index + 2] == b"\xff\xff":  # fill bytes
            index += 1
        if index + 2 > len(data):
            raise BrokenJpegError("truncated: its end marker is missing" if scans else _BEFORE)
        marker, start = data[index + 1], index + 2
        if data[index] != 0xFF:
            raise BrokenJpegError(f"damaged: no marker at byte {index:,}" if scans else _BEFORE)
        if marker == EOI:
            if not scans:
                raise BrokenJpegError(_BEFORE)
            yield JpegSegment(marker, start, start)
            return
        if marker in _ALONE:
            yield JpegSegment(marker, start, start)
            index = start
            continue
        if marker not in _WITH_LENGTH:
            raise BrokenJpegError(f"damaged: the unknown marker {marker:02X} at byte {index:,}")
        end = start + int.from_bytes(data[start : start + 2], "big")
        if end < start + 2 or end > len(data):
            raise BrokenJpegError("truncated: its end marker is missing" if scans else _BEFORE)
        if marker in FRAMES:
            if frame:
                raise BrokenJpegError(f"damaged: a second frame begins at byte {index:,}")
            frame = True
        yield JpegSegment(marker, start, end)
        if marker == SOS:
            scans += 1
            if scans > MOST_SCANS:
                raise BrokenJpegError(f"made of more than {MOST_SCANS} scans")
            found = _AFTER_SCAN.search(data, end)
            if found is None:
                raise BrokenJpegError("truncated: its end marker is missing")
            end = found.start()
        index = end


_BEFORE = "truncated or damaged before its first row"


_ORIENTATION = 274


def orientation_of(data: bytes, kind: str) -> int:
    """The EXIF orientation, 1 to 8; 1, upright as stored, if the file states none.

    Args:
        data: content of the file, or its first 64 KiB (PNG and WebP may have it at the end).
        kind: result of `image_format.format_of`.
    """
    try:
        for tiff in _tiffs(data, kind):
            value = _orientation(tiff)
            if value is not None:
                return value
    except (struct.error, IndexError):
        return 1
    return 1


def _tiffs(data: bytes, kind: str) -> Iterator[bytes]:
    """The parts that are laid out as a TIFF and hold EXIF."""
    if kind == "TIFF":
        yield data
    elif kind == "JPEG":
        try:
            for segment in segments(data):
                if segment.marker == SOS:
                    return
                exif = data[segment.start + 2 : segment.end]
                if segment.marker == APP1 and exif.startswith(b"Exif\0\0"):
                    yield exif[6:]
        except BrokenJpegError:
            return
    elif kind == "PNG":
        index = 8
        while index + 8 <= len(data):
            end = index + 12 + int.from_bytes(data[index : index + 4], "big")
            if data[index + 4 : index + 8] == b"eXIf":
                yield data[index + 8 : end - 4]
            index = end
    elif kind == "WebP":
        index = 12
        while index + 8 <= len(data):
            length = int.from_bytes(data[index + 4 : index + 8], "little")
            if data[index : index + 4] == b"EXIF":
                yield data[index + 8 : index + 8 + length].removeprefix(b"Exif\0\0")
            index += 8 + length + length % 2


def _orientation(tiff: bytes) -> int | None:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or struct.unpack(order + "H", tiff[2:4])[0] != 42:
        return None
    (index,) = struct.unpack(order + "I", tiff[4:8])
    (count,) = struct.unpack(order + "H", tiff[index : index + 2])
    for start in range(index + 2, index + 2 + 12 * count, 12):
        tag, kind = struct.unpack(order + "HH", tiff[start : start + 4])
        if tag == _ORIENTATION and kind == 3:
            (value,) = struct.unpack(order + "H", tiff[start + 8 : start + 10])
            return value if 1 <= value <= 8 else None
    return None


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
