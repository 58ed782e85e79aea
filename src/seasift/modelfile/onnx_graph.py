"""What the graph of an ONNX file takes and gives, read without the onnx package and before any engine sees it.

Format: onnx.proto's GraphProto, NodeProto, ValueInfoProto and TensorProto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seasift.modelfile.onnx_file import fields, onnx_metadata

_GRAPH, _FUNCTIONS = 7, 25  # field numbers of ModelProto
_NODE, _INITIALIZER, _SPARSE_INITIALIZER, _INPUT, _OUTPUT = 1, 5, 15, 11, 12  # of GraphProto
_FUNCTION_NAME, _FUNCTION_NODE, _FUNCTION_DOMAIN = 1, 7, 10  # of FunctionProto
_NODE_INPUT, _NODE_OUTPUT, _OPERATOR, _ATTRIBUTE, _DOMAIN = 1, 2, 4, 5, 7  # of NodeProto
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS = 5, 6, 10, 11  # of AttributeProto
_TENSOR_NAME, _EXTERNAL, _LOCATION = 8, 13, 14  # of TensorProto
_SPARSE_VALUES = 1  # of SparseTensorProto
_NAME, _TYPE, _TENSOR_TYPE, _ELEMENT, _SHAPE, _DIM, _DIM_VALUE = 1, 2, 1, 1, 2, 1, 1
_ELEMENTS = {
    1: "float32",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
}
_DEEPEST = 16  # graphs inside graphs

_CHOOSING = ("Gather", "Squeeze", "Unsqueeze", "Cast", "Identity", "Slice")

CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})


@dataclass(frozen=True)
class Tensor:
    """An input or output of a graph.

    Attributes:
        name: its name.
        element: type of its numbers, such as "float32".
        shape: its sizes; None where only a run tells.
    """

    name: str
    element: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        shape = "x".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} {shape or 'of any shape'} {self.element}"


@dataclass(frozen=True)
class OnnxGraph:
    """What a file says of its graph.

    Attributes:
        inputs, outputs: in order, without weights.
        operators: names of all operators, in inner graphs and functions too; with the domain if it is not ONNX's own;
            without the file's own functions.
        external: whether some weights lie in other files.
        endless: whether a loop's number of rounds is not simply the size of an array.
        metadata: `metadata_props` of the file.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: frozenset[str]
    external: bool
    endless: bool
    metadata: dict[str, str]


def read_graph(data: bytes) -> OnnxGraph:
    """Read inputs, outputs and operators of an ONNX file.

    Raises:
        ValueError: not ONNX, truncated, or graphs inside graphs without end.
    """
    metadata = onnx_metadata(data)
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    weights: set[str] = set()
    found = _Found(set())
    own = set()
    for number, value in _messages(memoryview(data)):
        if number == _FUNCTIONS:
            own.add(f"{_text(value, _FUNCTION_DOMAIN)}.{_text(value, _FUNCTION_NAME)}")
            for inner, node in _messages(value):
                if inner == _FUNCTION_NODE:
                    found.node(node, 0)
        elif number == _GRAPH:
            found.graph(value, 0)
            for inner, message in _messages(value):
                if inner == _INPUT:
                    inputs.append(_tensor(message))
                elif inner == _OUTPUT:
                    outputs.append(_tensor(message))
                elif inner == _INITIALIZER:
                    weights.add(_text(message, _TENSOR_NAME))
    fed = tuple(each for each in inputs if each.name not in weights)
    return OnnxGraph(
        fed, tuple(outputs), frozenset(found.operators - own), found.external, found.endless, metadata
    )


class _Found:
    """Operators and weights met so far."""

    def __init__(self, operators: set[str]) -> None:
        self.operators = operators
        self.external = False

        self.endless = False
        self._makers: dict[str, tuple[str, list[str]]] = {}

    def graph(self, graph: memoryview, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError(f"it holds graphs inside graphs, more than {_DEEPEST} deep")
        for number, value in _messages(graph):
            if number == _NODE:
                self.node(value, depth)
            elif number == _INITIALIZER:
                self._weights(value)
            elif number == _SPARSE_INITIALIZER:
                for inner, part in _messages(value):
                    if inner <= _SPARSE_VALUES + 1:
                        self._weights(part)

    def node(self, node: memoryview, depth: int) -> None:
        domain = _text(node, _DOMAIN)
        name = _text(node, _OPERATOR)
        inputs = _texts(node, _NODE_INPUT)
        if name in ("Loop", "Scan"):
            self.endless |= depth > 0 or not self._counts_array(inputs[0] if inputs else "")
        if depth == 0:
            self._makers.update((output, (name, inputs)) for output in _texts(node, _NODE_OUTPUT))
        self.operators.add(name if domain in ("", "ai.onnx") else f"{domain}.{name}")
        for number, attribute in _messages(node):
            if number != _ATTRIBUTE:
                continue
            for inner, value in _messages(attribute):
                if inner in (_SUBGRAPH, _SUBGRAPHS):
                    self.graph(value, depth + 1)
                elif inner in (_TENSOR, _TENSORS):
                    self._weights(value)

    def _counts_array(self, name: str) -> bool:
        """Whether a value is taken from the shape of an array, by nothing but choosing from it."""
        for _ in range(_DEEPEST):
            maker, inputs = self._makers.get(name, ("", []))
            if maker == "Shape":
                return True
            if maker not in _CHOOSING or not inputs:
                return False
            name = inputs[0]
        return False

    def _weights(self, tensor: memoryview) -> None:
        for number, value, _ in fields(tensor):
            self.external |= number == _EXTERNAL or (number == _LOCATION and value == 1)


def _tensor(message: memoryview) -> Tensor:
    name, element, shape = _text(message, _NAME), "another type", []
    for kind in _inner(message, _TYPE, _TENSOR_TYPE):
        for number, value, _ in fields(kind):
            if number == _ELEMENT and isinstance(value, int):
                element = _ELEMENTS.get(value, f"type {value}")
            elif number == _SHAPE and isinstance(value, memoryview):
                shape = [_size(dim) for inner, dim in _messages(value) if inner == _DIM]
    return Tensor(name, element, tuple(shape))


def _size(dim: memoryview) -> int | None:
    sizes = [value for number, value, _ in fields(dim) if number == _DIM_VALUE and isinstance(value, int)]
    return sizes[0] if sizes and 0 < sizes[0] < 2**31 else None


def _inner(message: memoryview, *path: int) -> list[memoryview]:
    found = [message]
    for step in path:
        found = [value for each in found for number, value in _messages(each) if number == step]
    return found


def _text(message: memoryview, field: int) -> str:
    for number, value, _ in fields(message):
        if number == field and isinstance(value, memoryview):
            return bytes(value).decode("utf-8", "replace")
    return ""


def _texts(message: memoryview, field: int) -> list[str]:
    return [
        bytes(value).decode("utf-8", "replace") for number, value in _messages(message) if number == field
    ]


def _messages(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    return ((number, value) for number, value, _ in fields(message) if isinstance(value, memoryview))
