"""The model card in Markdown: description, training, evaluations. Loads no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seasift.core.errors import InputError
from seasift.core.files import write_text
from seasift.core.outputs import OUTPUTS
from seasift.core.rollup import RollUp
from seasift.evaluation.document import (
    ConfusionTable,
    Evaluation,
    KindIntervals,
    Reliability,
    ReliabilityBin,
)
from seasift.evaluation.runs import read_record
from seasift.evaluation.tables import ANY_OBJECT, markdown, tables_of
from seasift.modelfile.info import CalibrationEntry, ComplexityEntry, ModelInfo, RollUpEntry

_WORDS = {
    "pictures_seen": "images seen",
    "seasift": "seasift version",
    "mean_of": "runs whose weights it is the mean of",
}
_ELSEWHERE = ("recipe", "data", "before", "command", "parents")


def training_lines(training: Mapping[str, Any]) -> list[str]:
    """Markdown about a model's training: what it learned from, seed, hours, hardware and the commands in their order.

    Args:
        training: of the model file; that of another program may say anything, and an older one says less.
    """
    before = training.get("before")
    runs = [*(before if isinstance(before, list) else []), training]
    lines = _training_facts(training)
    commands = [run for run in runs if isinstance(run, dict) and run.get("command")]
    if commands:
        lines += ["", "Made by, in this order (DATA is the prepared data set):", ""]
        lines += [f"- `{_command(run)}`{_cost(run)}" for run in commands]
        if len(commands) > 1:
            lines += ["", _sum(commands)]
    return [*lines, "", "The whole recipe is in the file's metadata."]


def _command(run: Mapping[str, Any]) -> str:
    """The command of a run in the words of this version.

    Up to 0.1 the scheme was called `data.split`, and the recipes sift-s and sift-m had the default leak-free.
    """
    command = str(run["command"])
    if not command.startswith("seasift train ") or not str(run.get("seasift", "")).startswith("0.1."):
        return command
    if "data.split=" in command:
        return command.replace("--set data.split=", "--set data.scheme=")
    old_default = command.startswith("seasift train sift-")
    return f"{command} --set data.scheme=leak-free" if old_default else command


def _training_facts(training: Mapping[str, Any]) -> list[str]:
    data = training.get("data")
    lines = []
    if isinstance(data, dict):
        lines += [f"- data, {key}: {value}" for key, value in data.items()]
    elif data:
        lines.append(f"- data: {data}")
    parents = training.get("parents")
    for parent in parents if isinstance(parents, list) else []:
        if isinstance(parent, dict):
            lines.append(f"- adapted from: {parent.get('name')} (SHA-256 {parent.get('sha256')})")
    for key, value in training.items():
        if key not in _ELSEWHERE:
            of = _of_steps(training) if key == "steps" else ""
            number = f"{value:,}" if isinstance(value, int) else value
            lines.append(f"- {_WORDS.get(key, key)}: {number}{of}")
    return lines


def _of_steps(training: Mapping[str, Any]) -> str:
    try:
        most = training["recipe"]["training"]["max_steps"]
    except (KeyError, TypeError):
        return ""
    return f" of {most:,}"


def _cost(run: Mapping[str, Any]) -> str:
    parts = [f"{run[key]:,} {word}" for key, word in (("pictures_seen", "images"),) if key in run]
    parts += [f"{run['hours']:g} hours"] if "hours" in run else []
    parts += [str(run["hardware"])] if "hardware" in run else []
    return f" ({'; '.join(parts)})" if parts else ""


def _sum(runs: Sequence[Mapping[str, Any]]) -> str:
    trained = [run for run in runs if "pictures_seen" in run]
    images = sum(run["pictures_seen"] for run in trained)
    known = [run["hours"] for run in trained if "hours" in run]
    hours = f" in {sum(known):.2f} hours" if len(known) == len(trained) else ""
    return f"In all {images:,} images{hours}."


KINDS = ("masks", "boxes")
CONFUSIONS = 10


def read_report(path: Path) -> Evaluation:
    """The content of a report.json of `seasift evaluate`.

    Raises:
        InputError: not such a file, or one of only some images.
    """
    report = read_record(path)
    seen, whole = report.data.images, report.data.of_images
    if whole is None:
        raise InputError(
            f"{path}: does not say how many images there are; expected data.of_pictures. Evaluate again"
        )
    if seen < whole:
        raise InputError(
            f"{path}: an evaluation of only {seen} images; expected all. Evaluate without --limit"
        )
    return report


def read_words(path: Path) -> str:
    """What a card begins with.

    Raises:
        InputError: not a text file.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; expected Markdown in UTF-8.") from None


def metrics_of(report: Evaluation) -> tuple[str, dict[str, float]]:
    """The name of the data and the metrics of a report: COCO's 24, AP50 by supercategory and of any object, triage."""
    figures = {
        f"{kind} {name}": value
        for kind in KINDS
        for name, value in report.line(kind).items()
        if value is not None
    }
    about = {"pictures": report.data.images, "score threshold": report.settings.threshold or 0.0}
    return report.data.name, about | figures | _above_classes(report)


def _above_classes(report: Evaluation) -> dict[str, float]:
    found: dict[str, float | None] = {}
    for name, level in report.levels.items():
        for row in level.per_class:
            shown = ANY_OBJECT if name == "object" else row.name
            found |= {f"{shown}, {kind} AP50": row.line(kind)["AP50"] for kind in KINDS}
    for name, frames in report.triage.items():
        found[f"frames with {name}, recall at precision .80"] = frames.recall_at_precision_80
    return {name: value for name, value in found.items() if value is not None}


def calibration_of(report: Evaluation, *, expected_iou: bool = False) -> CalibrationEntry:
    """The calibration that an evaluation fitted to a model's scores.

    Args:
        report: see `read_report`.
        expected_iou: of the model that the calibration is for, see `core.decode.YolactDecode`.
    Raises:
        InputError: none was fitted, the model's scores are calibrated already, or of the other kind.
    """
    name, fitted = report.data.name, report.reliability.calibration if report.reliability else None
    if report.model.calibrated:
        raise InputError(
            f"report on {name}: of a model whose scores are calibrated; expected one of raw scores. Evaluate the "
            "checkpoint"
        )
    if report.model.expected_iou != expected_iou:
        which = "with --expected-iou" if expected_iou else "without --expected-iou"
        raise InputError(
            f"report on {name}: its scores are of another kind; expected those of a model file exported {which}. "
            "Export without --calibrate, evaluate that file, and export again"
        )
    if fitted is None:
        raise InputError(
            f"report on {name}: no calibration was fitted, for too few detections are right or wrong; expected 50 of "
            "each. Evaluate on more images"
        )
    return CalibrationEntry(**fitted, fitted_on=name)


def write_card(model: Path, info: ModelInfo, reports: Sequence[Evaluation] = (), about: str = "") -> None:
    """Write the card of a model file beside it; see `render_card`."""
    write_text(model.with_suffix(".md"), render_card(info, model.stat().st_size, reports, about))


def render_card(info: ModelInfo, size: int, reports: Sequence[Evaluation] = (), about: str = "") -> str:
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
        *([f"| names | {_rolled_names(info.rollup)} |"] if info.rollup else []),
        *([f"| masks | {_masks(info)} |"] if OUTPUTS[info.head].has_prototypes else []),
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
        lines += _evaluated(report)
    return "\n".join(lines)


def _numbers(info: ModelInfo) -> str:
    return info.quantized or ("float32, weights stored as float16" if info.half_weights else "float32")


def _facts(facts: ComplexityEntry) -> str:
    """What the network costs; `seasift models list` says what is counted."""
    return (
        f"{facts.parameters:,} parameters, of which {facts.trainable:,} were trained; {facts.bytes / 2**20:,.1f} MiB; "
        f"{facts.gflops:,.1f} GFLOPs an image; {facts.priors:,} priors"
    )


def _scores(info: ModelInfo) -> str:
    if info.calibration is None:
        return "as the network gives them"
    return f"calibrated on {info.calibration.fitted_on}: a score is the probability of being right at IoU .50"


def _rolled_names(entry: RollUpEntry) -> str:
    thresholds = RollUp(entry.by_class, entry.by_supercategory, entry.by_object)
    return f"{thresholds.in_words()}; each right in {entry.probability:.0%} on {entry.fitted_on}"


def _masks(info: ModelInfo) -> str:
    if info.decode.expected_iou:
        return "cut where the IoU to expect is largest, which multiplies the score"
    return f"pixels of a probability above {info.decode.mask_threshold:g}"


def _for_surveys(info: ModelInfo) -> list[str]:
    """What `seasift survey` takes from the file; nothing where it holds neither."""
    points, reference = info.counting, info.looks
    return [
        *([f"| intervals of counts | from its record on {points.data} |"] if points else []),
        *(
            [
                f"| footage unlike the training data | recognised by {reference.pictures:,} images of {reference.data} |"
            ]
            if reference
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


def _evaluated(report: Evaluation) -> list[str]:
    """One evaluation: 24 metrics, classes, confusions, and reliability of scores."""
    data, settings, intervals, speed = report.data, report.settings, report.intervals, report.speed
    limits = intervals.limits if intervals else KindIntervals()
    unit = intervals.unit if intervals else "video"
    on = f"; {speed.engine} {speed.precision} on {speed.machine}" if speed else ""
    lines = [
        f"## On {data.name}",
        "",
        f"{data.images:,} images, {data.objects:,} objects, fingerprint {data.fingerprint}; scores from "
        f"{settings.threshold or 0:g}{on}."
        + (
            f" In brackets: 95% interval over {intervals.resamples:,} draws of {intervals.groups} {unit}s."
            if intervals
            else ""
        ),
        "",
        "| | masks | boxes |",
        "| --- | ---: | ---: |",
    ]
    for key in report.masks:
        cells = [_cell(report.line(kind)[key]) + _interval(limits.of_metric(kind, key)) for kind in KINDS]
        lines.append(f"| {key} | {' | '.join(cells)} |")
    for table in tables_of(report):
        lines += ["", f"{table.title}:", "", *markdown(table)]
    lines += ["", f"| class | objects | {unit}s | mask AP | box AP |", "| --- | ---: | ---: | ---: | ---: |"]
    for row in report.per_class:
        cells = [_cell(row.line(kind)["AP"]) + _interval(limits.of_class(row.name, kind)) for kind in KINDS]
        groups = intervals.class_groups.get(row.name, "") if intervals else ""
        lines.append(f"| {row.name} | {row.objects} | {groups} | {' | '.join(cells)} |")
    return [*lines, "", *_at_confidence(report), *_scores_of(report.reliability)]


def _at_confidence(report: Evaluation) -> list[str]:
    """Confusions of objects with a score that is high enough to show."""
    at, confusion = report.at_confidence, report.confusion
    said = (
        f"At scores from {report.settings.confidence or 0:g}: precision {_cell(at.get('precision'))}, "
        f"recall {_cell(at.get('recall'))}."
    )
    if confusion is None:
        return [said, ""]
    return [
        f"{said} Taken for another class most often: {_confusions(confusion)}.",
        "",
        *_matrix(confusion),
    ]


def _scores_of(reliability: Reliability | None) -> list[str]:
    if reliability is None:
        return []
    return [
        f"Expected calibration error {_cell(reliability.error)} over {reliability.detections:,} detections:",
        "",
        *_reliability(reliability.bins),
        "",
    ]


def _confusions(confusion: ConfusionTable) -> str:
    names, counts = confusion.classes, confusion.counts
    wrong = [
        (count, f"{names[row]} for {names[column]} ({count})")
        for row, cells in enumerate(counts[:-1])
        for column, count in enumerate(cells[:-1])
        if row != column and count
    ]
    return ", ".join(text for _, text in sorted(wrong, key=lambda each: -each[0])[:CONFUSIONS]) or "none"


def _matrix(confusion: ConfusionTable) -> list[str]:
    """How often each class (row) was found as which (column)."""
    names = [*confusion.classes, "nothing"]
    numbers = [str(index) for index in range(1, len(names))]
    head = ["was, found as", *numbers, "not found"]
    lines = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * len(names)]
    for number, name, counts in zip([*numbers, ""], names, confusion.counts, strict=True):
        cells = [str(count) if count else "" for count in counts]
        lines.append(f"| {f'{number} {name}'.strip()} | {' | '.join(cells)} |")
    return [*lines, ""]


def _reliability(bins: Sequence[ReliabilityBin]) -> list[str]:
    """How often detections are right, by their score; the page of the card draws it."""
    lines = ["| score | detections | mean score | right at IoU .50 |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {each.from_:.1f} to {each.to:.1f} | {each.count:,} | {_cell(each.score)} | {_cell(each.right)} |"
        for each in bins
        if each.count
    ]
    return lines


def _interval(limits: Sequence[float] | None) -> str:
    return f" [{limits[0]:.3f}, {limits[1]:.3f}]" if limits else ""


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value > 1 else f"{value:.3f}"
