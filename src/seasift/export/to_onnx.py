"""Checkpoints to self-describing ONNX files: ours, and those of the published YOLACT implementation."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
import torch
from onnx_ir import passes
from onnxscript import optimizer
from onnxscript.rewriter import rewrite
from onnxscript.rewriter.rules import common as rules
from torch import Tensor, nn

from seasift.core.errors import InputError, WeightsError, expected
from seasift.core.files import write_bytes
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import TRIM, InputSpec
from seasift.export.quantize import to_half
from seasift.export.training_record import training_record
from seasift.modelfile.info import (
    INPUT_NAME,
    CalibrationEntry,
    ClassEntry,
    ComplexityEntry,
    DecodeEntry,
    InputEntry,
    ModelInfo,
    to_metadata,
)
from seasift.models.catalog import FAMILIES, describe
from seasift.models.checkpoint import load_mean
from seasift.models.family import Config
from seasift.models.weights import read_state_dict
from seasift.models.yolact import FAMILY
from seasift.models.yolact.network import BACKBONES, load_published

OPSET = 18
# The shapes of outputs and of padding become known.
_RULES = (
    rules.materialize_reshape_shape_rule,
    rules.collapse_slice_rule,
    rules.collapse_slice2_rule,
    rules.no_op_expand_rule,
    rules.no_op_cast_rule,
    rules.normalize_pad_format_conv_rule,
    rules.fuse_pad_into_conv_rule,
)
LICENCE = "Apache-2.0 for the weights; the images they learned from may bind their use, see attribution"


def export_checkpoint(
    checkpoints: Sequence[Path],
    out: Path,
    *,
    name: str | None = None,
    threshold: float = 0.3,
    mask_threshold: float = 0.5,
    expected_iou: bool = False,
    figures: dict[str, dict[str, float]] | None = None,
    calibration: CalibrationEntry | None = None,
    licence: str = LICENCE,
    attribution: str = "",
    half_weights: bool = False,
    hardware: str | None = None,
) -> ModelInfo:
    """Write a checkpoint as ONNX with dynamic batch and everything that its use needs in the metadata.

    Args:
        checkpoints: best.ckpt or last.ckpt of a run, or of several, of which the mean is taken.
        out: the .onnx file; appears whole or not at all.
        name: of the model (default: of its recipe).
        threshold: default minimum score of `predict`.
        mask_threshold, expected_iou: see `core.decode.YolactDecode`.
        figures: metrics by data set and name.
        calibration: of its scores.
        licence: of the weights.
        attribution: whom to credit.
        half_weights: store weights as float16, see `export.quantize`.
        hardware: that it was trained on, where a checkpoint does not say.
    Raises:
        WeightsError: not a checkpoint of ours, or one that does not fit.
    """
    network, recipe, categories = load_mean(checkpoints)
    config: Any = network.config
    spec = FAMILIES[config.arch].input_spec(config)
    info = ModelInfo(
        name=name or recipe.name,
        head=FAMILIES[config.arch].output,
        categories=tuple(ClassEntry(id=c.id, name=c.name) for c in categories),
        input=InputEntry(size_hw=spec.size_hw, mean=spec.mean, std=spec.std, resize=spec.resize),
        decode=DecodeEntry(mask_threshold=mask_threshold, expected_iou=expected_iou),
        calibration=calibration,
        threshold=threshold,
        max_objects=100,
        facts=complexity_of(config),
        training=training_record(checkpoints, out.name, hardware),
        figures=figures or {},
        licence=licence,
        attribution=attribution,
        half_weights=half_weights,
    )
    write_bytes(out, serialise(network, info))
    return info


def complexity_of(config: Config) -> ComplexityEntry:
    """What a network costs, as its model file says it."""
    facts = describe(config).as_dict()
    return ComplexityEntry(**{key: facts[key] for key in ComplexityEntry.model_fields})


def serialise(network: nn.Module, info: ModelInfo) -> bytes:
    """A network and what is to be said of it as the bytes of a model file."""
    model = trace(network)
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        # The exporter's notes on its source code name the folders of this machine.
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for key, value in to_metadata(info).items():
        model.metadata_props.add(key=key, value=value)
    if info.half_weights:
        model = to_half(model)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def trace(network: nn.Module) -> onnx.ModelProto:
    """The exported graph of a network, up to what its kind of output in `core.outputs` lists."""
    config: Any = network.config
    family = FAMILIES[config.arch]
    spec = family.input_spec(config)
    example = torch.zeros(2, 3, *spec.size_hw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own use of deprecated calls
        for exporter in ("torch.onnx", "onnx_ir"):
            logging.getLogger(exporter).setLevel(logging.ERROR)
        program = torch.onnx.export(
            family.graph(network.eval()).to(memory_format=torch.contiguous_format),
            (example,),
            input_names=[INPUT_NAME],
            output_names=list(OUTPUTS[family.output].outputs),
            dynamic_shapes={"images": _free(spec)},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
            optimize=False,
        )
    assert program is not None
    _fold(program.model)
    return program.model_proto


def _fold(model: ir.Model) -> None:
    """Compute what does not depend on the input.

    The exporter's own optimisation would fold batch norm into convolutions, too. Engines do that as they load a
    file; here the weights stay as they were learnt, so that training can go on from a model file.
    """
    optimizer.inline(model)
    optimizer.fold_constants(model)
    rewrite(model, _RULES)
    optimizer.fold_constants(model)
    passes.Sequential(
        passes.common.RemoveUnusedNodesPass(),
        passes.common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        passes.common.CommonSubexpressionEliminationPass(),
        passes.common.RemoveUnusedNodesPass(),
    )(model)


def _free(spec: InputSpec) -> dict[int, Any]:
    """The dimensions of the input that are only known when it comes."""
    free: dict[int, Any] = {0: torch.export.Dim("batch", min=1, max=1024)}
    if spec.resize == "trim":
        free[2], free[3] = (
            TRIM * torch.export.Dim(name, min=1, max=side // TRIM)
            for name, side in zip(("rows", "columns"), spec.size_hw, strict=True)
        )
    return free


_CLASSES_OF = "prediction_layers.0.conf_layer.weight"


def import_published(
    weights: Path,
    out: Path,
    *,
    arch: str,
    names: Path,
    size: int = 550,
    threshold: float = 0.3,
    licence: str,
    attribution: str,
) -> ModelInfo:
    """Read a published `.pth` and write a model file that `predict` and `evaluate` take.

    Args:
        weights: state dict with the published names.
        out: the .onnx file; appears whole or not at all.
        arch: name in the catalog.
        names: one class name a line, without background, in the order of training; ids count from 1.
        size: side of the input that it was trained at, px.
    Raises:
        WeightsError: entries that do not fit, listed, or another number of classes than names.
        InputError: an unknown network or a file of names that cannot be used.
    """
    known = {f"{FAMILY.name}-{backbone}": backbone for backbone in BACKBONES}
    if arch not in known:
        raise InputError(f"--arch {arch!r}; {expected(arch, known)}.")
    classes = _read_names(names)
    state = read_state_dict(weights)
    _check_classes(state, len(classes), weights, names)
    config = FAMILY.configure(known[arch], len(classes), size, whole_prior_scales=True)
    network = FAMILY.build(config)
    load_published(network, state, source=str(weights))
    spec = FAMILY.input_spec(config)
    info = ModelInfo(
        name=weights.stem,
        head=FAMILY.output,
        categories=tuple(ClassEntry(id=i, name=name) for i, name in enumerate(classes, start=1)),
        input=InputEntry(size_hw=spec.size_hw, mean=spec.mean, std=spec.std, resize="stretch"),
        threshold=threshold,
        max_objects=100,
        facts=complexity_of(config),
        training={"imported": weights.name, "network": arch},
        licence=licence,
        attribution=attribution,
    )
    write_bytes(out, serialise(network, info))
    return info


def _read_names(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; expected one class name a line in UTF-8.") from None
    classes = [line for line in lines if line]
    twice = sorted({name for name in classes if classes.count(name) > 1})
    if not classes or twice:
        what = f"{twice[0]!r} is listed twice" if twice else "it is empty"
        raise InputError(f"{path}: {what}; expected one class name a line, each once.")
    return classes


def _check_classes(state: Mapping[str, Tensor], count: int, weights: Path, names: Path) -> None:
    layer = state.get(_CLASSES_OF)
    if layer is None:
        return  # named with everything else that does not fit
    held = layer.shape[0] // 3 - 1
    if held != count:
        raise WeightsError(
            f"{weights}: was trained on {held} classes, {names} has {count}; expected as many names, without "
            "background. Correct the file of names"
        )
