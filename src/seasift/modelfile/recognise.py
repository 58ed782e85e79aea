"""Recognise the kind of output of another maker's graph from its shapes and metadata.

Layouts are those that the makers publish for their exports to ONNX. A kind is one entry of `LAYOUTS`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from seasift.core.errors import ModelError, hint
from seasift.core.types import SizeHW
from seasift.modelfile.onnx_graph import OnnxGraph, Tensor

_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
_NO_CLASS = ("background", "n/a", "na", "")
_COCO_SLOTS = 91
COCO_IDS = tuple(number for number in range(1, 91) if number not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
"""Numbers of COCO's 80 classes, where a graph keeps the numbers of COCO's 90 (Lin et al. 2014)."""
_YOLO_MEAN, _YOLO_STD = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)


@dataclass(frozen=True)
class Match:
    """A layout that fits a graph.

    Attributes:
        outputs: for each output of the kind, its index among the graph's.
        classes: number of classes that the shapes give; None if they do not tell.
        background: "none"; "first" where number 0 is no class; "last" where the last one may be none.
        batch: whether outputs have a batch dimension.
    """

    outputs: dict[str, int]
    classes: int | None
    background: str = "none"
    batch: bool = True


@dataclass(frozen=True, kw_only=True)
class OutputLayout:
    """One maker's layout and defaults.

    Attributes:
        about: the layout in a few words, for errors.
        match: from the graph and its input's height and width to a match; None if it does not fit.
        resize, sampling, fill, channels, mean, std: how images are prepared, see `core.prepare.InputSpec`.
        threshold, max_objects, nms_iou: the maker's defaults.
        maker: for the credits.
        named_only: whether other makers' graphs look the same, so that the user must name the kind.
    """

    about: str
    match: Callable[[OnnxGraph, SizeHW], Match | None]
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
    named_only: bool = False


def recognise(graph: OnnxGraph, size_hw: SizeHW, kind: str | None, name: str) -> tuple[str, Match]:
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
    matches = {
        kind: match
        for kind, layout in LAYOUTS.items()
        if not layout.named_only and (match := layout.match(graph, size_hw))
    }
    named = classes_of(graph.metadata)
    if named is not None and len(matches) > 1:
        matches = {kind: match for kind, match in matches.items() if labels_of(named, match)}
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


def size_of(metadata: Mapping[str, str]) -> SizeHW | None:
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


def _points(size_hw: SizeHW) -> set[int]:
    """Number of grid points of the input over all strides, for each usual set of strides."""
    height, width = size_hw
    return {sum(-(-height // step) * -(-width // step) for step in strides) for strides in _STRIDES}


def _anchors(count: int | None, size_hw: SizeHW) -> bool:
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
    outputs = {"predictions": 0, **({"prototype_masks": 1} if masks else {})}
    return Match(outputs, classes) if classes >= 1 else None


def _v8(masks: bool) -> Callable[[OnnxGraph, SizeHW], Match | None]:
    def match(graph: OnnxGraph, size_hw: SizeHW) -> Match | None:
        task = graph.metadata.get("task")
        if task not in (None, "segment" if masks else "detect"):
            return None
        return _yolo(
            graph,
            masks=masks,
            rows=lambda shape: shape[1] - 4 if shape[1] and shape[2] in _points(size_hw) else None,
        )

    return match


def _v5(graph: OnnxGraph, size_hw: SizeHW) -> Match | None:
    return _yolo(
        graph,
        masks=_prototypes(graph.outputs) is not None,
        rows=lambda shape: shape[2] - 5 if shape[2] and _anchors(shape[1], size_hw) else None,
    )


def _end2end(graph: OnnxGraph, size_hw: SizeHW) -> Match | None:
    prototypes = _prototypes(graph.outputs) or 0

    def rows(shape: tuple[int | None, ...]) -> int | None:
        width = 6 + prototypes
        return width if shape[2] == width and not _anchors(shape[1], size_hw) else None

    found = _yolo(graph, masks=prototypes > 0, rows=rows)
    return Match(found.outputs, None) if found else None


def _by_name(graph: OnnxGraph, ranks: Mapping[str, int], optional: str = "") -> dict[str, int] | None:
    """Indices of the outputs of these names and numbers of dimensions; None unless all are there and no others."""
    index = {output.name: number for number, output in enumerate(graph.outputs)}
    wanted = {name: rank for name, rank in ranks.items() if name in index or name != optional}
    if set(index) != set(wanted):
        return None
    fits = all(len(graph.outputs[index[name]].shape) == rank for name, rank in wanted.items())
    return {name: index[name] for name in wanted} if fits else None


def _queries(boxes: str, logits: str, masks: str = "") -> Callable[[OnnxGraph, SizeHW], Match | None]:
    """A match of boxes (1, Q, 4), logits (1, Q, C), and masks (1, Q, H', W') by names."""

    def match(graph: OnnxGraph, size_hw: SizeHW) -> Match | None:
        del size_hw
        ranks = {boxes: 3, logits: 3, **({masks: 4} if masks else {})}
        index = _by_name(graph, ranks)
        if index is None or len(graph.inputs) != 1:
            return None
        shapes = {name: graph.outputs[number].shape for name, number in index.items()}
        if shapes[boxes][2] != 4 or shapes[boxes][1] != shapes[logits][1]:
            return None
        outputs = {"boxes": index[boxes], "logits": index[logits]}
        if masks:
            outputs["masks"] = index[masks]
        return Match(outputs, shapes[logits][2], background="last")

    return match


def _d_fine(graph: OnnxGraph, size_hw: SizeHW) -> Match | None:
    del size_hw
    index = _by_name(graph, {"labels": 2, "boxes": 3, "scores": 2})
    return Match(index, None) if index and len(graph.inputs) == 2 else None


def _torchvision(graph: OnnxGraph, size_hw: SizeHW) -> Match | None:
    del size_hw
    index = _by_name(graph, {"boxes": 2, "labels": 1, "scores": 1, "masks": 4}, optional="masks")
    return Match(index, None, background="first", batch=False) if index and len(graph.inputs) == 1 else None


def _rtmdet(graph: OnnxGraph, size_hw: SizeHW) -> Match | None:
    del size_hw
    index = _by_name(graph, {"dets": 3, "labels": 2, "masks": 4})
    if index is None or graph.outputs[index["dets"]].shape[2] != 5 or len(graph.inputs) != 1:
        return None
    return Match({"detections": index["dets"], "labels": index["labels"], "masks": index["masks"]}, None)


_IMAGENET_RGB = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))

LAYOUTS: dict[str, OutputLayout] = {
    "yolo-detect": OutputLayout(
        about="one output (1, 4 + classes, points)", match=_v8(masks=False), maker="Ultralytics YOLO"
    ),
    "yolo-segment": OutputLayout(
        about="outputs (1, 4 + classes + K, points) and (1, K, H, W)",
        match=_v8(masks=True),
        maker="Ultralytics YOLO",
    ),
    "yolo-end2end": OutputLayout(
        about="outputs (1, objects, 6), or (1, objects, 6 + K) and (1, K, H, W)",
        match=_end2end,
        maker="Ultralytics YOLO",
    ),
    "yolov5": OutputLayout(
        about="outputs (1, 3 x points, 5 + classes), or (1, 3 x points, 5 + classes + K) and (1, K, H, W)",
        match=_v5,
        maker="YOLOv5",
        nms_iou=0.45,
        max_objects=1000,
    ),
    "rf-detr": OutputLayout(
        about="outputs dets (1, queries, 4) and labels (1, queries, classes)",
        match=_queries("dets", "labels"),
        maker="RF-DETR",
        resize="stretch",
        sampling="exact",
        fill=None,
        mean=_IMAGENET_RGB[0],
        std=_IMAGENET_RGB[1],
        threshold=0.5,
    ),
    "rf-detr-seg": OutputLayout(
        about="outputs dets (1, queries, 4), labels (1, queries, classes) and masks (1, queries, H, W)",
        match=_queries("dets", "labels", "masks"),
        maker="RF-DETR",
        resize="stretch",
        sampling="exact",
        fill=None,
        mean=_IMAGENET_RGB[0],
        std=_IMAGENET_RGB[1],
        threshold=0.5,
    ),
    "d-fine": OutputLayout(
        about="inputs images and sizes, outputs labels (1, N), boxes (1, N, 4) and scores (1, N)",
        match=_d_fine,
        maker="D-FINE",
        resize="stretch",
        sampling="antialias",
        fill=None,
        threshold=0.4,
    ),
    "d-fine-transformers": OutputLayout(
        about="outputs logits (1, queries, classes) and pred_boxes (1, queries, 4)",
        match=_queries("pred_boxes", "logits"),
        maker="D-FINE",
        resize="stretch",
        sampling="antialias",
        fill=None,
        threshold=0.5,
        named_only=True,
    ),
    "torchvision-detection": OutputLayout(
        about="outputs boxes (N, 4), labels (N), scores (N) and possibly masks (N, 1, H, W)",
        match=_torchvision,
        maker="torchvision",
        resize="original",
        fill=None,
        threshold=0.5,
        max_objects=100,
    ),
    "rtmdet-ins": OutputLayout(
        about="outputs dets (1, N, 5), labels (1, N) and masks (1, N, H, W)",
        match=_rtmdet,
        maker="RTMDet-Ins",
        resize="fit",
        channels="bgr",
        mean=_IMAGENET_RGB[0],
        std=_IMAGENET_RGB[1],
        threshold=0.3,
        max_objects=100,
    ),
}


def labels_of(names: Sequence[str], match: Match) -> tuple[list[str], tuple[int, ...]] | None:
    """Class names, and the number that the graph gives each; None if there are too many or too few names.

    Names such as N/A and background stand for numbers without a class.

    Args:
        names: in the order of the graph's numbers.
        match: of the graph.
    """
    if match.background == "none":
        return (list(names), ()) if match.classes in (None, len(names)) else None
    first = 1 if match.background == "first" and names[0].strip("_").lower() != "background" else 0
    numbered = list(enumerate(names, start=first))
    if match.classes is not None:
        if (match.classes, len(names)) == (_COCO_SLOTS, len(COCO_IDS)):
            numbered = list(zip(COCO_IDS, names, strict=True))
        elif len(names) not in (match.classes, match.classes - 1):
            return None
    kept = [(label, name) for label, name in numbered if name.strip("_").lower() not in _NO_CLASS]
    return [name for _, name in kept], tuple(label for label, _ in kept)
