"""The top level of an ONNX file, read without the onnx package and before any engine sees the bytes.

An engine given a file that is not ONNX tries other formats and prints to stderr; this answers at once.
Format: https://protobuf.dev/programming-guides/encoding and onnx.proto's ModelProto.
"""

from __future__ import annotations

from collections.abc import Iterator

_IR_VERSION, _GRAPH, _METADATA = 1, 7, 14  # field numbers of ModelProto
_KEY, _VALUE = 1, 2  # field numbers of StringStringEntryProto
_FIXED_SIZES = {1: 8, 5: 4}


def onnx_metadata(data: bytes) -> dict[str, str]:
    """`metadata_props` of an ONNX file.

    Raises:
        ValueError: not ONNX, or truncated; the message says why.
    """
    metadata: dict[str, str] = {}
    seen = set()
    for number, value in _fields(memoryview(data)):
        seen.add(number)
        if number == _METADATA and isinstance(value, memoryview):
            entry = {key: bytes(part) for key, part in _fields(value) if isinstance(part, memoryview)}
            metadata[entry.get(_KEY, b"").decode("utf-8")] = entry.get(_VALUE, b"").decode("utf-8")
    if not {_IR_VERSION, _GRAPH} <= seen:
        raise ValueError("it holds no graph")
    return metadata


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers and values of one protobuf message: an int, or the bytes of a string or inner message."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == 2:
            size, place = _varint(data, place)
        elif wire in _FIXED_SIZES:
            size = _FIXED_SIZES[wire]
        else:
            raise ValueError("its bytes are not protobuf")
        if number == 0 or place + size > len(data):
            raise ValueError("its bytes are not protobuf, or it is truncated")
        yield number, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError("its bytes are not protobuf, or it is truncated")
