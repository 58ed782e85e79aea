"""The model card: what a model file says about itself, for people."""

from __future__ import annotations

import json
from pathlib import Path

from seasift.core.errors import BadInput
from seasift.runtime.model_file import ModelInfo

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100")


def figures_of(report: Path) -> tuple[str, dict[str, float]]:
    """The name of the data part and the figures that a report.json of `seasift evaluate` holds.

    Raises:
        BadInput: not such a file, or one of a quick look at some pictures only.
    """
    try:
        content = json.loads(report.read_text(encoding="utf-8"))
        data, settings = content["data"], content["settings"]
        if data["pictures"] < data["of_pictures"]:
            raise BadInput(
                f"{report}: of a quick look at {data['pictures']} pictures; expected all. Evaluate without --limit"
            )
        figures = {
            f"{kind} {name}": content[kind][name]
            for kind in ("masks", "boxes")
            for name in FIGURES
            if content[kind][name] is not None
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{report}: not a report of `seasift evaluate` ({type(error).__name__}: {error}); expected its report.json"
        ) from None
    about = {"pictures": data["pictures"], "score threshold": settings["threshold"]}
    return str(data["name"]), about | figures


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
