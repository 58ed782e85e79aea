"""What `seasift evaluate` does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seasift.cli.evaluate_table import tell
from seasift.cli.options import check_folder
from seasift.cli.terminal import progress_bar, require
from seasift.cli.tile_option import parse_tiling
from seasift.core.errors import InputError
from seasift.core.predictor import Predictor
from seasift.core.rollup import RollUp
from seasift.core.types import SizeHW
from seasift.data.groups import groups_of
from seasift.data.prepared import DataSplit, open_prepared, resolve_split
from seasift.data.unseen import relations, trained_images
from seasift.evaluation.record import Subject, make_record
from seasift.evaluation.report import write_report
from seasift.evaluation.stream import Settings, evaluate_split
from seasift.evaluation.unseen import Training
from seasift.inference.predictor import load_predictor
from seasift.modelfile import bundled
from seasift.modelfile.info import ModelInfo
from seasift.modelfile.onnx_file import onnx_weights
from seasift.viz.drawing import draw

CHECKPOINTS = (".ckpt", ".pt")


@dataclass(frozen=True)
class Options:
    """The command line's options, as given."""

    model: str
    data: Path
    output: Path | None = None
    labels: str | None = None
    masks: str | None = None
    split: str | None = None
    part: str | None = None
    images: Path | None = None
    threshold: float = 0.05
    max_objects: int = 100
    confidence: float | None = None
    limit: int | None = None
    resamples: int = 1000
    tile: str | None = None
    tile_overlap: float | None = None
    tile_whole: bool = False
    engine: str | None = None
    precision: str | None = None
    threads: int | None = None


@dataclass(frozen=True)
class _Model:
    predictor: Predictor
    facts: dict[str, Any]
    confidence: float
    input_hw: SizeHW | None = None
    rollup: RollUp | None = None
    training: Mapping[str, Any] = field(default_factory=dict)


def run(options: Options) -> None:
    """Judge, print the tables on standard output, write the report.

    Raises:
        InputError: an option, the model or the data cannot be used; nothing is written then.
    """
    if options.output:
        check_folder(options.output)
    part = _part(options)
    model = _checkpoint(options) if Path(options.model).suffix in CHECKPOINTS else _model_file(options)
    model = _tiled(options, model)
    settings = _settings(options, model)
    with progress_bar("evaluating") as progress:
        outcome = evaluate_split(model.predictor, part, settings, progress, _training(options, part, model))
    fingerprint = part.fingerprint or _sha256(options.data)
    subject = Subject(model.facts, part.name, fingerprint, part.chosen, options.threads)
    record = make_record(outcome, settings, subject)
    written: tuple[Path, ...] = ()
    if options.output:
        written = write_report(options.output, record, outcome, images_dir=part.images_dir, draw=draw)
    tell(record, written)


def _part(options: Options) -> DataSplit:
    chosen = {name: getattr(options, name) for name in ("labels", "masks", "split", "part")}
    given = [f"--{name}" for name, value in chosen.items() if value is not None]
    if options.data.is_file() and given:
        raise InputError(
            f"{' '.join(given)}: only for a prepared data set, not for a COCO file. Leave it out."
        )
    if options.data.is_dir() and options.images:
        raise InputError("--images: only for a COCO file; a prepared data set has its own. Leave it out.")
    return resolve_split(options.data, images=options.images, **chosen)


def _training(options: Options, part: DataSplit, model: _Model) -> Training | None:
    """How near the part's images are to those that the model was trained on; None if that is not known."""
    if not options.data.is_dir():
        return None
    data = open_prepared(options.data)
    splits, trained = trained_images(model.training, data)
    if not splits:
        return None
    names = [image.file_name for image in part.coco.images]
    every = {*names, *trained}
    group_of = groups_of(every, data.group) if data.group else {}
    return Training(splits, relations(names, trained, group_of, data.dives(every)))


def _settings(options: Options, model: _Model) -> Settings:
    confidence = model.confidence if options.confidence is None else options.confidence
    if options.confidence is not None and confidence < options.threshold:
        raise InputError(
            f"--confidence {confidence:g} is below --threshold {options.threshold:g}, under which nothing is listed. "
            "Lower --threshold."
        )
    return Settings(
        threshold=options.threshold,
        max_objects=options.max_objects,
        confidence=max(confidence, options.threshold),
        limit=options.limit,
        resamples=options.resamples,
        rollup=model.rollup,
    )


def _model_file(options: Options) -> _Model:
    predictor = load_predictor(
        options.model,
        engine=options.engine or "openvino",
        precision=options.precision or "f32",
        threads=options.threads,
    )
    facts = {
        "name": predictor.name,
        "file": Path(options.model).name,
        "sha256": predictor.sha256,
        "engine": predictor.engine,
        "precision": predictor.precision,
        "calibrated": predictor.info.calibration is not None,
        "expected_iou": predictor.info.decode.expected_iou,
        "facts": _facts(predictor.info, bundled.find(options.model)),
    }
    info = predictor.info
    return _Model(predictor, facts, info.threshold, info.input.size_hw, info.roll_up(), info.training)


def _tiled(options: Options, model: _Model) -> _Model:
    tiling = parse_tiling(options.tile, options.tile_overlap, options.tile_whole, model.input_hw)
    if tiling is None:
        return model
    tiled = tiling.around(model.predictor, options.max_objects)
    facts = {**model.facts, "tile": tiling.entry(options.max_objects).model_dump()}
    return replace(model, predictor=tiled, facts=facts)


def _checkpoint(options: Options) -> _Model:
    for name in ("engine", "precision", "threads"):
        if getattr(options, name) is not None:
            raise InputError(
                f"--{name}: only for a model file; a checkpoint runs in PyTorch in f32. Leave it out."
            )
    path = Path(options.model)
    if not path.is_file():  # said here, since loading PyTorch takes seconds
        raise InputError(f"{path}: no such file; expected a checkpoint of `seasift train`. Check the path.")
    require("train", "torch", "lightning", "timm")
    from seasift.models.complexity import describe
    from seasift.training.checkpoint import load_predictor as load_checkpoint

    predictor = load_checkpoint(path)
    facts = {
        "name": predictor.name,
        "file": path.name,
        "sha256": _sha256(path),
        "engine": "torch",
        "precision": "f32",
        "facts": describe(predictor.config).as_dict(),
    }
    return _Model(predictor, facts, Settings.confidence)


def _facts(info: ModelInfo, path: Path) -> dict[str, Any]:
    """What the network costs, as the file says; without that, the numbers that it stores (see `onnx_weights`)."""
    if info.facts:
        return info.facts.model_dump()
    parameters, size = onnx_weights(path.read_bytes())
    return {"parameters": parameters, "bytes": size, "counted": "stored"}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
