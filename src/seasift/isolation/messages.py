"""Messages between a server and its decoders: a head in JSON, then bytes. Nothing in them is executed.

A decoder that a hostile file took over can send what it likes, so the reader checks every field.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any, BinaryIO

import numpy as np

from seasift.core.types import UInt8

_HEAD = struct.Struct("<II")
_MAGIC = 0x5EA51F70
_MOST_HEAD = 64 << 10


class LostError(Exception):
    """The other side has gone, or sends what is no message."""


def send(stream: BinaryIO, head: dict[str, Any], data: memoryview | bytes = b"") -> None:
    """Write one message.

    Raises:
        LostError: nobody reads.
    """
    text = json.dumps(head).encode()
    try:
        write_all(stream, _HEAD.pack(_MAGIC, len(text)) + text)
        write_all(stream, data)
    except (OSError, ValueError) as error:
        raise LostError(str(error)) from None


def write_all(stream: BinaryIO, data: memoryview | bytes) -> None:
    """Write bytes to an unbuffered stream, which may take less at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) or 0 :]


def receive(stream: BinaryIO) -> dict[str, Any]:
    """Read the head of a message.

    Raises:
        LostError: nobody writes, or it is no message.
    """
    magic, length = _HEAD.unpack(read_all(stream, _HEAD.size))
    if magic != _MAGIC or length > _MOST_HEAD:
        raise LostError("no message")
    try:
        head = json.loads(bytes(read_all(stream, length)))
    except (ValueError, RecursionError):
        raise LostError("no message") from None
    if not isinstance(head, dict):
        raise LostError("no message")
    return head


def read_all(stream: BinaryIO, size: int) -> memoryview:
    """Exactly so many bytes.

    Raises:
        LostError: there are fewer.
    """
    return _filled(stream, np.empty(size, np.uint8)).data


def read_image(stream: BinaryIO, height: int, width: int) -> UInt8:
    """An image (H, W, 3) uint8 that follows a head.

    Raises:
        LostError: it does not.
    """
    return _filled(stream, np.empty((height, width, 3), np.uint8))


def _filled(stream: BinaryIO, array: UInt8) -> UInt8:
    rest = array.data.cast("B") if array.size else memoryview(b"")
    try:
        while rest:
            count = stream.readinto(rest)  # type: ignore[attr-defined]
            if not count:
                raise LostError("nobody writes")
            rest = rest[count:]
    except (OSError, ValueError) as error:
        raise LostError(str(error)) from None
    return array


def integer(head: dict[str, Any], key: str, low: int, high: int) -> int:
    """A number of a head.

    Raises:
        LostError: it is missing or out of range.
    """
    value = head.get(key)
    if type(value) is not int or not low <= value <= high:
        raise LostError(f"{key} is no number from {low} to {high}")
    return value


def number(head: dict[str, Any], key: str) -> float:
    """A finite number of a head.

    Raises:
        LostError: it is none.
    """
    value = head.get(key)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise LostError(f"{key} is no number")
    return float(value)
