"""How large a picture is, from the first bytes of its file: a decoder would already have taken the memory."""

from __future__ import annotations

import struct

from seasift.core.types import SizeHW

_NO_FRAME = {0xC4, 0xC8, 0xCC}  # of the markers 0xC0 to 0xCF those that begin no frame
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 256, 257, 322, 323


def size_of(data: bytes, kind: str) -> SizeHW | None:
    """Height and width in px that a decoder would make room for; None if the header does not say.

    Args:
        data: the file.
        kind: what `picture_format.format_of` said.
    """
    try:
        return _READERS[kind](data)
    except (struct.error, IndexError):
        return None


def _of_jpeg(data: bytes) -> SizeHW | None:
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # fill byte
            place += 1
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return height, width
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None


def _of_png(data: bytes) -> SizeHW | None:
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", data[16:24])
    return height, width


def _of_bmp(data: bytes) -> SizeHW | None:
    if int.from_bytes(data[14:18], "little") == 12:
        width, height = struct.unpack("<HH", data[18:22])
    else:
        width, height = struct.unpack("<ii", data[18:26])
    return abs(height), abs(width)


def _of_webp(data: bytes) -> SizeHW | None:
    if data[12:16] == b"VP8X":
        return 1 + int.from_bytes(data[27:30], "little"), 1 + int.from_bytes(data[24:27], "little")
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    if data[12:16] == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", data[26:30])
        return height & 0x3FFF, width & 0x3FFF
    return None


def _of_tiff(data: bytes) -> SizeHW | None:
    """The first page; its tiles may be larger than itself, and are what is decoded."""
    order = "<" if data[:2] == b"II" else ">"
    big = 43 in (data[2], data[3])
    place = struct.unpack(order + ("Q" if big else "I"), data[8:16] if big else data[4:8])[0]
    count_size, entry, at = (8, 20, 12) if big else (2, 12, 8)
    (count,) = struct.unpack(order + ("Q" if big else "H"), data[place : place + count_size])
    tags: dict[int, int] = {}
    for number in range(min(count, 4096)):
        start = place + count_size + number * entry
        tag, kind = struct.unpack(order + "HH", data[start : start + 4])
        value = data[start + at : start + at + 4]
        if kind in (3, 4):
            read = struct.unpack(order + ("H" if kind == 3 else "I"), value[: 2 if kind == 3 else 4])[0]
            tags[tag] = max(read, tags.get(tag, 0))
    if _TIFF_WIDTH not in tags or _TIFF_HEIGHT not in tags:
        return None
    return (
        max(tags[_TIFF_HEIGHT], tags.get(_TIFF_TILE_HEIGHT, 0)),
        max(tags[_TIFF_WIDTH], tags.get(_TIFF_TILE_WIDTH, 0)),
    )


_READERS = {"JPEG": _of_jpeg, "PNG": _of_png, "BMP": _of_bmp, "WebP": _of_webp, "TIFF": _of_tiff}
