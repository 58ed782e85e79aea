"""Check all inputs and the output folder of a survey before anything is written."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seasift.core.classes import parse_classes
from seasift.core.errors import InputError
from seasift.core.files import check_folder, resolved
from seasift.formats.exchange import registry
from seasift.formats.journal import earlier_results
from seasift.inference.image_prediction import roll_up_of
from seasift.inference.inputs import Failure, videos_of
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.survey.engine import Asked, look_of, looking_on_ray, parse_engine, require_ray
from seasift.survey.naming import Naming
from seasift.survey.navigation import Navigation, read_navigation
from seasift.survey.plan import Plan
from seasift.survey.store import NAME, Store, live_before
from seasift.survey.words import clock_time
from seasift.tracking import TrackerSettings
from seasift.video.dive import Dive, LiveDive, open_dive
from seasift.video.frames import parse_time
from seasift.video.live import without_password
from seasift.video.reading import FrameSampling

LOW = 0.5
"""An object with at least this share of the threshold still continues a track."""


@dataclass(frozen=True)
class SurveyOptions:
    """The arguments of `api.survey`; see there for meanings and defaults."""

    inputs: str | Path | Sequence[str | Path]
    output: str | Path
    recursive: bool
    every: str
    keyframes: bool
    start: str | float | None
    end: str | float | None
    start_utc: str | datetime | None
    navigation: str | Path | None
    navigation_gap: float
    model: str | Path | OnnxPredictor
    threshold: float | None
    max_objects: int | None
    classes: Sequence[str] | None
    names: str | None
    unconfirmed: bool
    formats: Sequence[str] | None
    video: bool
    raw_csv: bool
    engine: str
    precision: str
    threads: int | None
    ray_address: str | None
    ray_workers: int | None


def prepare(options: SurveyOptions, tell: Callable[[str], None]) -> tuple[Plan, list[Failure]]:
    """Check every option, open the dive and load the model.

    Args:
        tell: called with one line for each deviation during the survey.
    Returns:
        The survey, ready to run, and the inputs that are not videos.
    Raises:
        InputError: an invalid option, or no readable video.
    """
    on_ray, engine = _engine(options)
    formats = [
        registry.named(name.strip()).name
        for given in options.formats or ()
        for name in given.split(",")
        if name.strip()
    ]
    if options.threshold is not None and not 0 < options.threshold <= 1:
        raise InputError(f"--threshold {options.threshold}; expected more than 0, to 1.")
    output = Path(options.output)
    check_folder(output)
    check_unreviewed(output)
    dive, navigation, state, failures = _footage(options, on_ray)
    model = _model(options, engine)
    names = [category.name for category in model.categories]
    groups = [category.group for category in model.categories]
    classes = parse_classes(options.classes or (), names, groups=groups, option="--classes")
    rollup = roll_up_of(options.names, model.info)
    threshold = model.info.threshold if options.threshold is None else options.threshold
    tracking = TrackerSettings(start_score=threshold, low_score=round(LOW * threshold, 6))
    max_objects = options.max_objects or model.info.max_objects
    asked = Asked(tracking.low_score, max_objects, tuple(names.index(name) for name in classes))
    look = look_of(model, asked)
    looking = None
    if on_ray:
        if isinstance(options.model, OnnxPredictor):
            raise InputError("--engine ray: the model is loaded already; expected its path or name.")
        looking = looking_on_ray(
            model,
            look,
            asked,
            path=options.model,
            precision=options.precision,
            threads=options.threads,
            address=options.ray_address,
            workers=options.ray_workers,
            tell=tell,
        )
    when = options.start_utc
    plan = Plan(
        out=output,
        dive=dive,
        look=look,
        info=model.info,
        model_sha256=model.sha256,
        settings={
            "every": _every(options),
            "start_s": parse_time(options.start, "--start"),
            "end_s": parse_time(options.end, "--end"),
            "start_utc": when.isoformat() if isinstance(when, datetime) else when,
            "threshold": threshold,
            "max_objects": max_objects,
            "classes": classes or None,
            "names": "rollup" if rollup else "class",
            "engine": model.engine,
            "precision": model.precision,
            "unconfirmed": options.unconfirmed,
            "tracking": tracking.to_json(),
        },
        state=state,
        tracking=tracking,
        naming=Naming(
            model.info.class_list(), rollup, only_sure=rollup is not None and options.threshold is None
        ),
        classes=classes,
        navigation=navigation,
        unconfirmed=options.unconfirmed,
        video=options.video,
        raw_csv=options.raw_csv,
        formats=formats,
        max_in_flight=model.max_in_flight,
        looking=looking,
    )
    return plan, failures


def _model(options: SurveyOptions, engine: str) -> OnnxPredictor:
    if isinstance(options.model, OnnxPredictor):
        return options.model
    return load_predictor(
        options.model, engine=engine, precision=options.precision, threads=options.threads, throughput=True
    )


def _every(options: SurveyOptions) -> str:
    return f"{options.every} keyframes" if options.keyframes else options.every


def _engine(options: SurveyOptions) -> tuple[bool, str]:
    """Whether to use Ray, and the engine."""
    on_ray, engine = parse_engine(options.engine)
    if not on_ray and (options.ray_address or options.ray_workers):
        raise InputError("got --ray-address or --ray-workers without --engine ray. Add --engine ray.")
    if on_ray:
        require_ray()
    return on_ray, engine


def _footage(
    options: SurveyOptions, on_ray: bool
) -> tuple[Dive | LiveDive, Navigation | None, list[Any], list[Failure]]:
    """The dive, positions, the identity of its files, and inputs that are not videos."""
    every = FrameSampling.parse(_every(options))
    start_s, end_s = parse_time(options.start, "--start"), parse_time(options.end, "--end")
    start_utc = parse_utc(options.start_utc)
    navigation = (
        read_navigation(Path(options.navigation), gap_s=options.navigation_gap)
        if options.navigation
        else None
    )
    given = [options.inputs] if isinstance(options.inputs, str | Path) else options.inputs
    videos, failures, notes = videos_of(
        [str(each) for each in given], recursive=options.recursive, leave_out=resolved(Path(options.output))
    )
    before = live_before(Path(options.output) / NAME)
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


def parse_utc(text: str | datetime | None) -> datetime | None:
    """A time in ISO 8601, or a datetime; without a zone it is UTC.

    Raises:
        InputError: anything else.
    """
    if text is None:
        return None
    try:
        when = text if isinstance(text, datetime) else datetime.fromisoformat(text.strip())
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


REVIEW = "review.sqlite"
"""File of decisions of `seasift review`."""


def check_unreviewed(folder: Path) -> None:
    """Protect a person's decisions on the tracks in a folder, which a survey would replace.

    Raises:
        InputError: the folder holds decisions.
    """
    count = _decisions(folder / REVIEW)
    if count:
        raise InputError(
            f"{folder}: holds a review with {count:,} decision{'s' * (count > 1)} on its tracks, which a survey "
            f"would replace. Give another -o, or move {REVIEW} away to discard the review."
        )


def _decisions(path: Path) -> int:
    if not path.is_file():
        return 0
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as base:
        query = "SELECT COUNT(DISTINCT track) FROM decisions WHERE NOT undone"
        return int(base.execute(query).fetchone()[0])
    return 0  # not a review


def beginnings(folder: Path, dive: Dive | LiveDive, store: Store) -> Iterator[str]:
    """Lines for the user: the run resumes, starts again, or replaces results."""
    resume = store.resume()
    if store.anew:
        yield f"{folder}: settings, files or versions differ from the interrupted survey; starting again."
    elif store.complete:
        yield "all frames were evaluated before; writing the results."
    elif resume is not None:
        file = dive.videos[resume.last.video].file
        yield f"resuming from frame {resume.last.frame + 1:,} of {file} ({clock_time(resume.last.dive_s)} into the dive)."
    left = earlier_results(folder, [])
    if left:
        yield f"{folder}: holds results of an earlier run ({left}); this run replaces files of the same names."


def check_live(dive: Dive | LiveDive, *, on_ray: bool, video: bool) -> None:
    """Check the options of a live source, if the dive is one.

    Raises:
        InputError: an option needs footage that can be read again.
    """
    if not isinstance(dive, LiveDive):
        return
    for given, option, why in (
        (on_ray, "--engine ray", "one process evaluates it"),
        (video, "--video", "live footage cannot be read a second time"),
    ):
        if given:
            dive.close()
            raise InputError(
                f"{dive.videos[0].file}: a live source does not support {option}: {why}. Remove it."
            )
