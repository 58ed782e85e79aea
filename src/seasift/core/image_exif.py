"""The EXIF orientation of an image file, which all readers of seasift apply."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from seasift.core.jpeg_segments import APP1, SOS, BrokenJpegError, segments

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
