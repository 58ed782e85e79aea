"""The model file of an adaptation and its card. Loads torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seasift.adaptation.held_out import Judgement
from seasift.adaptation.run import Adapted, Setting
from seasift.core.calibration import Calibration
from seasift.core.files import write_bytes
from seasift.evaluation.coco_metrics import Metrics
from seasift.export.card import write_card
from seasift.export.to_onnx import complexity_of, serialise
from seasift.export.training_record import training_record
from seasift.modelfile.info import CalibrationEntry, ClassEntry, ModelInfo

NOT_MEASURED = (
    "Not measured for this model, and so not in the file: operating points (intervals of counts), statistics of its training "
    "images (the drift score), thresholds of the roll-up."
)


def write_model(
    out: Path, adapted: Adapted, setting: Setting, base: ModelInfo, parent: Mapping[str, str], command: str
) -> ModelInfo:
    """Write the model file and its card, each whole or not at all.

    Threshold, decoding, number of objects, licence and credit are the base model's. So is the calibration of the scores,
    unless there were enough held-out objects to fit one.
    """
    network: Any = adapted.network
    judgement, split = adapted.judgement, setting.labels.split
    record = training_record([adapted.checkpoint], out.name)
    own = {"command": command, "adapted_share": judgement.share, "parents": [dict(parent), *_parents(base)]}
    fitted = judgement.calibration
    held_out = f"{split.name}, held out by turns"
    info = base.model_copy(
        update={
            "name": out.stem,
            "categories": tuple(ClassEntry(id=c.id, name=c.name) for c in split.coco.categories),
            "calibration": _entry(fitted, held_out) if fitted else base.calibration,
            "facts": complexity_of(network.config),
            "quantized": "",
            "training": record | own,
            "figures": {
                held_out: _figures(judgement, judgement.after),
                f"{held_out}, {parent['name']}": _figures(judgement, judgement.before),
            },
            "counting": None,
            "looks": None,
            "rollup": None,
            "attribution": base.attribution,
        }
    )
    write_bytes(out, serialise(network, info))
    write_card(out, info, about=_about(adapted, setting, base, parent["name"]))
    return info


def _parents(base: ModelInfo) -> list[Any]:
    listed = base.training.get("parents")
    return list(listed) if isinstance(listed, list) else []


def _entry(calibration: Calibration, data: str) -> CalibrationEntry:
    return CalibrationEntry(a=calibration.a, b=calibration.b, c=calibration.c, fitted_on=data)


def _figures(judgement: Judgement, metrics: Metrics) -> dict[str, float]:
    lines = {"masks": metrics.masks, "boxes": metrics.boxes}
    figures = {
        f"{kind} {name}": value
        for kind, line in lines.items()
        for name, value in line.items()
        if value is not None
    }
    return {"pictures": float(judgement.images), **figures}


def _about(adapted: Adapted, setting: Setting, base: ModelInfo, parent: str) -> str:
    judgement, labels = adapted.judgement, setting.labels
    before, after = judgement.ap(judgement.before), judgement.ap(judgement.after)
    new = f" New classes: {', '.join(labels.new)}." if labels.new else ""
    scores = (
        "Scores were calibrated on the held-out images."
        if judgement.calibration
        else f"The calibration of scores is that of {parent}; too few held-out objects to fit one."
        if base.calibration
        else "Scores are not calibrated."
    )
    return (
        f"{parent} adapted to {len(labels.split.coco.images)} labelled images of {labels.split.name}, in "
        f"{adapted.steps:,} steps; {judgement.share:.0%} of the way from its weights to the trained ones.{new}\n\n"
        f"On {judgement.images} of these images, held out by turns, AP of {judgement.kind} rose from {before:.3f} to "
        f"{after:.3f}. The turns were shorter and saw fewer images than the last training, which no image can judge. "
        f"The share was chosen on the same images, which flatters {after:.3f} a little. "
        f"Footage of other places was not measured.\n\n{scores} Its threshold is that of {parent}. {NOT_MEASURED}"
    )
