"""Recognise the kind of output of another maker's graph from its shapes and metadata.

Layouts are those that the makers publish for their exports to ONNX. A kind is one entry of `LAYOUTS`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seasift.core.errors import ModelError, hint
from seasift.modelfile.onnx_graph import OnnxGraph, Tensor

_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
_YOLO_MEAN, _YOLO_STD = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)


@dataclass(frozen=True)
class Match:
    """A layout that fits a graph.

    Attributes:
        outputs: for each output of the kind, its index among the graph's.
        classes: number of classes that the shapes give; None if they do not tell.
    """

    outputs: dict[str, int]
    classes: int | None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One maker's layout and defaults.

    Attributes:
        about: the layout in a few words, for errors.
        match: from the graph and its input's height and width to a match; None if it does not fit.
        resize, sampling, fill, channels, mean, std: how images are prepared, see `core.prepare.InputSpec`.
        threshold, max_objects, nms_iou: the maker's defaults.
        maker: for the credits.
    """

    about: str
    match: Callable[[OnnxGraph, tuple[int, int]], Match | None]
    maker: str
    resize: str = "letterbox"
    sampling: str = "linear"
    fill: float | None = 114.0
    channels: str = "rgb"
    mean: tuple[float, float, float] = _YOLO_MEAN
    std: tuple[float, float, float] = _YOLO_STD
    threshold: float = 0.25
    max_objects: int = 300
    nms_iou: float = 0.7


def recognise(graph: OnnxGraph, size_hw: tuple[int, int], kind: str | None, name: str) -> tuple[str, Match]:
    """The kind of a graph.

    Args:
        graph: with the shapes that a run gave.
        size_hw: height and width of its input, px.
        kind: the kind that the user names; None to recognise it.
        name: of the file, for errors.
    Raises:
        ModelError: the graph fits no kind, several, or not the one named.
    """
    given = f"{name}: outputs {'; '.join(map(str, graph.outputs))}"
    if kind is not None:
        if kind not in LAYOUTS:
            raise ModelError(f"--kind {kind!r}{hint(kind, LAYOUTS)}; expected {', '.join(LAYOUTS)}.")
        match = LAYOUTS[kind].match(graph, size_hw)
        if match is None:
            raise ModelError(f"{given}; expected {LAYOUTS[kind].about} for --kind {kind}.")
        return kind, match
    matches = {kind: match for kind, layout in LAYOUTS.items() if (match := layout.match(graph, size_hw))}
    named = classes_of(graph.metadata)
    if named is not None:
        matches = {kind: match for kind, match in matches.items() if match.classes in (None, len(named))}
    if not matches:
        raise ModelError(f"{given} fit no kind that seasift knows. Give --kind: {', '.join(LAYOUTS)}.")
    if len(matches) > 1:
        raise ModelError(f"{given} fit several kinds. Give --kind {' or --kind '.join(matches)}.")
    return next(iter(matches.items()))


def classes_of(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Class names in the metadata of a YOLO export, `names`: a Python dict or list as text; None without."""
    try:
        value = ast.literal_eval(metadata.get("names", ""))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    if isinstance(value, dict) and sorted(value, key=str) and set(value) == set(range(len(value))):
        value = [value[index] for index in range(len(value))]
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        return None
    return tuple(value) or None


def size_of(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """Height and width of the input in the metadata of a YOLO export, `imgsz`; None without."""
    try:
        value = ast.literal_eval(metadata.get("imgsz", ""))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    pair = value if isinstance(value, list | tuple) else (value, value)
    if len(pair) == 2 and all(isinstance(side, int) and 1 <= side <= 16384 for side in pair):
        return pair[0], pair[1]
    return None


def _shapes(graph: OnnxGraph) -> list[tuple[int | None, ...]]:
    return [output.shape for output in graph.outputs]


def _prototypes(outputs: tuple[Tensor, ...]) -> int | None:
    """Number of prototypes K in a second output (1, K, H', W'); None without such an output."""
    if len(outputs) < 2 or len(outputs[1].shape) != 4:
        return None
    return outputs[1].shape[1]


def _points(size_hw: tuple[int, int]) -> set[int]:
    """Number of grid points of the input over all strides, for each usual set of strides."""
    height, width = size_hw
    return {sum(-(-height // step) * -(-width // step) for step in strides) for strides in _STRIDES}


def _anchors(count: int | None, size_hw: tuple[int, int]) -> bool:
    """Whether this is the number of YOLOv5's boxes, three a grid point."""
    return count is not None and count in {3 * points for points in _points(size_hw)}


def _yolo(
    graph: OnnxGraph, *, masks: bool, rows: Callable[[tuple[int | None, ...]], int | None]
) -> Match | None:
    """A match of a YOLO layout with one three-dimensional output, and prototypes for masks.

    Args:
        rows: from the shape of the first output to the numbers of a box that are left for classes and coefficients.
    """
    shapes = _shapes(graph)
    prototypes = _prototypes(graph.outputs)
    if not shapes or len(shapes[0]) != 3 or masks != (prototypes is not None):
        return None
    left = rows(shapes[0])
    if left is None:
        return None
    classes = left - (prototypes or 0)
    outputs = {"predictions": 0, **({"prototypes": 1} if masks else {})}
    return Match(outputs, classes) if classes >= 1 else None


def _v8(masks: bool) -> Callable[[OnnxGraph, tuple[int, int]], Match | None]:
    def match(graph: OnnxGraph, size_hw: tuple[int, int]) -> Match | None:
        task = graph.metadata.get("task")
        if task not in (None, "segment" if masks else "detect"):
            return None
        return _yolo(
            graph,
            masks=masks,
            rows=lambda shape: shape[1] - 4 if shape[1] and shape[2] in _points(size_hw) else None,
        )

    return match


def _v5(masks: bool) -> Callable[[OnnxGraph, tuple[int, int]], Match | None]:
    def match(graph: OnnxGraph, size_hw: tuple[int, int]) -> Match | None:
        return _yolo(
            graph,
            masks=masks,
            rows=lambda shape: shape[2] - 5 if shape[2] and _anchors(shape[1], size_hw) else None,
        )

    return match


def _final(masks: bool) -> Callable[[OnnxGraph, tuple[int, int]], Match | None]:
    def match(graph: OnnxGraph, size_hw: tuple[int, int]) -> Match | None:
        def rows(shape: tuple[int | None, ...]) -> int | None:
            width = 6 + (_prototypes(graph.outputs) or 0)
            return width if shape[2] == width and not _anchors(shape[1], size_hw) else None

        found = _yolo(graph, masks=masks, rows=rows)
        return Match(found.outputs, None) if found else None

    return match


LAYOUTS: dict[str, Layout] = {
    "yolo-detect": Layout(
        about="one output (1, 4 + classes, points)", match=_v8(masks=False), maker="Ultralytics YOLO"
    ),
    "yolo-segment": Layout(
        about="outputs (1, 4 + classes + K, points) and (1, K, H, W)",
        match=_v8(masks=True),
        maker="Ultralytics YOLO",
    ),
    "yolo-final": Layout(
        about="one output (1, objects, 6)", match=_final(masks=False), maker="Ultralytics YOLO"
    ),
    "yolo-final-segment": Layout(
        about="outputs (1, objects, 6 + K) and (1, K, H, W)",
        match=_final(masks=True),
        maker="Ultralytics YOLO",
    ),
    "yolov5": Layout(
        about="one output (1, 3 x points, 5 + classes)",
        match=_v5(masks=False),
        maker="YOLOv5",
        nms_iou=0.45,
        max_objects=1000,
    ),
    "yolov5-segment": Layout(
        about="outputs (1, 3 x points, 5 + classes + K) and (1, K, H, W)",
        match=_v5(masks=True),
        maker="YOLOv5",
        nms_iou=0.45,
        max_objects=1000,
    ),
}
