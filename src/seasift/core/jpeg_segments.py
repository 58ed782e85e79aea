"""Walk through the markers of a JPEG as ITU-T T.81, Annex B, and libjpeg do, without decoding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

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
class Segment:
    """A marker and its parameters, which are `data[start:end]`."""

    marker: int
    start: int
    end: int


def segments(data: bytes) -> Iterator[Segment]:
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
            yield Segment(marker, start, start)
            return
        if marker in _ALONE:
            yield Segment(marker, start, start)
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
        yield Segment(marker, start, end)
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
