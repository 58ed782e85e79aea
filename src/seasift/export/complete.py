"""Completes a model file: calibration, metrics, operating points, and statistics of reference images. Loads no PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seasift.core.calibration import Calibration
from seasift.core.errors import InputError
from seasift.core.files import write_bytes
from seasift.core.image import read_image
from seasift.data.prepared import DataSplit
from seasift.evaluation.document import Evaluation
from seasift.evaluation.intervals import group_names
from seasift.export.card import metrics_of
from seasift.inference.predictor import load_predictor, predict_with_statistics
from seasift.modelfile.info import (
    METADATA_KEY,
    CalibrationEntry,
    ImageStatisticsEntry,
    ModelInfo,
    OperatingPointsClass,
    OperatingPointsEntry,
    RollUpEntry,
    read_model_file,
)
from seasift.modelfile.onnx_file import with_metadata
from seasift.survey.drift import reference_of

MAX_IMAGES = 1200
RIGHT = 0.7
"""With this probability names of the roll-up are right, unless told otherwise."""


def complete(
    model: Path,
    out: Path,
    *,
    calibration: CalibrationEntry | None = None,
    figures: Sequence[Evaluation] = (),
    operating_points: Evaluation | None = None,
    reference: DataSplit | None = None,
    rollup: Evaluation | None = None,
    right: float = RIGHT,
    progress: Callable[[int, int], None] | None = None,
) -> ModelInfo:
    """Write a model file again, with more in its description; its graph stays as it is.

    Args:
        model: the file; `out` may be the same.
        calibration: of its raw scores, see `card.calibration_of`; its threshold becomes one of calibrated scores.
        figures: contents of report.json of `seasift evaluate`, see `card.read_report`; added to those it has.
        operating_points: content of a report.json, whose counts at each threshold go into the file.
        reference: the images that the model learned from.
        rollup: content of a report.json, on data that the model did not learn from; see `rollup_entry`.
        right: the probability with which names of the roll-up are to be right.
        progress: called with images done and in all.
    Raises:
        ModelError: not a model file. InputError: the report does not fit the model, or its scores are calibrated already.
        ImageError: of `reference`.
    """
    file = read_model_file(model)
    info = file.info if calibration is None else _with_calibration(file.info, calibration)
    changes: dict[str, Any] = {"figures": info.figures | dict(metrics_of(report) for report in figures)}
    if operating_points is not None:
        changes["counting"] = operating_points_entry(operating_points, info)
    if reference is not None:
        changes["looks"] = image_statistics_entry(reference, model, progress)
    if rollup is not None:
        changes["rollup"] = rollup_entry(rollup, info, right)
    info = info.model_copy(update=changes)
    write_bytes(out, with_metadata(file.data, METADATA_KEY, info.model_dump_json()))
    return info


def _with_calibration(info: ModelInfo, entry: CalibrationEntry) -> ModelInfo:
    if info.calibration is not None:
        raise InputError(
            f"{info.name}: its scores are calibrated already, on {info.calibration.fitted_on}; expected raw scores. "
            "Give the file before that"
        )
    threshold = float(_calibrated(np.array([info.threshold]), entry)[0])
    changes: dict[str, Any] = {"calibration": entry, "threshold": round(threshold, 6), "rollup": None}
    if info.counting is not None:
        raw = np.array(info.counting.thresholds)
        thresholds = tuple(_calibrated(raw, entry).round(6).tolist())
        # Scores of supercategories follow from several scores, so no threshold of theirs fits calibrated ones.
        changes["counting"] = info.counting.model_copy(
            update={"thresholds": thresholds, "supercategories": None}
        )
    return info.model_copy(update=changes)


def operating_points_entry(report: Evaluation, info: ModelInfo) -> OperatingPointsEntry:
    """The counts of a report, in the order of the model's classes, at thresholds of the model's own scores.

    Raises:
        InputError: of another program version, without counts, or of other classes.
    """
    name, counts = report.data.name, report.counting
    if not counts or not counts.thresholds:
        raise InputError(
            f"report on {name}: it has no counts by threshold; expected one of this version of `seasift evaluate` with "
            "a --threshold of at most 0.9. Evaluate again"
        )
    rows = dict(zip(counts.names, counts.classes, strict=True))
    missing = [category.name for category in info.categories if category.name not in rows]
    if missing:
        raise InputError(
            f"report on {name}: no counts of {', '.join(missing)}; expected the model's classes. Evaluate this model"
        )
    thresholds = np.array(counts.thresholds, np.float64)
    supercategories = {
        group: OperatingPointsClass.model_validate(row) for group, row in counts.supercategories.items()
    }
    if info.calibration is not None and not report.model.calibrated:
        thresholds = _calibrated(thresholds, info.calibration)
        supercategories = {}  # their scores follow from several scores, so these thresholds are not theirs
    return OperatingPointsEntry(
        data=name,
        thresholds=tuple(thresholds.round(6).tolist()),
        classes=tuple(
            OperatingPointsClass.model_validate(rows[category.name]) for category in info.categories
        ),
        supercategories=supercategories or None,
    )


def rollup_entry(report: Evaluation, info: ModelInfo, right: float) -> RollUpEntry:
    """The thresholds of the roll-up that a report holds for a probability of being right.

    Raises:
        InputError: of another program version, of other scores or classes, or fitted for other probabilities.
    """
    name, calibrated = report.data.name, report.model.calibrated
    fitted = report.rollup.fitted if report.rollup else []
    if not fitted:
        raise InputError(
            f"report on {name}: no thresholds for the roll-up in it; expected one of this version of `seasift evaluate`. "
            "Evaluate again"
        )
    if calibrated != (info.calibration is not None):
        raise InputError(
            f"report on {name}: its scores are not those of {info.name} (calibrated: {calibrated}); expected a report "
            "of this model. Evaluate it"
        )
    names = {row.name for row in report.per_class}
    missing = [category.name for category in info.categories if category.name not in names]
    if missing:
        raise InputError(f"report on {name}: without {', '.join(missing)}; expected the model's classes.")
    by_probability = {each.probability: each.thresholds for each in fitted if each.probability is not None}
    least = next((found for key, found in by_probability.items() if abs(key - right) < 1e-9), None)
    if least is None:
        known = ", ".join(f"{key:g}" for key in by_probability)
        raise InputError(
            f"right {right:g}: the report on {name} has thresholds for {known}; expected one of these."
        )
    return RollUpEntry(
        by_class=least["class"],
        by_supercategory=least["supercategory"],
        by_object=least["object"],
        probability=right,
        fitted_on=name,
    )


def image_statistics_entry(
    split: DataSplit, model: Path, progress: Callable[[int, int], None] | None = None
) -> ImageStatisticsEntry:
    """Statistics of the images of a split; of more than 1,200 images, of 1,200 evenly spaced ones."""
    names = [image.file_name for image in split.coco.images]
    if not names:
        raise InputError(f"{split.name}: no images; expected those that the model learned from.")
    count = min(len(names), MAX_IMAGES)
    chosen = [names[index * len(names) // count] for index in range(count)]
    predictor = load_predictor(model)
    statistics = []
    for done, name in enumerate(chosen, start=1):
        pixels = read_image(split.images_dir / name)
        statistics.append(predict_with_statistics(predictor, pixels, threshold=1.0, max_objects=1)[1])
        if progress:
            progress(done, count)
    return reference_of(np.stack(statistics), group_names(chosen, split.chosen.get("group")), split.name)


def _calibrated(thresholds: Any, entry: CalibrationEntry) -> Any:
    """Scores become calibrated ones and keep their order, so the counts hold at the calibrated thresholds."""
    return Calibration(entry.a, entry.b, entry.c).apply(thresholds).astype(np.float64)
