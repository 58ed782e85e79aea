"""`evaluate`: compare a model's objects with the truth of a data set."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seasift.core.choices import takes_fields_of
from seasift.core.classes import parse_class_map
from seasift.core.errors import InputError, require
from seasift.core.files import check_folder
from seasift.core.instances import Predictor
from seasift.core.rollup import RollUp
from seasift.core.types import SizeHW
from seasift.data.dives import groups_of
from seasift.data.prepared import DataSplit, open_prepared, resolve_split
from seasift.evaluation.class_map import ClassMap, MappedPredictor
from seasift.evaluation.document import Evaluation
from seasift.evaluation.levels import Training, relations, trained_images
from seasift.evaluation.options import EvaluateOptions
from seasift.evaluation.report import EvaluationSubject, make_record, write_report
from seasift.evaluation.stream import EvaluateSettings, evaluate_split
from seasift.formats.document import TileEntry
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.inference.tiling import parse_tiling
from seasift.modelfile import bundled
from seasift.modelfile.info import ModelInfo
from seasift.modelfile.onnx_file import onnx_weights
from seasift.viz.drawing import draw

CHECKPOINTS = (".ckpt", ".pt")


@dataclass(frozen=True)
class EvaluationResult:
    """The result of an evaluation.

    Attributes:
        record: the content of report.json.
        written: files; empty without `output`.
    """

    record: Evaluation
    written: tuple[Path, ...]

    @property
    def masks(self) -> Mapping[str, float | None]:
        """COCO's 12 metrics of masks: "AP", "AP50" ...; None where there is nothing to evaluate."""
        return self.record.masks

    @property
    def boxes(self) -> Mapping[str, float | None]:
        """The same of boxes."""
        return self.record.boxes


@takes_fields_of(EvaluateOptions)
def evaluate(options: EvaluateOptions) -> EvaluationResult:
    """Evaluate a model as COCO does: 12 metrics of boxes and 12 of masks, overall and by class.

    Args:
        model: a model file, the name of a bundled model, a checkpoint, or any loaded Predictor.
        data: a prepared data set, or a COCO annotation file.
        output: folder for report.html, report.json and predictions.json; None writes nothing.
        labels, masks, scheme, split: of a prepared data set; default: its own, and val.
        images: folder of the images of a COCO file; default: `images` beside it, or its own folder.
        map: of the model's classes to those of the data, such as "fish=animal_fish,net=trash": pairs, a text file with one
            a line, or a dict. Only these classes are evaluated; a supercategory stands for all its classes.
        threshold: leave out lower scores; low, since AP needs the whole curve.
        max_objects: maximum number of objects per image.
        confidence: score from which an object counts as found, for precision, recall, the confusion matrix and the
            worst images; default: what `predict` uses with this model, else 0.3.
        limit: evaluate only this many images, evenly spaced.
        resamples: draws of whole dives, else videos, for the 95% intervals; 0 leaves them out.
        tile: search in tiles: a side, "WIDTHxHEIGHT" in px, or "auto".
        tile_overlap: share of a tile that its neighbour shares; default: 0.25.
        tile_whole: search the whole image, too.
        engine: of a model file; default: openvino.
        precision: of a model file; default: f32.
        threads: CPU threads; default: the engine's choice.
        progress: called with images done and in all.
    Raises:
        InputError: an option, the model or the data cannot be used; nothing is written then.

    >>> report = seasift.evaluate("default", "data/trashcan", scheme="dive-free", split="test")
    >>> report.masks["AP"]
    """
    return run(options)


def run(options: EvaluateOptions) -> EvaluationResult:
    """`evaluate` with its options as a value."""
    data, output, max_objects = Path(options.data), options.output, options.max_objects
    if output:
        check_folder(Path(output))
    chosen = _chosen(data, options)
    evaluated = _model(options)
    tiling = parse_tiling(options.tile, options.tile_overlap, options.tile_whole, evaluated.input_hw)
    if tiling:
        entry = TileEntry.of(tiling.grid, whole=tiling.whole, max_objects=max_objects).model_dump()
        evaluated = replace(
            evaluated,
            predictor=tiling.around(evaluated.predictor, max_objects),
            facts={**evaluated.facts, "tile": entry},
        )
    class_map = None
    if options.map is not None:
        class_map = ClassMap.of(
            parse_class_map(options.map), evaluated.predictor.categories, chosen.coco.categories
        )
        chosen = replace(chosen, coco=class_map.truth(chosen.coco))
        evaluated = replace(evaluated, predictor=MappedPredictor(evaluated.predictor, class_map), rollup=None)
    threshold, confidence = options.threshold, options.confidence
    if confidence is not None and confidence < threshold:
        raise InputError(
            f"--confidence {confidence:g} is below --threshold {threshold:g}, under which nothing is listed. "
            "Lower --threshold."
        )
    settings = EvaluateSettings(
        threshold=threshold,
        max_objects=max_objects,
        confidence=max(evaluated.confidence if confidence is None else confidence, threshold),
        limit=options.limit,
        resamples=options.resamples,
        rollup=evaluated.rollup,
    )
    training = _training(data, chosen, evaluated)
    outcome = evaluate_split(evaluated.predictor, chosen, settings, options.progress, training)
    fingerprint = chosen.fingerprint or _sha256(data)
    subject = EvaluationSubject(
        evaluated.facts, chosen.name, fingerprint, chosen.chosen, options.threads, class_map
    )
    record = make_record(outcome, settings, subject)
    written: tuple[Path, ...] = ()
    if output:
        written = write_report(Path(output), record, outcome, images_dir=chosen.images_dir, draw=draw)
    return EvaluationResult(record, written)


def _chosen(data: Path, options: EvaluateOptions) -> DataSplit:
    names = {name: getattr(options, name) for name in ("labels", "masks", "scheme", "split")}
    given = [f"--{name}" for name, value in names.items() if value is not None]
    if data.is_file() and given:
        raise InputError(
            f"{' '.join(given)}: only for a prepared data set, not for a COCO file. Leave it out."
        )
    if data.is_dir() and options.images:
        raise InputError("--images: only for a COCO file; a prepared data set has its own. Leave it out.")
    return resolve_split(data, images=Path(options.images) if options.images else None, **names)


@dataclass(frozen=True)
class _Model:
    predictor: Predictor
    facts: dict[str, Any]
    confidence: float
    input_hw: SizeHW | None = None
    rollup: RollUp | None = None
    training: Mapping[str, Any] = field(default_factory=dict)


def _training(data: Path, chosen: DataSplit, model: _Model) -> Training | None:
    """How close the images are to those that the model was trained on; None if unknown."""
    if not data.is_dir():
        return None
    prepared = open_prepared(data)
    splits, trained = trained_images(model.training, prepared)
    if not splits:
        return None
    names = [image.file_name for image in chosen.coco.images]
    every = {*names, *trained}
    group_of = groups_of(every, prepared.group) if prepared.group else {}
    return Training(splits, relations(names, trained, group_of, prepared.dives(every)))


def _model(options: EvaluateOptions) -> _Model:
    """Load the model."""
    model = options.model
    how = {name: getattr(options, name) for name in ("engine", "precision", "threads")}
    given = next((name for name, value in how.items() if value is not None), None)
    if not isinstance(model, str | os.PathLike):
        if given:
            raise InputError(f"--{given}: the model is loaded already. Leave it out.")
        return _loaded(model)
    if Path(model).suffix not in CHECKPOINTS:
        return _model_file(model if isinstance(model, str) else Path(model), how)
    if given:
        raise InputError(
            f"--{given}: only for a model file; a checkpoint runs in PyTorch in f32. Leave it out."
        )
    return _checkpoint(Path(model))


def _loaded(model: Predictor) -> _Model:
    if not isinstance(model, OnnxPredictor):
        return _Model(model, {"name": model.name}, EvaluateSettings.confidence)
    return _described(model, _description_of(model))


def _model_file(model: str | Path, how: Mapping[str, Any]) -> _Model:
    predictor = load_predictor(
        model,
        engine=how["engine"] or "openvino",
        precision=how["precision"] or "f32",
        threads=how["threads"],
    )
    facts = {
        "name": predictor.name,
        "file": Path(model).name,
        **_description_of(predictor),
        "facts": None if predictor.info.adopted else _facts(predictor.info, bundled.find(model)),
    }
    return _described(predictor, facts)


def _described(predictor: OnnxPredictor, facts: dict[str, Any]) -> _Model:
    info = predictor.info
    return _Model(predictor, facts, info.threshold, info.input.size_hw, info.roll_up(), info.training)


def _description_of(predictor: OnnxPredictor) -> dict[str, Any]:
    """The description of a loaded model."""
    return {
        "name": predictor.name,
        "sha256": predictor.sha256,
        "engine": predictor.engine,
        "precision": predictor.precision,
        "calibrated": predictor.info.calibration is not None,
        "expected_iou": predictor.info.decode.expected_iou,
        "facts": predictor.info.facts.model_dump() if predictor.info.facts else None,
    }


def _checkpoint(path: Path) -> _Model:
    if not path.is_file():  # checked here, since loading PyTorch takes seconds
        raise InputError(f"{path}: no such file; expected a checkpoint of `seasift train`. Check the path.")
    require("train", "torch", "lightning", "timm")
    from seasift.models.catalog import describe
    from seasift.models.checkpoint import load_predictor as load_checkpoint

    predictor = load_checkpoint(path)
    facts = {
        "name": predictor.name,
        "file": path.name,
        "sha256": _sha256(path),
        "engine": "torch",
        "precision": "f32",
        "facts": describe(predictor.config).as_dict(),
    }
    return _Model(predictor, facts, EvaluateSettings.confidence)


def _facts(info: ModelInfo, path: Path) -> dict[str, Any]:
    """Complexity of the network, from the file; without it, the numbers that the file stores (see `onnx_weights`)."""
    if info.facts:
        return info.facts.model_dump()
    parameters, size = onnx_weights(path.read_bytes())
    return {"parameters": parameters, "bytes": size, "counted": "stored"}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
