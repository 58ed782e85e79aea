"""Smaller model files: weights stored as 16-bit floats, and computing in 8-bit integers. Loads no PyTorch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxscript import ir
from onnxscript.rewriter import rewrite
from onnxscript.rewriter.rules import common as rules

from seasift.core.errors import ModelError
from seasift.core.files import write_bytes
from seasift.core.image import read_image
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import InputSpec, prepare
from seasift.core.types import Float32
from seasift.data.prepared import DataSplit
from seasift.evaluation.stream import limited
from seasift.modelfile.info import INPUT_NAME, ModelInfo, read_model_file, to_metadata
from seasift.modelfile.onnx_file import onnx_weights

if TYPE_CHECKING:
    import nncf


# Boxes and scores are worked out from the network's answers in full precision.
_EXACT = ("Mul", "Div", "Sub", "Exp", "Softmax", "ReduceSum", "Sigmoid", "Tanh")


def quantize(
    model: Path,
    out: Path,
    split: DataSplit,
    *,
    images: int = 300,
    progress: Callable[[int, int], None] | None = None,
) -> ModelInfo:
    """Write a model file whose convolutions compute in int8, but for the first and the last ones.

    Args:
        model: a model file with prototypes and coefficients (head `yolact`), in float32.
        out: the .onnx file; appears whole or not at all.
        split: images whose activations set the ranges; take those that the model learned from.
        images: how many of them, evenly spaced.
        progress: called with (images seen, in all).
    Returns:
        The description of the file. It leaves out figures, operating points, reference images and calibration, which
        belong to the float32 network. Its threshold is one of raw scores. `complete` adds its own.
    Raises:
        ModelError: not a model file, of another head, or quantised already.
    Source: Jacob et al. 2018 (integer arithmetic); NNCF's post-training quantisation with fast bias correction.
    """
    import nncf

    file = read_model_file(model)
    able = [name for name, kind in OUTPUTS.items() if kind.has_prototypes]
    if file.info.head not in able or file.info.quantized:
        what = "quantised already" if file.info.quantized else f"head {file.info.head}"
        raise ModelError(
            f"{model}: {what}; expected a float32 model file of head {' or '.join(able)}. Give that"
        )
    seen = limited(split.coco, images)
    paths = [split.images_dir / image.file_name for image in seen.images]
    answer = _rounded(
        _folded(file.data), nncf.Dataset(_Inputs(paths, file.info.input_spec(), progress)), len(paths)
    )
    how = f"int8 by NNCF {version('nncf')}, ranges from {len(paths)} images of {split.name}"
    return _write(answer, file.info, how, out)


def _rounded(folded: onnx.ModelProto, dataset: nncf.Dataset, count: int) -> onnx.ModelProto:
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        answer: onnx.ModelProto = nncf.quantize(
            folded,
            dataset,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=count,
            ignored_scope=nncf.IgnoredScope(
                names=sorted(outermost_convolutions(folded.graph)), types=list(_EXACT), validate=False
            ),
        )
    return answer


def _write(answer: onnx.ModelProto, before: ModelInfo, how: str, out: Path) -> ModelInfo:
    """Put what the float32 file says of itself, as far as it still holds, into the new one."""
    calibration = before.score_calibration()
    others: dict[str, Any] = {"figures": {}, "counting": None, "looks": None, "calibration": None}
    threshold = calibration.invert(before.threshold) if calibration else before.threshold
    info = before.model_copy(
        update=others | {"quantized": how, "half_weights": False, "threshold": threshold}
    )
    if info.facts:
        stored = onnx_weights(answer.SerializeToString())[1]
        info = info.model_copy(update={"facts": info.facts.model_copy(update={"bytes": stored})})
    del answer.metadata_props[:]
    for key, value in to_metadata(info).items():
        answer.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(answer)
    write_bytes(out, answer.SerializeToString())
    return info


def outermost_convolutions(graph: onnx.GraphProto) -> set[str]:
    """Names of the convolutions that no other comes before or after.

    The first sees the image; the last answer with classes, boxes, coefficients and prototypes. Rounding them costs the
    most and saves the least.
    """
    return _nearest(graph.node, against=False) | _nearest(reversed(graph.node), against=True)


def _nearest(nodes: Iterable[onnx.NodeProto], *, against: bool) -> set[str]:
    """Convolutions that see no other, of nodes in the order of computation, or against it."""
    beyond, nearest = set[str](), set[str]()  # tensors with a convolution between them and where we began
    for node in nodes:
        entered, left = (node.output, node.input) if against else (node.input, node.output)
        passed = not beyond.isdisjoint(entered)
        if node.op_type == "Conv" and not passed:
            nearest.add(node.name)
        if node.op_type == "Conv" or passed:
            beyond.update(left)
    return nearest


def _folded(data: bytes) -> onnx.ModelProto:
    """The graph with batch norm inside its convolutions, whose weights are then what is rounded."""
    model = ir.from_proto(to_single(onnx.load_model_from_string(data)))
    rewrite(model, [rules.fuse_batchnorm_into_conv_rule])
    proto: onnx.ModelProto = ir.to_proto(model)
    return proto


class _Inputs:
    """Images as the network sees them, one at a time, as often as they are asked for."""

    def __init__(
        self, paths: list[Path], spec: InputSpec, progress: Callable[[int, int], None] | None
    ) -> None:
        self._paths, self._spec, self._progress = paths, spec, progress

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for done, path in enumerate(self._paths, start=1):
            image: Float32 = prepare(read_image(path), self._spec)
            if self._progress:
                self._progress(done, len(self._paths))
            yield {INPUT_NAME: image[None]}


# Smaller arrays are not worth a node, and batch norm's are best left as they are.
_LEAST_NUMBERS, _LEAST_DIMENSIONS = 1024, 2
_WIDE = "/as float32"


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 weights as float16, each with a cast that gives the graph its float32 back.

    Engines compute the casts once as they load the file. A weight keeps 11 binary digits: relative errors are
    at most 2^-11. Arrays that hold numbers beyond float16's range stay as they are. The arrays keep their
    names, so that training can go on from the file.

    Args:
        model: a graph; it is not changed.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    casts = []
    for entry in half.graph.initializer:
        if entry.data_type != onnx.TensorProto.FLOAT or len(entry.dims) < _LEAST_DIMENSIONS:
            continue
        values = numpy_helper.to_array(entry)
        if values.size < _LEAST_NUMBERS or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        casts.append(helper.make_node("Cast", [entry.name], [entry.name + _WIDE], to=onnx.TensorProto.FLOAT))
        entry.CopyFrom(numpy_helper.from_array(values.astype(np.float16), entry.name))
    _rename(half, {cast.input[0]: cast.output[0] for cast in casts})
    nodes = [*casts, *half.graph.node]
    del half.graph.node[:]
    half.graph.node.extend(nodes)
    return half


def to_single(model: onnx.ModelProto) -> onnx.ModelProto:
    """The float32 graph of a file that `to_half` made, without its casts; any other graph as it is."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    names = {node.output[0]: node.input[0] for node in wide.graph.node if node.output[0].endswith(_WIDE)}
    nodes = [node for node in wide.graph.node if node.output[0] not in names]
    del wide.graph.node[:]
    wide.graph.node.extend(nodes)
    stored = set(names.values())
    for entry in wide.graph.initializer:
        if entry.name in stored:
            values = numpy_helper.to_array(entry).astype(np.float32)
            entry.CopyFrom(numpy_helper.from_array(values, entry.name))
    _rename(wide, names)
    return wide


def _rename(model: onnx.ModelProto, names: dict[str, str]) -> None:
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name in names:
                node.input[index] = names[name]
