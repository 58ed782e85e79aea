"""The use case of this room: `export`, from checkpoints to a model file with its card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from seasift.core.errors import InputError, require
from seasift.core.files import check_onnx_name
from seasift.data.prepared import resolve_split
from seasift.modelfile.info import ModelInfo
from seasift.recipes.recipe import recorded_recipe


def export(
    checkpoints: str | Path | Sequence[str | Path],
    *,
    output: str | Path,
    name: str | None = None,
    threshold: float = 0.3,
    mask_threshold: float | None = None,
    expected_iou: bool = False,
    figures: Sequence[str | Path] | None = None,
    calibrate: str | Path | None = None,
    reference: str | Path | None = None,
    about: str | Path | None = None,
    licence: str | None = None,
    attribution: str = "",
    hardware: str | None = None,
    half_weights: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ModelInfo:
    """Write a checkpoint as a self-describing ONNX file with a model card beside it.

    Args:
        checkpoints: best.ckpt or last.ckpt of a run; several of one network: the mean of their weights.
        output: the .onnx file.
        name: of the model; default: of its recipe.
        threshold: score that `predict` asks for by default.
        mask_threshold: a pixel belongs to an object if its probability is above this; default: 0.5.
        expected_iou: cut masks where the IoU to expect is largest; it multiplies scores.
        figures: report.json files of evaluations, for the card and the file.
        calibrate: report.json of an evaluation of the checkpoint (with `expected_iou`: of a file exported so). Scores
            become probabilities, and its record by class goes into the file for intervals of counts.
        reference: the training data, a prepared folder or a COCO file. Its image statistics tell footage unlike it.
        about: Markdown file that the card begins with.
        licence: of the weights.
        attribution: whom to credit.
        hardware: that it was trained on, where the checkpoint does not say.
        half_weights: store weights as float16.
        progress: called with images of `reference` done and in all.
    Returns:
        What the file says of itself.
    Raises:
        InputError: an option cannot be used. WeightsError: not checkpoints of one network.

    >>> seasift.export("runs/sift-m/best.ckpt", output="sift-m.onnx")
    """
    out = Path(output)
    check_onnx_name(out)
    if expected_iou and mask_threshold is not None:
        raise InputError(
            "--mask-threshold and --expected-iou both say where masks are cut; expected one of them."
        )
    require("train", "torch", "lightning", "timm", "onnx", "onnxscript")
    from seasift.export.card import calibration_of, metrics_of, read_report, read_words, write_card
    from seasift.export.complete import complete
    from seasift.export.to_onnx import LICENCE, export_checkpoint

    calibration = read_report(Path(calibrate)) if calibrate else None
    reports = [read_report(Path(path)) for path in figures or ()]
    words = read_words(Path(about)) if about else ""
    info = export_checkpoint(
        [Path(path) for path in ([checkpoints] if isinstance(checkpoints, str | Path) else checkpoints)],
        out,
        name=name,
        threshold=threshold,
        mask_threshold=0.5 if mask_threshold is None else mask_threshold,
        expected_iou=expected_iou,
        figures=dict(metrics_of(report) for report in reports),
        calibration=calibration_of(calibration, expected_iou=expected_iou) if calibration else None,
        licence=licence or LICENCE,
        attribution=attribution,
        half_weights=half_weights,
        hardware=hardware,
    )
    counts = calibration if calibration and calibration.counting else None
    if counts or reference:
        training_images = None
        if reference:
            prepared = Path(reference).is_dir()
            scheme = recorded_recipe(info.training["recipe"]).data.scheme if prepared else None
            training_images = resolve_split(
                Path(reference), scheme=scheme, split="train" if prepared else None
            )
        info = complete(out, out, operating_points=counts, reference=training_images, progress=progress)
    write_card(out, info, reports, words)
    return info
