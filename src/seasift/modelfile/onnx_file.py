"""Read and change the metadata of an ONNX file without the onnx package, before any engine sees the bytes.

An engine given a file that is not ONNX tries other formats and prints to stderr; this check answers at once. The
graph of the file is never changed, byte for byte.
Format: https://protobuf.dev/programming-guides/encoding and onnx.proto's ModelProto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

_IR_VERSION, _GRAPH, METADATA = 1, 7, 14  # field numbers of ModelProto
KEY, VALUE = 1, 2  # field numbers of StringStringEntryProto
_INITIALIZER = 5  # of GraphProto
_DIMS, _DATA_TYPE = 1, 2  # of TensorProto
_WEIGHT_BYTES = {
    1: 4,
    2: 1,
    3: 1,
    10: 2,
    11: 8,
    16: 2,
}  # data type of floats and bytes to size; others are indices
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
        if number == METADATA and isinstance(value, memoryview):
            entry = {key: bytes(part) for key, part in _fields(value) if isinstance(part, memoryview)}
            metadata[entry.get(KEY, b"").decode("utf-8")] = entry.get(VALUE, b"").decode("utf-8")
    if not {_IR_VERSION, _GRAPH} <= seen:
        raise ValueError("it holds no graph")
    return metadata


def onnx_weights(data: bytes) -> tuple[int, int]:
    """Number of weights in an ONNX file, and their bytes.

    Stored arrays of floats or of 8-bit numbers are counted: parameters, with batch norm folded in if the exporter did so, and
    constants such as priors if they are stored as arrays.
    """
    count = size = 0
    graphs = [value for number, value in _fields(memoryview(data)) if number == _GRAPH]
    tensors = [value for graph in graphs for number, value in _inner(graph) if number == _INITIALIZER]
    for tensor in tensors:
        dims: list[int] = []
        kind = 0
        for number, value in _inner(tensor):
            if number == _DIMS:
                dims += _integers(value)
            elif number == _DATA_TYPE and isinstance(value, int):
                kind = value
        if dims and kind in _WEIGHT_BYTES:
            count += math.prod(dims)
            size += math.prod(dims) * _WEIGHT_BYTES[kind]
    return count, size


def has_external_data(data: bytes) -> bool:
    """Whether a tensor of an ONNX file, at any depth, lies in another file."""
    if b"location" not in data:  # the key under which a tensor names its file
        return False
    return _any_external(memoryview(data), _MODEL, 0)


# Of each kind of message: number of a field to the kind of message in it. From onnx.proto.
_MODEL, _GRAPH_KIND, _NODE, _ATTRIBUTE, _TENSOR, _SPARSE, _FUNCTION = range(7)
_PARTS: dict[int, dict[int, int]] = {
    _MODEL: {7: _GRAPH_KIND, 25: _FUNCTION, 20: _MODEL},
    _GRAPH_KIND: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH_KIND, 10: _TENSOR, 11: _GRAPH_KIND, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
    _TENSOR: {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_DEEPEST = 100


def _any_external(message: memoryview, kind: int, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("its graphs are nested too deeply")
    for number, value in _fields(message):
        if kind == _TENSOR:
            if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == 1):
                return True
        elif (
            number in _PARTS[kind]
            and isinstance(value, memoryview)
            and _any_external(value, _PARTS[kind][number], depth + 1)
        ):
            return True
    return False


def _inner(value: int | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    return _fields(value) if isinstance(value, memoryview) else iter(())


def _integers(value: int | memoryview) -> Iterator[int]:
    """Parse a repeated integer, single or packed."""
    if isinstance(value, int):
        yield value
        return
    index = 0
    while index < len(value):
        number, index = _varint(value, index)
        yield number


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    return ((number, value) for number, value, _ in fields(data))


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview, int]]:
    """The fields of one protobuf message: number, value (an int, or the bytes of a string or inner message), and
    where the field ends.

    Raises:
        ValueError: not protobuf, or truncated.
    """
    index = 0
    while index < len(data):
        tag, index = _varint(data, index)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, index = _varint(data, index)
            yield number, value, index
            continue
        if wire == 2:
            size, index = _varint(data, index)
        elif wire in _FIXED_SIZES:
            size = _FIXED_SIZES[wire]
        else:
            raise ValueError("its bytes are not protobuf")
        if number == 0 or index + size > len(data):
            raise ValueError("its bytes are not protobuf, or it is truncated")
        yield number, data[index : index + size], index + size
        index += size


def _varint(data: memoryview, index: int) -> tuple[int, int]:
    value = shift = 0
    while index < len(data) and shift < 64:
        byte = data[index]
        value |= (byte & 0x7F) << shift
        index += 1
        if byte < 0x80:
            return value, index
        shift += 7
    raise ValueError("its bytes are not protobuf, or it is truncated")


def with_metadata(data: bytes, key: str, value: str) -> bytes:
    """A copy of an ONNX file with another entry of `metadata_props`, at the end of the file.

    Raises:
        ValueError: not ONNX, or truncated.
    """
    view = memoryview(data)
    kept = []
    index = 0
    for number, entry, end in fields(view):
        if not (number == METADATA and isinstance(entry, memoryview) and _key(entry) == key):
            kept.append(view[index:end])
        index = end
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
