"""The model card: what a model file says about itself, for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seasift.core.errors import BadInput
from seasift.core.files import write_text
from seasift.core.heads import HEADS
from seasift.evaluation.record import SCHEMA
from seasift.export.card_training import training_lines
from seasift.runtime.model_file import CalibrationEntry, FactsEntry, ModelInfo

KINDS = ("masks", "boxes")
CONFUSIONS = 10
_BAR = 20


def read_report(path: Path) -> dict[str, Any]:
    """The content of a report.json of `seasift evaluate`.

    Raises:
        BadInput: not such a file, or one of a quick look at some pictures only.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']!r}")
        seen, whole = content["data"]["pictures"], content["data"]["of_pictures"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{path}: not a report of `seasift evaluate` ({type(error).__name__}: {error}); expected its report.json"
        ) from None
    if seen < whole:
        raise BadInput(f"{path}: of a quick look at {seen} pictures; expected all. Evaluate without --limit")
    return content


def read_words(path: Path) -> str:
    """What a card begins with.

    Raises:
        BadInput: not a text file.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not a text file; expected Markdown in UTF-8.") from None


def figures_of(report: dict[str, Any]) -> tuple[str, dict[str, float]]:
    """The name of the data part and the 24 figures that a report holds."""
    data = report["data"]
    figures = {
        f"{kind} {name}": value for kind in KINDS for name, value in report[kind].items() if value is not None
    }
    about = {"pictures": data["pictures"], "score threshold": report["settings"]["threshold"]}
    return str(data["name"]), about | figures


def calibration_of(report: dict[str, Any], *, expected_iou: bool = False) -> CalibrationEntry:
    """The calibration that an evaluation fitted to a model's scores.

    Args:
        report: see `read_report`.
        expected_iou: of the model that the calibration is for, see `core.decode.YolactDecode`.
    Raises:
        BadInput: none was fitted, the model's scores are calibrated already, or of the other kind.
    """
    name, fitted = str(report["data"]["name"]), report["reliability"]["calibration"]
    if report["model"].get("calibrated"):
        raise BadInput(
            f"report on {name}: of a model whose scores are calibrated; expected one of raw scores. Evaluate the "
            "checkpoint"
        )
    if report["model"].get("expected_iou", False) != expected_iou:
        which = "with --expected-iou" if expected_iou else "without --expected-iou"
        raise BadInput(
            f"report on {name}: its scores are of another kind; expected those of a model file exported {which}. "
            "Export without --calibrate, evaluate that file, and export again"
        )
    if fitted is None:
        raise BadInput(
            f"report on {name}: no calibration was fitted, for too few detections are right or wrong; expected 50 of "
            "each. Evaluate on more pictures"
        )
    return CalibrationEntry(**fitted, fitted_on=name)


def write_card(model: Path, info: ModelInfo, reports: Sequence[dict[str, Any]] = (), about: str = "") -> None:
    """Write the card of a model file beside it; see `render_card`."""
    write_text(model.with_suffix(".md"), render_card(info, model.stat().st_size, reports, about))


def render_card(info: ModelInfo, size: int, reports: Sequence[dict[str, Any]] = (), about: str = "") -> str:
    """A model card in Markdown.

    Args:
        info: of the model file.
        size: of the model file in bytes.
        reports: of its evaluations, see `read_report`.
        about: Markdown to begin with; the recipe's own words where there is none.
    """
    height, width = info.input.size_hw
    training = info.training
    recipe = training.get("recipe", {})
    lines = [
        f"# Model card: {info.name}",
        "",
        about.strip() or recipe.get("about", "").strip(),
        "",
        "| | |",
        "| --- | --- |",
        f"| head | {info.head} |",
        f"| input | {height} x {width} px, RGB, {info.input.resize} |",
        *([f"| network | {_facts(info.facts)} |"] if info.facts else []),
        f"| file | {size / 1e6:.1f} MB, ONNX, {_numbers(info)} |",
        f"| classes | {', '.join(category.name for category in info.categories)} |",
        f"| default threshold | {info.threshold} |",
        f"| scores | {_scores(info)} |",
        *([f"| masks | {_masks(info)} |"] if HEADS[info.head].assemble else []),
        *_for_surveys(info),
        f"| licence | {info.licence} |",
        f"| credit | {info.attribution or 'none'} |",
        "",
        "## Training",
        "",
        *training_lines(training),
        "",
    ]
    if not reports:
        return "\n".join([*lines, "## Figures", "", *(_stored(info.figures) or ["None were measured.", ""])])
    for report in reports:
        lines += _judged(report)
    return "\n".join(lines)


def _numbers(info: ModelInfo) -> str:
    return info.quantized or ("float32, weights stored as float16" if info.half_weights else "float32")


def _facts(facts: FactsEntry) -> str:
    """What the network costs; `seasift models list` says what is counted."""
    return (
        f"{facts.parameters:,} parameters, of which {facts.trainable:,} were trained; {facts.bytes / 2**20:,.1f} MiB; "
        f"{facts.gflops:,.1f} GFLOPs a picture; {facts.priors:,} priors"
    )


def _scores(info: ModelInfo) -> str:
    if info.calibration is None:
        return "as the network gives them"
    return f"calibrated on {info.calibration.fitted_on}: a score is the probability of being right at IoU .50"


def _masks(info: ModelInfo) -> str:
    if info.decode.expected_iou:
        return "cut where the IoU to expect is largest, which multiplies the score"
    return f"pixels of a probability above {info.decode.mask_threshold:g}"


def _for_surveys(info: ModelInfo) -> list[str]:
    """What `seasift survey` takes from the file; nothing where it holds neither."""
    counting, looks = info.counting, info.looks
    return [
        *([f"| intervals of counts | from its record on {counting.data} |"] if counting else []),
        *(
            [f"| footage unlike the training data | told by {looks.pictures:,} pictures of {looks.data} |"]
            if looks
            else []
        ),
    ]


def _stored(figures: dict[str, dict[str, float]]) -> list[str]:
    """The figures in the file, where the reports that they came from are not at hand."""
    if not figures:
        return []
    rows = list(dict.fromkeys(name for column in figures.values() for name in column))
    head = ["| | " + " | ".join(figures) + " |", "| --- |" + " ---: |" * len(figures)]
    body = [
        f"| {row} | " + " | ".join(_cell(column.get(row)) for column in figures.values()) + " |"
        for row in rows
    ]
    return [*head, *body, ""]


def _judged(report: dict[str, Any]) -> list[str]:
    """One evaluation: 24 figures, classes, what is taken for what, and what scores mean."""
    data, intervals, reliability = report["data"], report["intervals"] or {}, report["reliability"]
    speed = report["speed"]
    lines = [
        f"## On {data['name']}",
        "",
        f"{data['pictures']:,} pictures, {data['objects']:,} objects, fingerprint {data['fingerprint']}; scores from "
        f"{report['settings']['threshold']:g}; {speed['engine']} {speed['precision']} on {speed['machine']}."
        + (
            f" In brackets: 95% interval over {intervals['resamples']:,} draws of {intervals['groups']} videos."
            if intervals
            else ""
        ),
        "",
        "| | masks | boxes |",
        "| --- | ---: | ---: |",
    ]
    for key in report["masks"]:
        cells = [_cell(report[kind][key]) + _interval(intervals.get(kind, {}).get(key)) for kind in KINDS]
        lines.append(f"| {key} | {' | '.join(cells)} |")
    lines += ["", "| class | objects | videos | mask AP | box AP |", "| --- | ---: | ---: | ---: | ---: |"]
    for row in report["per_class"]:
        own = intervals.get("per_class", {}).get(row["name"], {})
        cells = [_cell(row[kind]["AP"]) + _interval(own.get(kind)) for kind in KINDS]
        videos = intervals.get("class_groups", {}).get(row["name"], "")
        lines.append(f"| {row['name']} | {row['objects']} | {videos} | {' | '.join(cells)} |")
    confidence, at = report["settings"]["confidence"], report["at_confidence"]
    lines += [
        "",
        f"At scores from {confidence:g}: precision {_cell(at['precision'])}, recall {_cell(at['recall'])}. "
        f"Taken for another class most often: {_confusions(report['confusion'])}.",
        "",
        *_matrix(report["confusion"]),
        f"Expected calibration error {_cell(reliability['error'])} over {reliability['detections']:,} detections:",
        "",
        *_reliability(reliability["bins"]),
        "",
    ]
    return lines


def _confusions(confusion: dict[str, Any]) -> str:
    names, counts = confusion["classes"], confusion["counts"]
    wrong = [
        (count, f"{names[row]} for {names[column]} ({count})")
        for row, cells in enumerate(counts[:-1])
        for column, count in enumerate(cells[:-1])
        if row != column and count
    ]
    return ", ".join(text for _, text in sorted(wrong, key=lambda each: -each[0])[:CONFUSIONS]) or "none"


def _matrix(confusion: dict[str, Any]) -> list[str]:
    """How often each class (row) was found as which (column)."""
    names = [*confusion["classes"], "nothing"]
    numbers = [str(place) for place in range(1, len(names))]
    head = ["was, found as", *numbers, "not found"]
    lines = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * len(names)]
    for number, name, counts in zip([*numbers, ""], names, confusion["counts"], strict=True):
        cells = [str(count) if count else "" for count in counts]
        lines.append(f"| {f'{number} {name}'.strip()} | {' | '.join(cells)} |")
    return [*lines, ""]


def _reliability(bins: Sequence[dict[str, Any]]) -> list[str]:
    """How often detections are right, by their score; the diagram has a column for each twentieth."""
    lines = ["| score | detections | mean score | right at IoU .50 | right (█) by score (│) |"]
    lines.append("| --- | ---: | ---: | ---: | --- |")
    for each in bins:
        if each["count"]:
            bar = ["█" if place < round(_BAR * each["right"]) else "·" for place in range(_BAR)]
            bar.insert(round(_BAR * each["score"]), "│")
            lines.append(
                f"| {each['from']:.1f} to {each['to']:.1f} | {each['count']:,} | {_cell(each['score'])} "
                f"| {_cell(each['right'])} | `{''.join(bar)}` |"
            )
    return lines


def _interval(limits: list[float] | None) -> str:
    return f" [{limits[0]:.3f}, {limits[1]:.3f}]" if limits else ""


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value > 1 else f"{value:.3f}"
