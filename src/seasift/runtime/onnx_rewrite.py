"""Saying something else about an ONNX file without the onnx package: its graph stays as it is, byte for byte."""

from __future__ import annotations

from seasift.runtime.onnx_header import KEY, METADATA, VALUE, fields


def with_metadata(data: bytes, key: str, value: str) -> bytes:
    """The same ONNX file with another entry of `metadata_props`, the last of the file.

    Raises:
        ValueError: not ONNX, or truncated.
    """
    view = memoryview(data)
    kept = []
    place = 0
    for number, entry, end in fields(view):
        if not (number == METADATA and isinstance(entry, memoryview) and _key(entry) == key):
            kept.append(view[place:end])
        place = end
    pair = _text(KEY, key) + _text(VALUE, value)
    return b"".join([*kept, _field(METADATA, pair)])


def _key(entry: memoryview) -> str:
    for number, value, _ in fields(entry):
        if number == KEY and isinstance(value, memoryview):
            return bytes(value).decode("utf-8")
    return ""


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode("utf-8"))


def _field(number: int, content: bytes) -> bytes:
    """A field of protobuf's wire type 2: tag, length, bytes."""
    return _varint_bytes(number << 3 | 2) + _varint_bytes(len(content)) + content


def _varint_bytes(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
