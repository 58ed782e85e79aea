"""`survey`: a dive from its videos to tracks, counts and a report."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

from seasift.formats.tracks import TrackEntry, TracksDocument
from seasift.inference.predictor import OnnxPredictor
from seasift.survey.counts import limits
from seasift.survey.kept import Frame
from seasift.survey.plan import Plan, Result
from seasift.survey.prepare import SurveyOptions, prepare
from seasift.survey.report import write_report
from seasift.survey.run import run
from seasift.video.dive import Dive, LiveDive
from seasift.video.frames import Gap


@dataclass(frozen=True)
class ClassCount:
    """Counts of one class or supercategory in the dive, or in one of its minutes: a row of counts.csv.

    Attributes:
        name, category_id: name and id of the class; a supercategory has no id.
        unique: tracks seen in that time.
        maxn: the largest number in one frame, given by `maxn_video`, `maxn_frame` and `maxn_s` (dive's clock).
        new: tracks first seen in that time.
        estimate, low95, high95: number of objects present, with its 95% interval; None for a minute, and if the model
            has no error rates.
        frames: evaluated in that time.
        minute: from 0, on the dive's clock; None for the dive.
        from_s, from_utc: start of the minute or dive.
        level: "class" or "supercategory".
    """

    name: str
    category_id: int | None
    unique: int
    maxn: int
    maxn_s: float
    maxn_video: str
    maxn_frame: int
    new: int
    frames: int
    estimate: int | None = None
    low95: int | None = None
    high95: int | None = None
    minute: int | None = None
    from_s: float | None = None
    from_utc: str | None = None
    level: str = "class"

    @property
    def interval(self) -> str | None:
        """`low95` and `high95` in words; None without. A meaningless limit is omitted."""
        if self.low95 is None or self.high95 is None:
            return None
        return limits(self.low95, self.high95, self.unique)


@dataclass(frozen=True)
class SurveyResult:
    """The result of a survey.

    Attributes:
        output: the folder of results.
        model: name of the model.
        supercategories: counts of the dive by supercategory; only those that were seen. With rolled-up names, a track that
            is no more than "trash" counts here and under no class; "object" has those whose supercategory is uncertain. Empty
            if names of classes tell no supercategory.
        counts: counts of the dive by class name; only classes that were seen.
        minutes: counts by minute and class; only classes that were seen.
        supercategory_minutes: counts by minute and supercategory.
        frames: number of evaluated frames.
        interval_note: source of the intervals, or why there are none.
        gaps: parts of the footage that could not be read.
        written: the files written and the folder of images.
        warnings: one line for each skipped input, for each exchange format that cannot hold the dive, and for each
            deviation from the request.
        complete: whether everything was read and written.
    """

    output: Path
    model: str
    supercategories: Mapping[str, ClassCount]
    counts: Mapping[str, ClassCount]
    minutes: Sequence[ClassCount]
    supercategory_minutes: Sequence[ClassCount]
    frames: int
    interval_note: str
    gaps: Sequence[Gap]
    written: Sequence[Path]
    warnings: Sequence[str]
    complete: bool

    @property
    def unique(self) -> int:
        """Number of all counted tracks."""
        return sum(count.unique for count in (self.supercategories or self.counts).values())

    @cached_property
    def tracks(self) -> tuple[TrackEntry, ...]:
        """The counted tracks, in order of appearance; read from tracks.json at the first use."""
        document = TracksDocument.model_validate_json((self.output / "tracks.json").read_bytes())
        return tuple(track for track in document.tracks if track.confirmed)


def survey(
    inputs: str | Path | Sequence[str | Path],
    *,
    output: str | Path,
    recursive: bool = False,
    every: str = "0.5s",
    keyframes: bool = False,
    start: str | float | None = None,
    end: str | float | None = None,
    start_utc: str | datetime | None = None,
    navigation: str | Path | None = None,
    navigation_gap: float = 60.0,
    model: str | Path | OnnxPredictor = "default",
    threshold: float | None = None,
    max_objects: int | None = None,
    classes: Sequence[str] | None = None,
    names: str | None = None,
    unconfirmed: bool = False,
    formats: Sequence[str] | None = None,
    video: bool = False,
    raw_csv: bool = False,
    engine: str = "local",
    precision: str = "auto",
    threads: int | None = None,
    ray_address: str | None = None,
    ray_workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    warn: Callable[[str], None] | None = None,
) -> SurveyResult:
    """Track and count the objects of a dive; write tables, images and a report.

    After an interruption, the same call resumes. A live source ends at `end` or at Ctrl-C.

    Args:
        inputs: videos of one dive in order, folders or globs; or one live source (rtsp://...).
        output: folder for the results.
        recursive: search subfolders of folders.
        every: frames to evaluate: "0.5s" for two per second, "3" for every third, "1" for all.
        keyframes: take the first keyframe of each `every`, if there is one; little else is decoded.
        start, end: seconds on the dive's clock, or text such as "1:02:03".
        start_utc: when the dive began, as "2026-05-01T12:30:00Z"; default: from the files.
        navigation: positions by time: CSV, GPX or NMEA.
        navigation_gap: longest gap between fixes to interpolate over, seconds.
        model: a model file, the name of a bundled model, or a loaded model, with its own engine and precision.
        threshold: minimum score to begin a track; default: the model's.
        max_objects: maximum per frame; default: the model's.
        classes: find only these classes.
        names: "class"; or "rollup": the class of a track if it is certain enough, else "trash", "animal" ..., else "object".
            Default: "rollup" if the model has thresholds for it.
        unconfirmed: also write tracks that are too short to count into tracks.json.
        formats: additional exchange formats, named as in `seasift convert`.
        video: also write annotated.mp4.
        raw_csv: leave texts in CSV as they are; by default those that a spreadsheet would compute get an apostrophe.
        engine: openvino, onnxruntime or onnxruntime-cuda in this process (local); "ray", or "ray:onnxruntime", on a
            cluster.
        precision: "auto", "f32", "bf16" or "f16".
        threads: CPU threads; on Ray, of each worker. Default: the engine's choice; on Ray, 1.
        ray_address: address of a cluster; default: this machine.
        ray_workers: maximum number of workers; default: as many as fit.
        progress: called with the seconds of the dive done, and all its seconds.
        warn: called with each warning at once; the result contains all of them.
    Raises:
        InputError: an invalid option, or no readable video. Nothing is written then.

    >>> dive = seasift.survey("dive.mp4", output="dive-survey")
    >>> {name: count.unique for name, count in dive.counts.items()}
    """
    given = locals()
    warnings: list[str] = []

    def tell(line: str) -> None:
        warnings.append(line)
        if warn:
            warn(line)

    options = SurveyOptions(**{field.name: given[field.name] for field in fields(SurveyOptions)})
    plan, failures = prepare(options, tell)
    for failure in failures:
        tell(failure.error)

    def note(line: str) -> None:
        tell(f"note: {line}")

    with ending_by_key(plan.dive, tell):
        shown = _in_seconds(plan, progress) if progress else None
        result = run(plan, progress=shown, report=write_report, tell=note)
    for line in (*(f"note: {note}" for note in result.notes), *result.refused):
        tell(line)
    return _public(plan, result, warnings, complete=not (failures or result.gaps or result.refused))


def _public(plan: Plan, result: Result, warnings: Sequence[str], *, complete: bool) -> SurveyResult:
    return SurveyResult(
        output=plan.out,
        model=plan.info.name,
        supercategories=_by_name(result.rows, "supercategory"),
        counts=_by_name(result.rows, "class"),
        minutes=_minutes(result.rows, "class"),
        supercategory_minutes=_minutes(result.rows, "supercategory"),
        frames=result.counts.frames.total(),
        interval_note=result.interval_note,
        gaps=[Gap(*gap) for gap in result.gaps],
        written=result.written,
        warnings=warnings,
        complete=complete,
    )


def _by_name(rows: Sequence[Mapping[str, Any]], level: str) -> dict[str, ClassCount]:
    return {row["name"]: _count(row) for row in rows if row["scope"] == "dive" and row["level"] == level}


def _minutes(rows: Sequence[Mapping[str, Any]], level: str) -> list[ClassCount]:
    return [_count(row) for row in rows if row["scope"] == "minute" and row["level"] == level]


def _count(row: Mapping[str, Any]) -> ClassCount:
    return ClassCount(**{key: value for key, value in row.items() if key != "scope"})


def _in_seconds(plan: Plan, show: Callable[[int, int], None]) -> Callable[[Frame], None]:
    start_s = plan.settings["start_s"] or 0.0
    length_s = _length_s(plan.dive, start_s, plan.settings["end_s"])

    def progress(frame: Frame) -> None:
        done = round(frame.dive_s - start_s)
        show(done, max(round(length_s), done + 1))

    return progress


def _length_s(dive: Dive | LiveDive, start_s: float, end_s: float | None) -> float:
    if isinstance(dive, LiveDive):
        return end_s or 0.0
    ends = [video.offset_s + (video.duration_s or 0.0) for video in dive.videos]
    return max(0.0, min([max(ends), *([end_s] if end_s is not None else [])]) - start_s)


@contextmanager
def ending_by_key(dive: Dive | LiveDive, tell: Callable[[str], None]) -> Iterator[None]:
    """End a live source at the first Ctrl-C or SIGTERM, so that the frames until then are written.

    The next one stops the program. Outside the main thread, Python delivers no signals: the source ends by itself or by
    `--end`.

    Args:
        tell: called with one line when the source ends.
    """
    if not isinstance(dive, LiveDive):
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def end(_number: int, _frame: FrameType | None) -> None:
        restore()
        tell("the live source has ended; writing the results")
        dive.close()

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        restore()
        dive.close()
