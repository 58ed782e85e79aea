"""The model card: what a model file says about itself, for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seasift.core.errors import BadInput
from seasift.runtime.model_file import CalibrationEntry, ModelInfo

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100")


def figures_of(report: Path) -> tuple[str, dict[str, float]]:
    """The name of the data part and the figures that a report.json of `seasift evaluate` holds.

    Raises:
        BadInput: not such a file, or one of a quick look at some pictures only.
    """
    content = _read(report)
    try:
        data, settings = content["data"], content["settings"]
        figures = {
            f"{kind} {name}": content[kind][name]
            for kind in ("masks", "boxes")
            for name in FIGURES
            if content[kind][name] is not None
        }
    except (KeyError, TypeError) as error:
        raise _not_a_report(report, error) from None
    about = {"pictures": data["pictures"], "score threshold": settings["threshold"]}
    return str(data["name"]), about | figures


def calibration_of(report: Path) -> CalibrationEntry:
    """The calibration that an evaluation fitted to a model's scores.

    Raises:
        BadInput: not a report, one of a quick look, without a calibration, or of a model whose scores are
            calibrated already.
    """
    content = _read(report)
    try:
        fitted, calibrated = content["reliability"]["calibration"], content["model"].get("calibrated")
        name = str(content["data"]["name"])
    except (KeyError, TypeError) as error:
        raise _not_a_report(report, error) from None
    if calibrated:
        raise BadInput(
            f"{report}: of a model whose scores are calibrated; expected one of raw scores. Evaluate the checkpoint"
        )
    if fitted is None:
        raise BadInput(
            f"{report}: no calibration was fitted, for too few detections are right or wrong; expected 50 of each. "
            "Evaluate on more pictures"
        )
    return CalibrationEntry(**fitted, fitted_on=name)


def _read(report: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        seen, whole = content["data"]["pictures"], content["data"]["of_pictures"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _not_a_report(report, error) from None
    if seen < whole:
        raise BadInput(
            f"{report}: of a quick look at {seen} pictures; expected all. Evaluate without --limit"
        )
    return content


def _not_a_report(report: Path, error: Exception) -> BadInput:
    return BadInput(
        f"{report}: not a report of `seasift evaluate` ({type(error).__name__}: {error}); expected its report.json"
    )


def render_card(info: ModelInfo, size: int) -> str:
    """A model card in Markdown.

    Args:
        info: of the model file.
        size: of the model file in bytes.
    """
    height, width = info.input.size_hw
    training = info.training
    recipe = training.get("recipe", {})
    lines = [
        f"# Model card: {info.name}",
        "",
        f"{recipe.get('about', '').strip()}",
        "",
        "| | |",
        "| --- | --- |",
        f"| head | {info.head} |",
        f"| input | {height} x {width} px, RGB, {info.input.resize} |",
        f"| file | {size / 1e6:.1f} MB, ONNX float32 |",
        f"| classes | {', '.join(category.name for category in info.categories)} |",
        f"| default threshold | {info.threshold} |",
        f"| scores | {_scores(info)} |",
        f"| licence | {info.licence} |",
        f"| credit | {info.attribution or 'none'} |",
        "",
        "## Training",
        "",
        *(f"- {key}: {value}" for key, value in training.items() if key not in ("recipe", "data")),
        *(f"- data, {key}: {value}" for key, value in training.get("data", {}).items()),
        "",
        "The whole recipe is in the file's metadata.",
        "",
        "## Figures",
        "",
    ]
    return "\n".join(lines + (_table(info.figures) or ["None were measured.", ""]))


def _scores(info: ModelInfo) -> str:
    if info.calibration is None:
        return "as the network gives them"
    return f"calibrated on {info.calibration.fitted_on}: a score is the probability of being right at IoU .50"


def _table(figures: dict[str, dict[str, float]]) -> list[str]:
    if not figures:
        return []
    rows = list(dict.fromkeys(name for column in figures.values() for name in column))
    head = ["| | " + " | ".join(figures) + " |", "| --- |" + " ---: |" * len(figures)]
    body = [
        f"| {row} | " + " | ".join(_cell(column.get(row)) for column in figures.values()) + " |"
        for row in rows
    ]
    return [*head, *body, ""]


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1 else f"{value:.3f}"
