"""A checkpoint of the published YOLACT implementation as a model file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from seasift.core.errors import InputError, WeightsError, expected
from seasift.core.files import write_bytes
from seasift.export.to_onnx import complexity_of, serialise
from seasift.modelfile.info import CategoryEntry, InputEntry, ModelInfo
from seasift.models.weights import read_state_dict
from seasift.models.yolact import FAMILY
from seasift.models.yolact.published import BACKBONES, load_published

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
        categories=tuple(CategoryEntry(id=i, name=name) for i, name in enumerate(classes, start=1)),
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
        what = f"{twice[0]!r} stands in it twice" if twice else "it is empty"
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
