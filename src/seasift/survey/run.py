"""A whole survey: the pass over the dive, then everything that is written."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from seasift import __version__
from seasift.core.files import write_bytes, write_json
from seasift.core.image_statistics import NAMES
from seasift.formats import tracks as tracks_document
from seasift.formats.document import ModelEntry
from seasift.modelfile.info import ModelInfo
from seasift.survey import counts as counting
from seasift.survey import tables
from seasift.survey.annotated import write_video
from seasift.survey.drift import Drift, Reference
from seasift.survey.exchange import write_formats
from seasift.survey.follow import COMMIT_EVERY, follow
from seasift.survey.intervals import index_of, intervals_of
from seasift.survey.kept import Frame
from seasift.survey.looking import Look, Looking, look_here
from seasift.survey.navigation import Navigation
from seasift.survey.store import NAME, Store
from seasift.survey.tracks import entries, summaries
from seasift.tracking import Tracker, TrackerSettings
from seasift.video.dive import Dive, DiveVideo, LiveDive

COUNTS_SCHEMA = "seasift-counts/1"
NO_FIGURES = "No interval: the model carries no figures of how often it is right and what it misses."


@dataclass(frozen=True)
class Plan:
    """A survey after every check.

    Attributes:
        out: folder of the results.
        dive: opened.
        look: gives weak objects, too; called by threads.
        info: of the model file.
        model_sha256: of the model file.
        settings: JSON values that the tracks depend on besides the dive's files and the model, as the report has them.
        state: JSON values that say whether the files are those of a killed run.
        tracking: how objects are followed; `start_score` is the threshold.
        classes: names that were looked for; empty for all.
        navigation: positions.
        video: write the annotated video, too.
        formats: exchange formats to write, too.
        unconfirmed: write tracks that never count, too, into tracks.json.
        max_in_flight: images in work.
        looking: who looks at the frames; None does it with `look` in this process.
    """

    out: Path
    dive: Dive | LiveDive
    look: Look
    info: ModelInfo
    model_sha256: str
    settings: Mapping[str, Any]
    state: Any
    tracking: TrackerSettings
    classes: Sequence[str] = ()
    navigation: Navigation | None = None
    unconfirmed: bool = False
    video: bool = False
    formats: Sequence[str] = ()
    max_in_flight: int = 1
    commit_every: int = COMMIT_EVERY
    looking: Looking | None = None

    @cached_property
    def reference(self) -> Reference | None:
        """Of the training images; None if the model carries none."""
        return None if self.info.looks is None else Reference(self.info.looks)

    @property
    def threshold(self) -> float:
        """Score from which an object begins a track."""
        return self.tracking.start_score


@dataclass(frozen=True)
class Result:
    """What a survey found, but for the tracks, which are read one by one from the store.

    Attributes:
        counts: MaxN, unique objects, intervals.
        interval_note: why there are no intervals, or what they carry.
        drift: None if the model carries no looks.
        gaps: file, from, to, reason.
        first, last: frames looked at; None without any.
        written: files and the folder of images.
        notes: what exchange formats cannot hold and what had to be assumed, a line each.
        refused: a line for each exchange format that cannot hold the dive.
        rows: of counts.csv.
    """

    counts: counting.Counts
    interval_note: str
    drift: Drift | None
    gaps: list[tuple[str, float, float | None, str]]
    first: Frame | None
    last: Frame | None
    written: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def run(
    plan: Plan,
    *,
    progress: Callable[[Frame], None] | None = None,
    report: Callable[[Plan, Store, Result], Path] | None = None,
) -> Result:
    """Survey a dive and write the folder of results. After a kill the same call goes on.

    Args:
        progress: called after each frame.
        report: writes the page.
    Raises:
        InputError: the folder cannot be written to.
    """
    settings = {**plan.settings, "model": plan.model_sha256, "seasift": __version__, "state": plan.state}
    with Store(plan.out / NAME, settings) as store:
        try:
            if not store.complete:
                _pass(plan, store, progress)
        except sqlite3.Error as error:
            raise store.unusable(error) from None
        result = _result(plan, store)
        result.written.extend(_write(plan, store, result))
        if report:
            result.written.append(report(plan, store, result))
        exchanged = write_formats(plan.out / "tracks.json", plan.formats)
        result.written.extend(exchanged.files)
        result.notes.extend(exchanged.notes)
        result.refused.extend(exchanged.refused)
        if plan.video and isinstance(plan.dive, Dive):  # what was live cannot be read again
            path = plan.out / "annotated.mp4"
            result.written.append(write_video(path, plan.dive, store, plan.info.class_list()))
        store.remove()
    return result


def _pass(plan: Plan, store: Store, progress: Callable[[Frame], None] | None) -> None:
    resume = store.resume()
    if isinstance(plan.dive, LiveDive):
        if resume is None:
            store.keep_live(plan.dive)
        else:
            store.forget_open_gaps()
    tracker = (
        Tracker(plan.tracking) if resume is None else Tracker.restore(plan.tracking, resume.tracker_state)
    )
    follow(
        plan.dive,
        plan.looking or partial(look_here, plan.look, plan.max_in_flight),
        tracker,
        store,
        reference=plan.reference,
        after=None if resume is None else resume.last,
        unconfirmed=plan.unconfirmed,
        commit_every=plan.commit_every,
        progress=progress,
    )


def _result(plan: Plan, store: Store) -> Result:
    store.begin_classes()
    for summary in summaries(store):
        store.set_class(summary.track, summary.class_id, summary.number)
    counts = counting.count(store.base)
    note = _add_intervals(plan, counts)
    first, last = store.ends()
    return Result(counts, note, _drift(plan, store), store.gaps(), first, last)


def _drift(plan: Plan, store: Store) -> Drift | None:
    away = store.median_distance()
    if plan.reference is None or away is None:
        return None
    total, frames = [0.0] * len(NAMES), 0
    for looks in store.looks():
        total = [a + b for a, b in zip(total, looks, strict=True)]
        frames += 1
    return plan.reference.drift(*away, [value / frames for value in total])


def _add_intervals(plan: Plan, counts: counting.Counts) -> str:
    figures = plan.info.counting
    if figures is None:
        return NO_FIGURES
    index = index_of(figures, plan.threshold)
    if index is None:
        return (
            f"No interval: the model carries figures for thresholds from {min(figures.thresholds):g} to "
            f"{max(figures.thresholds):g}; this survey began tracks at {plan.threshold:g}."
        )
    tracks = {class_id: cell.unique for class_id, cell in counts.dive.items()}
    counts.intervals |= intervals_of(tracks, figures, index)
    return (
        f"95% intervals carry the model's precision and recall at a threshold of {figures.thresholds[index]:.3g} on "
        f"{figures.data}."
    )


def _write(plan: Plan, store: Store, result: Result) -> list[Path]:
    clock = tables.Clock(plan.dive.videos, plan.navigation)
    categories = plan.info.class_list()
    _write_images(plan.out / "pictures", store)
    header = tracks_document.make_header(
        [(category.id, category.name) for category in categories],
        [_video(video) for video in plan.dive.videos],
        model=ModelEntry(name=plan.info.name, sha256=plan.model_sha256),
        threshold=plan.threshold,
    )
    sizes = [(video.height, video.width) for video in plan.dive.videos]
    document = entries(store, categories, sizes, clock.position, unconfirmed=plan.unconfirmed)
    tracks_document.write(plan.out / "tracks.json", header, document)
    rows = tables.track_rows(summaries(store), store, categories, clock)
    tables.write_csv(plan.out / "tracks.csv", tables.TRACK_COLUMNS, rows)
    count_rows = tables.count_rows(counting.rows(result.counts, categories), store, clock)
    result.rows.extend(count_rows)
    tables.write_csv(plan.out / "counts.csv", tables.COUNT_COLUMNS, count_rows)
    write_json(plan.out / "counts.json", counts_document(plan, result, count_rows), indent=1)
    names = ["tracks.csv", "tracks.json", "counts.csv", "counts.json"]
    return [plan.out / name for name in (*names, *(["pictures"] if result.counts.dive else []))]


def counts_document(plan: Plan, result: Result, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What counts.json holds."""
    return {
        "schema": COUNTS_SCHEMA,
        "seasift": __version__,
        "model": {"name": plan.info.name, "sha256": plan.model_sha256},
        "settings": dict(plan.settings),
        "videos": [video.file for video in plan.dive.videos],
        "looked_at": {
            "frames": result.counts.frames.total(),
            "from_s": None if result.first is None else result.first.dive_s,
            "to_s": None if result.last is None else result.last.dive_s,
        },
        "gaps": [
            {"file": file, "from_s": from_s, "to_s": to_s, "reason": reason}
            for file, from_s, to_s, reason in result.gaps
        ],
        "drift": None
        if result.drift is None
        else {**asdict(result.drift), "most": list(result.drift.most), "reference": _statistics_data(plan)},
        "intervals": result.interval_note,
        "dive": [
            _without(row, ("scope", "minute", "from_s", "from_utc")) for row in rows if row["scope"] == "dive"
        ],
        "minutes": [
            _without(row, ("scope", "estimate", "low95", "high95"))
            for row in rows
            if row["scope"] == "minute"
        ],
    }


def _statistics_data(plan: Plan) -> str | None:
    return None if plan.info.looks is None else plan.info.looks.data


def _without(row: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def _write_images(folder: Path, store: Store) -> None:
    """The images of the tracks that count, and no others."""
    names = set()
    for summary in summaries(store):
        path = folder.parent / summary.image
        write_bytes(path, store.image(summary.track, summary.class_id)[1])
        names.add(path.name)
    for path in folder.glob("track-*.jpg") if folder.is_dir() else ():
        if path.name not in names:
            path.unlink()


def _video(video: DiveVideo) -> tracks_document.Video:
    return tracks_document.Video(
        file=video.file,
        width=video.width,
        height=video.height,
        offset_s=video.offset_s,
        fps=video.fps if video.fps and math.isfinite(video.fps) else None,
        frames=video.frames,
        start_utc=None if video.start_utc is None else tables.utc_text(video.start_utc),
    )
