"""Checkpoint to a self-describing ONNX file."""

from __future__ import annotations

import logging
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx
import torch

from seasift import __version__
from seasift.core.decode import YolactDecode
from seasift.core.files import write_bytes
from seasift.models.yolact.inference import OUTPUTS, YolactGraph, input_spec
from seasift.models.yolact.network import Yolact
from seasift.runtime.model_file import (
    INPUT_NAME,
    CategoryEntry,
    DecodeEntry,
    InputEntry,
    ModelInfo,
    to_metadata,
)
from seasift.training.checkpoint import load_network, read_checkpoint

OPSET = 18
LICENCE = "Apache-2.0 for the weights; the pictures they learned from may bind their use, see attribution"


def export_checkpoint(
    checkpoint: Path,
    out: Path,
    *,
    name: str | None = None,
    threshold: float = 0.3,
    figures: dict[str, dict[str, float]] | None = None,
    licence: str = LICENCE,
    attribution: str = "",
) -> ModelInfo:
    """Write a checkpoint as ONNX with dynamic batch and everything that its use needs in the metadata.

    Args:
        checkpoint: best.ckpt or last.ckpt of a run.
        out: the .onnx file; appears whole or not at all.
        name: of the model (default: of its recipe).
        threshold: score below which `predict` leaves objects out unless told otherwise.
        figures: by data set, by figure.
        licence: of the weights.
        attribution: whom to credit.
    Raises:
        BadWeights: not a checkpoint of ours, or one that does not fit.
    """
    network, recipe, categories = load_network(checkpoint)
    spec = input_spec(network.config)
    info = ModelInfo(
        name=name or recipe.name,
        head="yolact",
        categories=tuple(CategoryEntry(id=c.id, name=c.name) for c in categories),
        input=InputEntry(size_hw=spec.size_hw, mean=spec.mean, std=spec.std, resize="stretch"),
        decode=DecodeEntry(**asdict(YolactDecode())),
        threshold=threshold,
        max_objects=100,
        training=_training_record(checkpoint, recipe.model_dump(mode="json")),
        figures=figures or {},
        licence=licence,
        attribution=attribution,
    )
    model = trace(network)
    for key, value in to_metadata(info).items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    write_bytes(out, model.SerializeToString())
    return info


def trace(network: Yolact) -> onnx.ModelProto:
    """The exported graph of a network: up to decoded boxes, scores, coefficients and prototypes."""
    size = network.config.size
    example = torch.zeros(2, 3, size, size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own use of deprecated calls
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            YolactGraph(network.eval()).to(memory_format=torch.contiguous_format),
            (example,),
            input_names=[INPUT_NAME],
            output_names=list(OUTPUTS),
            dynamic_shapes={"images": {0: torch.export.Dim("batch", min=1, max=1024)}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _training_record(checkpoint: Path, recipe: dict[str, Any]) -> dict[str, Any]:
    content = read_checkpoint(checkpoint)
    recipe["data"].pop("path")
    recipe["data"].pop("cache")
    return {
        "seasift": __version__,
        "data": content["hyper_parameters"].get("data", {}),
        "recipe": recipe,
        "seed": recipe["seed"],
        "steps": content["global_step"],
        "pictures_seen": content["batches_done"] * recipe["training"]["batch_size"],
    }
