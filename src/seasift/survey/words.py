"""The report's sentences and tables of facts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from seasift.modelfile.info import ModelInfo
from seasift.survey.counts import index_of
from seasift.survey.drift import UNLIKE
from seasift.survey.report_svg import TimelineSegment

if TYPE_CHECKING:
    from seasift.survey.plan import Plan, Result

_LONG_PAUSE_S = 3600.0
_RARE_S = 2.0


def number(value: float) -> str:
    """With commas."""
    return f"{value:,}"


def percent(value: float | None) -> str:
    """A share as text; a dash for None."""
    return "–" if value is None else f"{value:.0%}"


def clock_time(seconds: float) -> str:
    """`0:01:02.5`: hours, minutes, seconds on the dive's clock."""
    tenths = round(seconds * 10)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    text = f"{hours}:{minutes:02}:{rest // 10:02}"
    return text if rest % 10 == 0 else f"{text}.{rest % 10}"


def duration(seconds: float) -> str:
    """`3 d 4 h`, `1 h 02 min`, `3 min 05 s` or `4.5 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 48 * 60:
        hours = round(minutes / 60)
        return f"{hours // 24} d {hours % 24} h"
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def warnings(plan: Plan, result: Result, parts: Sequence[TimelineSegment]) -> list[str]:
    """Warnings to read before trusting a number."""
    return [
        *_about_drift(plan, result),
        *_about_model(plan, result),
        *_about_footage(plan, result, parts),
        *result.notes,
    ]


def _about_drift(plan: Plan, result: Result) -> list[str]:
    drift, looks = result.drift, plan.info.looks
    if drift is None or looks is None:
        return [
            "The model file holds no reference image statistics, so seasift cannot tell whether this footage is like the "
            "training data."
        ]
    if drift.score < UNLIKE:
        return []
    name, off = drift.most
    return [
        f"This footage is unlike the training data: drift score {drift.score:.2f}. {drift.score:.0%} of the training "
        f"videos ({looks.data}) look more like each other than this dive does. Its mean {name} is {abs(off):.1f} "
        f"standard deviations {'above' if off > 0 else 'below'} theirs. The model may be less accurate here than its "
        "metrics and the intervals say. Check the images before you use the counts."
    ]


def _about_model(plan: Plan, result: Result) -> list[str]:
    found = []
    known = result.counts.intervals or result.counts.group_intervals
    if not known and result.counts.dive:
        found.append(result.interval_note)
    doubtful = [
        plan.info.categories[class_id].name
        for class_id, interval in sorted(result.counts.intervals.items())
        if interval.precision < 0.5
    ]
    if doubtful:
        found.append(
            f"On labelled footage, fewer than half of the detections of {_list(doubtful)} were right."
        )
    return found


def _about_footage(plan: Plan, result: Result, parts: Sequence[TimelineSegment]) -> list[str]:
    found = []
    if result.gaps:
        found.append(
            f"{len(result.gaps)} part{'s' * (len(result.gaps) > 1)} of the footage could not be read; see Gaps."
        )
    pauses = [b.from_s - a.to_s for a, b in pairwise(parts)]
    if pauses and max(pauses) > _LONG_PAUSE_S:
        found.append(
            f"The files' metadata leave {duration(max(pauses))} between two files. Check that they are of one dive."
        )
    frames, looked_s = result.counts.frames.total(), sum(part.to_s - part.from_s for part in parts)
    if not frames:
        found.append("No frame was evaluated.")
    elif frames > 1 and looked_s / frames > _RARE_S:
        found.append(
            f"The survey sampled one frame in {looked_s / frames:.1f} s. It never counts an object seen in fewer than "
            f"{plan.tracking.min_hits} frames, and may count one object twice."
        )
    return found


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def figures(plan: Plan) -> dict[str, Any] | None:
    """Precision and recall of each class, used by the intervals; None without."""
    counting = plan.info.counting
    index = None if counting is None else index_of(counting, plan.class_threshold)
    if counting is None or index is None:
        return None
    rows = []
    for category, row in zip(plan.naming.categories, counting.classes, strict=True):
        found, right = row.found[index], row.right[index]
        rows.append(
            {
                "name": category.name,
                "objects": row.objects,
                "videos": row.videos,
                "found": found,
                "right": right,
                "precision": right / found if found else None,
                "recall": right / row.objects if row.objects else None,
            }
        )
    return {"data": counting.data, "threshold": counting.thresholds[index], "rows": rows}


def facts(plan: Plan) -> list[tuple[str, str]]:
    """Settings of the survey."""
    settings = plan.settings
    tracking = plan.tracking
    return [
        ("frames evaluated", _every(str(settings["every"]))),
        ("part of the dive", _part(settings)),
        ("a track begins at a score of", f"{plan.threshold:g}"),
        ("and continues from a score of", f"{tracking.low_score:g}"),
        (
            "a track counts",
            f"from {tracking.min_hits} frames and {tracking.confirm_s:g} s on",
        ),
        ("a track ends", f"after {tracking.max_age_s:g} s out of sight"),
        ("classes", ", ".join(plan.classes) or "all classes of the model"),
        ("names", _names(plan)),
        ("objects in a frame", f"at most {settings['max_objects']}"),
        ("engine", f"{settings['engine']}, {settings['precision']}"),
    ]


def _names(plan: Plan) -> str:
    rollup = plan.naming.rollup
    if rollup is None:
        return "the class of each object"
    known = plan.info.rollup
    right = "" if known is None else f"; each right in {known.probability:.0%} on {known.fitted_on}"
    rest = "" if plan.naming.only_sure else "; a track below all of them is an object"
    return f"{rollup.in_words()} (mean over the frames){rest}{right}"


def _every(every: str) -> str:
    if every.endswith(" keyframes"):
        return f"{_every(every.removesuffix(' keyframes'))}, keyframes where they are dense enough"
    if every.endswith("s"):
        return f"one in {every[:-1]} s"
    return "all" if every == "1" else f"one in {every}"


def _part(settings: Any) -> str:
    start, end = settings["start_s"], settings["end_s"]
    if start is None and end is None:
        return "all"
    return f"{clock_time(start or 0)} to {'the end' if end is None else clock_time(end)}"


def card(info: ModelInfo) -> list[tuple[str, str]]:
    """The model, in short."""
    training = info.training
    data = training.get("data")
    learnt = (
        ", ".join(f"{key}: {value}" for key, value in data.items())
        if isinstance(data, dict)
        else str(data or "")
    )
    rows = [
        ("name", info.name),
        ("trained on", learnt or "unknown"),
        (
            "scores",
            "uncalibrated"
            if info.calibration is None
            else f"calibrated on {info.calibration.fitted_on}: a score is the probability that a detection is right at IoU .50",
        ),
    ]
    for part, values in info.figures.items():
        shown = [
            f"{key} {values[key]:.3f}" for key in ("masks AP", "masks AP50", "boxes AP") if key in values
        ]
        if shown:
            rows.append((part, ", ".join(shown)))
    return [*rows, ("licence", info.licence), ("credit", info.attribution or "none")]
