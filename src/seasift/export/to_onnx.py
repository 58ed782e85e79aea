"""Checkpoint to a self-describing ONNX file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
import torch
from onnx_ir import passes
from onnxscript import optimizer
from onnxscript.rewriter import rewrite
from onnxscript.rewriter.rules import common as rules
from torch import nn

from seasift.core.files import write_bytes
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import TRIM, InputSpec
from seasift.export.half_precision import to_half
from seasift.export.training_record import training_record
from seasift.modelfile.info import (
    INPUT_NAME,
    CalibrationEntry,
    CategoryEntry,
    ComplexityEntry,
    DecodeEntry,
    InputEntry,
    ModelInfo,
    to_metadata,
)
from seasift.models.catalog import FAMILIES, describe
from seasift.models.checkpoint import load_mean
from seasift.models.family import Config

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
        threshold: score below which `predict` leaves objects out unless told otherwise.
        mask_threshold, expected_iou: see `core.decode.YolactDecode`.
        figures: by data set, by figure.
        calibration: of its scores.
        licence: of the weights.
        attribution: whom to credit.
        half_weights: store weights as float16, see `export.half_precision`.
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
        categories=tuple(CategoryEntry(id=c.id, name=c.name) for c in categories),
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
