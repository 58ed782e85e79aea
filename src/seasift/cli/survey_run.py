"""What `seasift survey` checks before anything is written, and what it says when it is done."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seasift.cli.options import check_folder
from seasift.cli.survey_engine import Asked, look_of, looking_on_ray, parse_engine, require_ray
from seasift.cli.survey_live import check_live, ending_by_key
from seasift.cli.terminal import progress_bar
from seasift.core.classes import parse_classes
from seasift.core.errors import InputError
from seasift.formats.exchange import registry
from seasift.inference.inputs import Failure
from seasift.inference.predictor import load_predictor
from seasift.survey.beginnings import check_unreviewed
from seasift.survey.kept import Frame
from seasift.survey.navigation import Navigation
from seasift.survey.navigation_file import read_navigation
from seasift.survey.report import write_report
from seasift.survey.run import Plan, Result, run
from seasift.survey.store import NAME, live_before
from seasift.tracking import TrackerSettings
from seasift.video.dive import Dive, LiveDive, open_dive
from seasift.video.live import without_password
from seasift.video.reading import FrameSampling
from seasift.video.recordings import videos_of

LOW = 0.5
"""An object with at least this share of the threshold still prolongs a track."""


@dataclass(frozen=True)
class Options:
    """The command line's options, as given."""

    inputs: tuple[str, ...]
    output: Path
    every: str = "0.5s"
    start: str | None = None
    end: str | None = None
    start_utc: str | None = None
    navigation: Path | None = None
    navigation_gap: float = 60.0
    model: str = "default"
    threshold: float | None = None
    max_objects: int | None = None
    classes: tuple[str, ...] = ()
    unconfirmed: bool = False
    video: bool = False
    formats: tuple[str, ...] = ()
    engine: str = "openvino"
    precision: str = "auto"
    threads: int | None = None
    ray_address: str | None = None
    ray_workers: int | None = None


def run_survey(options: Options) -> bool:
    """Survey a dive, write, and tell on standard error what was done; whether something could not be read.

    Raises:
        InputError: a bad option, or no file that can be opened; nothing is written then.
    """
    plan, failures = prepare(options)
    for failure in failures:
        print(f"seasift: {failure.error}", file=sys.stderr)
    length_s = _length_s(plan.dive, plan.settings["start_s"], plan.settings["end_s"])
    with progress_bar("surveying") as progress, ending_by_key(plan.dive):
        show = _progress(progress, plan.settings["start_s"] or 0.0, length_s)
        result = run(plan, progress=show, report=write_report, tell=_say)
    _tell(plan, result)
    return bool(failures or result.gaps or result.refused)


def _say(line: str) -> None:
    print(f"note: {line}", file=sys.stderr)


def prepare(options: Options) -> tuple[Plan, list[Failure]]:
    """Check every option, open the dive and load the model; gives inputs that are no videos, too.

    Raises:
        InputError: an option that is wrong, or no input is a video that can be opened.
    """
    on_ray, engine = _engine(options)
    formats = [
        registry.named(name.strip()).name
        for given in options.formats
        for name in given.split(",")
        if name.strip()
    ]
    if options.threshold is not None and not 0 < options.threshold <= 1:
        raise InputError(f"--threshold {options.threshold}; expected more than 0, to 1.")
    check_folder(options.output)
    check_unreviewed(options.output)
    dive, navigation, state, failures = _footage(options, on_ray)
    model = load_predictor(
        options.model,
        engine=engine,
        precision=options.precision,
        threads=options.threads,
        throughput=True,
    )
    names = [category.name for category in model.categories]
    classes = parse_classes(options.classes, names, option="--classes")
    threshold = model.info.threshold if options.threshold is None else options.threshold
    tracking = TrackerSettings(start_score=threshold, low_score=round(LOW * threshold, 6))
    max_objects = options.max_objects or model.info.max_objects
    asked = Asked(tracking.low_score, max_objects, tuple(names.index(name) for name in classes))
    look = look_of(model, asked)
    plan = Plan(
        out=options.output,
        dive=dive,
        look=look,
        info=model.info,
        model_sha256=model.sha256,
        settings={
            "every": options.every,
            "start_s": parse_time(options.start, "--start"),
            "end_s": parse_time(options.end, "--end"),
            "start_utc": options.start_utc,
            "threshold": threshold,
            "max_objects": max_objects,
            "classes": classes or None,
            "engine": model.engine,
            "precision": model.precision,
            "unconfirmed": options.unconfirmed,
            "tracking": tracking.to_json(),
        },
        state=state,
        tracking=tracking,
        classes=classes,
        navigation=navigation,
        unconfirmed=options.unconfirmed,
        video=options.video,
        formats=formats,
        max_in_flight=model.max_in_flight,
        looking=looking_on_ray(options, model, look, asked) if on_ray else None,
    )
    return plan, failures


def _engine(options: Options) -> tuple[bool, str]:
    """Whether Ray does it, and the engine."""
    on_ray, engine = parse_engine(options.engine)
    if not on_ray and (options.ray_address or options.ray_workers):
        raise InputError("--ray-address or --ray-workers without --engine ray; give that, too.")
    if on_ray:
        require_ray()
    return on_ray, engine


def _footage(
    options: Options, on_ray: bool
) -> tuple[Dive | LiveDive, Navigation | None, list[Any], list[Failure]]:
    """The dive, positions, what tells its files from others, and inputs that are no videos."""
    every = FrameSampling.parse(options.every)
    start_s, end_s = parse_time(options.start, "--start"), parse_time(options.end, "--end")
    start_utc = parse_utc(options.start_utc)
    navigation = (
        read_navigation(options.navigation, gap_s=options.navigation_gap) if options.navigation else None
    )
    videos, failures, notes = videos_of(options.inputs, leave_out=options.output.resolve())
    before = live_before(options.output / NAME)
    dive = open_dive(videos, every=every, start_s=start_s, end_s=end_s, start_utc=start_utc, before=before)
    for note in notes:
        dive.note(note)
    check_live(dive, on_ray=on_ray, video=options.video)
    _check_start(dive, start_s or 0.0)
    if navigation and not navigation.on_dive_clock and dive.videos[0].start_utc is None:
        raise InputError(
            f"{options.navigation}: has times in UTC, but it is not known when the dive began: "
            f"{dive.videos[0].file} does not say. Give --start-utc."
        )
    if navigation and navigation.of_day and dive.videos[0].start_utc is not None:
        navigation = navigation.on_day(dive.videos[0].start_utc)
    live = isinstance(dive, LiveDive)
    state = [without_password(str(videos[0]))] if live else [_state(path) for path in videos]
    return dive, navigation, state, failures


def parse_time(text: str | None, option: str) -> float | None:
    """`90`, `90s`, `1:30` or `1:02:03.5` in seconds.

    Raises:
        InputError: anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)\s*s?", text.strip())
    if match is None:
        raise InputError(
            f"{option} {text!r}; expected seconds as 90, or minutes and hours as 1:30 or 1:02:03."
        )
    return 3600 * int(match[1] or 0) + 60 * int(match[2] or 0) + float(match[3])


def parse_utc(text: str | None) -> datetime | None:
    """A time in ISO 8601; without a zone it is UTC.

    Raises:
        InputError: anything else.
    """
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text.strip())
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InputError(f"--start-utc {text!r}; expected a time such as 2026-05-01T12:30:00Z.") from None


def _check_start(dive: Dive | LiveDive, start_s: float) -> None:
    ends = [
        video.offset_s + video.duration_s if video.duration_s is not None else math.inf
        for video in dive.videos
    ]
    if isinstance(dive, Dive) and start_s >= max(ends) and start_s >= dive.end_s():
        raise InputError(f"--start {start_s:g} s: the dive ends at {dive.end_s():.2f} s; expected less.")


def _state(path: Path | str) -> list[Any]:
    path = Path(path)
    try:
        status = path.stat()
    except OSError:
        return [path.as_posix(), None, None]
    return [path.as_posix(), status.st_size, status.st_mtime_ns]


def _length_s(dive: Dive | LiveDive, start_s: float | None, end_s: float | None) -> float:
    if isinstance(dive, LiveDive):
        return end_s or 0.0
    ends = [video.offset_s + (video.duration_s or 0.0) for video in dive.videos]
    return max(0.0, min([max(ends), *([end_s] if end_s is not None else [])]) - (start_s or 0.0))


def _progress(show: Callable[[int, int], None], start_s: float, length_s: float) -> Callable[[Frame], None]:
    def progress(frame: Frame) -> None:
        done = round(frame.dive_s - start_s)
        show(done, max(round(length_s), done + 1))

    return progress


def _tell(plan: Plan, result: Result) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    if result.counts.dive:
        table = Table("class", box=None, pad_edge=False)
        for column in ("unique", "95% interval", "MaxN"):
            table.add_column(column, justify="right")
        for class_id, cell in result.counts.dive.items():
            interval = result.counts.intervals.get(class_id)
            limits = interval.limits(cell.unique) if interval else "none"
            name = plan.info.categories[class_id].name
            table.add_row(name, f"{cell.unique:,}", limits, f"{cell.maxn:,}")
        console.print(table)
    for file, from_s, to_s, reason in result.gaps:
        end = "the end" if to_s is None else f"{to_s:.2f} s"
        console.print(f"{file}: nothing from {from_s:.2f} s to {end}: {reason}")
    if result.counts.dive:
        console.print(result.interval_note)
    if result.first is None:
        console.print(
            "no frame was looked at: --start and --end leave nothing of the dive, or nothing could be read"
        )
    unique = sum(cell.unique for cell in result.counts.dive.values())
    console.print(f"{result.counts.frames.total():,} frames, {unique:,} objects (model {plan.info.name})")
    for line in result.refused:
        console.print(line)
    for line in result.notes:
        console.print(f"note: {line}")
    console.print("written: " + ", ".join(str(path) for path in result.written))
