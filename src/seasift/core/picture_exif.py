"""The EXIF orientation of an image file, which every reader here applies."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ORIENTATION = 274


def orientation_of(data: bytes, kind: str) -> int:
    """The EXIF orientation, 1 to 8; 1, upright as stored, where the file says none.

    Args:
        data: the file, or its first 64 KiB (PNG and WebP may have it at the end).
        kind: what `picture_format.format_of` said.
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
        place = 2
        while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
            if data[place + 1] == 0xFF:  # fill byte
                place += 1
                continue
            end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
            if data[place + 1] == 0xE1 and data[place + 4 : place + 10] == b"Exif\0\0":
                yield data[place + 10 : end]
            place = end
    elif kind == "PNG":
        place = 8
        while place + 8 <= len(data):
            end = place + 12 + int.from_bytes(data[place : place + 4], "big")
            if data[place + 4 : place + 8] == b"eXIf":
                yield data[place + 8 : end - 4]
            place = end
    elif kind == "WebP":
        place = 12
        while place + 8 <= len(data):
            length = int.from_bytes(data[place + 4 : place + 8], "little")
            if data[place : place + 4] == b"EXIF":
                yield data[place + 8 : place + 8 + length].removeprefix(b"Exif\0\0")
            place += 8 + length + length % 2


def _orientation(tiff: bytes) -> int | None:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or struct.unpack(order + "H", tiff[2:4])[0] != 42:
        return None
    (place,) = struct.unpack(order + "I", tiff[4:8])
    (count,) = struct.unpack(order + "H", tiff[place : place + 2])
    for start in range(place + 2, place + 2 + 12 * count, 12):
        tag, kind = struct.unpack(order + "HH", tiff[start : start + 4])
        if tag == _ORIENTATION and kind == 3:
            (value,) = struct.unpack(order + "H", tiff[start + 8 : start + 10])
            return value if 1 <= value <= 8 else None
    return None
