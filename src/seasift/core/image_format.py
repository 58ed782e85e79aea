"""Detect the format, size and completeness of an image from its bytes, before decoding.

Decoders differ: OpenCV before 5 fills the missing half of a truncated JPEG with grey, and libpng prints to stderr.
These checks make every version give the same answer, and the size is known before a decoder allocates memory.
"""

from __future__ import annotations

import struct
import zlib

from seasift.core.image_jpeg import FRAMES, BrokenJpegError, segments
from seasift.core.types import SizeHW

_PNG = b"\x89PNG\r\n\x1a\n"


def format_of(data: bytes) -> str | None:
    """Name of the format by its first bytes: JPEG, PNG, TIFF, WebP or BMP; None if it is none of them."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(_PNG):
        return "PNG"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    return "BMP" if data[:2] == b"BM" and len(data) >= 26 else None


def other_kind(data: bytes) -> str:
    """Likely kind of an unsupported file, in words, for an error message."""
    if not data.strip(b"\0"):
        return f"{len(data):,} bytes, all zero"
    known = {
        b"GIF8": "a GIF",
        b"%PDF": "a PDF",
        b"PK\x03\x04": "a zip archive",
        b"\0\0\0\x0cjP": "JPEG 2000",
        b"\x1aE\xdf\xa3": "a Matroska or WebM video",
        b"8BPS": "a Photoshop file",
        b"P6": "a PPM",
    }
    for magic, words in known.items():
        if data.startswith(magic):
            return f"{words}, {len(data):,} bytes"
    if data[4:8] == b"ftyp":
        return (
            f"{'HEIC or AVIF' if data[8:12] in _HEIF_BRANDS else 'an MP4 or MOV video'}, {len(data):,} bytes"
        )
    return f"{len(data):,} bytes, starts with {_shown(data[:16])}"


_HEIF_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"avif", b"avis")


def _shown(start: bytes) -> str:
    text = start.decode("utf-8", errors="replace").rstrip("\ufffd")
    readable = bool(text) and all(c.isprintable() or c in "\r\n\t" for c in text) and "\ufffd" not in text
    return repr(text) if readable else "bytes " + start[:8].hex(" ")


def defect_of(data: bytes, kind: str) -> str | None:
    """Defect that keeps these bytes from being one whole still image, in words; None if none is found.

    Args:
        data: content of the file.
        kind: result of `format_of`.
    """
    if kind == "JPEG":
        return _defect_of_jpeg(data)
    if kind == "PNG":
        return _defect_of_png(data)
    if kind == "WebP":
        return _defect_of_webp(data)
    return None


def _defect_of_jpeg(data: bytes) -> str | None:
    try:
        for _ in segments(data):
            pass
    except BrokenJpegError as error:
        return str(error)
    return None


def _defect_of_png(data: bytes) -> str | None:
    index = len(_PNG)
    while index + 12 <= len(data):
        (length,) = struct.unpack(">I", data[index : index + 4])
        end = index + 12 + length
        if end > len(data):
            break
        chunk = data[index + 4 : index + 8]
        if zlib.crc32(memoryview(data)[index + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return f"damaged: the checksum of its part {chunk.decode('latin-1')!r} at byte {index} is wrong"
        if chunk == b"acTL" and int.from_bytes(data[index + 8 : index + 12], "big") > 1:
            return "an animation"
        if chunk == b"IEND":
            return None
        index = end
    return "truncated: its end is missing"


def _defect_of_webp(data: bytes) -> str | None:
    if len(data) < 8 + int.from_bytes(data[4:8], "little"):
        return "truncated: its end is missing"
    if data[12:16] == b"VP8X" and data[20:21] and data[20] & 0x02:
        return "an animation"
    return None


_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 256, 257, 322, 323


def size_of(data: bytes, kind: str) -> SizeHW | None:
    """Height and width in px that a decoder would allocate; None if not in the header.

    Args:
        data: content of the file.
        kind: result of `image_format.format_of`.
    """
    try:
        return _READERS[kind](data)
    except (struct.error, IndexError):
        return None


def _of_jpeg(data: bytes) -> SizeHW | None:
    try:
        for segment in segments(data):
            if segment.marker in FRAMES:
                height, width = struct.unpack(">HH", data[segment.start + 3 : segment.start + 7])
                return height, width
    except BrokenJpegError:
        return None
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
    """The first page; its tiles may be larger than the page, and tiles are decoded whole."""
    order = "<" if data[:2] == b"II" else ">"
    big = 43 in (data[2], data[3])
    index = struct.unpack(order + ("Q" if big else "I"), data[8:16] if big else data[4:8])[0]
    count_size, entry, at = (8, 20, 12) if big else (2, 12, 8)
    (count,) = struct.unpack(order + ("Q" if big else "H"), data[index : index + count_size])
    tags: dict[int, int] = {}
    for number in range(min(count, 4096)):
        start = index + count_size + number * entry
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
