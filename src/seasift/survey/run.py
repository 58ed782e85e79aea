"""Run a whole survey: the pass over the dive, then all files: tables, annotated video, other tools' formats."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seasift import __version__
from seasift.core.errors import InputError
from seasift.core.files import resolved, write_bytes, write_json
from seasift.core.instances import Instances
from seasift.core.masks import from_coco
from seasift.core.types import SizeHW
from seasift.formats import tracks as tracks_document
from seasift.formats.document import ModelEntry
from seasift.formats.exchange import registry
from seasift.formats.exchange.convert import convert
from seasift.formats.journal import earlier_results
from seasift.inference.predictor import NAMES
from seasift.inference.stream import ending
from seasift.modelfile.info import OperatingPointsEntry
from seasift.survey import counts as counting
from seasift.survey import tables
from seasift.survey.counts import index_of, intervals_of
from seasift.survey.drift import Drift
from seasift.survey.follow import follow, look_here
from seasift.survey.kept import Frame, Seen
from seasift.survey.naming import Naming
from seasift.survey.plan import Plan, Result
from seasift.survey.prepare import beginnings, check_unreviewed
from seasift.survey.store import NAME, Store
from seasift.survey.tables import placing_notes
from seasift.survey.tracks import entries, summaries
from seasift.tracking import Tracker
from seasift.video.dive import Dive, DiveVideo, LiveDive
from seasift.video.writing import writing_video
from seasift.viz.drawing import draw

COUNTS_SCHEMA = "seasift-counts/1"
_GROUPS = 10_000
"""First number of the random numbers of supercategories; those of classes are smaller."""
NO_FIGURES = "No interval: the model has no precision and recall."


def run(
    plan: Plan,
    *,
    progress: Callable[[Frame], None] | None = None,
    report: Callable[[Plan, Store, Result], Path] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Result:
    """Survey a dive and write the folder of results. After a kill, the same call resumes.

    Args:
        progress: called after each frame.
        report: writes the page.
        tell: called with a line on whether the run begins, resumes, or starts again.
    Raises:
        InputError: the folder cannot be written to, or holds a person's decisions on tracks of an earlier survey.
    """
    check_unreviewed(plan.out)
    settings = {**plan.settings, "model": plan.model_sha256, "seasift": __version__, "state": plan.state}
    with Store(plan.out / NAME, settings) as store:
        try:
            for line in beginnings(plan.out, plan.dive, store):
                tell(line)
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
        if plan.video and isinstance(plan.dive, Dive):  # live footage cannot be read again
            path = plan.out / "annotated.mp4"
            result.written.append(write_video(path, plan.dive, store, plan.naming))
        store.remove()
    left = earlier_results(plan.out, result.written)
    if left:
        result.notes.append(f"{plan.out}: holds results of an earlier run, too: {left}.")
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
    naming = plan.naming
    if naming.only_sure:
        unsure = [each.track for each in summaries(store, naming) if not naming.counts(each.name)]
        store.unconfirm(unsure)
    for summary in summaries(store, naming):
        name = summary.name
        store.set_class(
            summary.track, name.class_id, summary.number, name_id=name.name_id, group_id=name.group_id
        )
    counts = counting.count(store.base)
    note = _add_intervals(plan, counts)
    first, last = store.ends()
    notes = list(dict.fromkeys([*store.notes(), *plan.dive.notes, *placing_notes(plan, store)]))
    return Result(counts, note, _drift(plan, store), store.gaps(), first, last, notes=notes)


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
    index = index_of(figures, plan.class_threshold)
    if index is None:
        what = "began tracks" if plan.naming.rollup is None else "names classes"
        return (
            f"No interval: the model has metrics for thresholds from {min(figures.thresholds):g} to "
            f"{max(figures.thresholds):g}; this survey {what} at {plan.class_threshold:g}."
        )
    classes = len(plan.naming.categories)
    tracks = {index: cell.unique for index, cell in counts.dive.items() if index < classes}
    counts.intervals |= intervals_of(tracks, figures.classes, index)
    of_groups = _add_group_intervals(plan, counts, figures)
    if counts.dive and not counts.intervals and not counts.group_intervals:
        return "No interval: no track is named by its class, and the model has no precision and recall of supercategories."
    return (
        f"95% intervals include the model's precision and recall at a threshold of {figures.thresholds[index]:.3g}"
        f"{of_groups} on {figures.data}."
    )


def _add_group_intervals(plan: Plan, counts: counting.Counts, figures: OperatingPointsEntry) -> str:
    """Intervals of supercategories, where names are rolled up and the model has metrics of these; the threshold in words."""
    rollup, known = plan.naming.rollup, figures.supercategories or {}
    if rollup is None or not known:
        return ""
    # A track counts for a supercategory if it is named by one of its classes or by itself.
    index = index_of(figures, max(plan.threshold, min(rollup.by_class, rollup.by_supercategory)))
    if index is None:
        return ""
    names, groups = list(known), plan.naming.groups
    tracks = {names.index(groups[g]): cell.unique for g, cell in counts.groups.items() if groups[g] in known}
    found = intervals_of(tracks, list(known.values()), index, first_stream=_GROUPS)
    counts.group_intervals |= {groups.index(names[key]): interval for key, interval in found.items()}
    return f" (of supercategories {figures.thresholds[index]:.3g})"


def _write(plan: Plan, store: Store, result: Result) -> list[Path]:
    clock = tables.DiveClock(plan.dive.videos, plan.navigation)
    naming, categories = plan.naming, plan.naming.categories
    _write_images(plan.out / "pictures", store, naming)
    header = tracks_document.make_header(
        [(category.id, category.name) for category in categories],
        [_video(video, plan) for video in plan.dive.videos],
        model=ModelEntry(name=plan.info.name, sha256=plan.model_sha256),
        threshold=plan.threshold,
        names="rollup" if naming.rollup else None,
    )
    sizes = [(video.height, video.width) for video in plan.dive.videos]
    document = entries(store, naming, sizes, clock.position, unconfirmed=plan.unconfirmed)
    tracks_document.write(plan.out / "tracks.json", header, document)
    rows = tables.track_rows(summaries(store, naming), store, naming, clock)
    tables.write_csv(plan.out / "tracks.csv", tables.track_columns(naming), rows, raw=plan.raw_csv)
    count_rows = tables.count_rows(counting.rows(result.counts, naming), store, clock)
    result.rows.extend(count_rows)
    searched = [each for each in categories if not plan.classes or each.name in plan.classes]
    unseen = tables.zero_rows(count_rows, searched, naming, result.counts.frames.total())
    tables.write_csv(plan.out / "counts.csv", tables.COUNT_COLUMNS, [*count_rows, *unseen], raw=plan.raw_csv)
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
        "notes": result.notes,
        "drift": None
        if result.drift is None
        else {**asdict(result.drift), "most": list(result.drift.most), "reference": _statistics_data(plan)},
        "intervals": result.interval_note,
        "rollup": asdict(plan.naming.rollup) if plan.naming.rollup else None,
        **_counted(rows, "supercategory", "supercategories", "supercategory_minutes"),
        **_counted(rows, "class", "dive", "minutes"),
    }


def _counted(rows: Sequence[Mapping[str, Any]], level: str, dive: str, minutes: str) -> dict[str, Any]:
    """The rows of classes or of supercategories, those of the dive and those of its minutes."""
    own = [row for row in rows if row["level"] == level]
    unneeded = ("scope", "level", *(("category_id",) if level == "supercategory" else ()))
    return {
        dive: [
            _without(row, (*unneeded, "minute", "from_s", "from_utc"))
            for row in own
            if row["scope"] == "dive"
        ],
        minutes: [
            _without(row, (*unneeded, "estimate", "low95", "high95"))
            for row in own
            if row["scope"] == "minute"
        ],
    }


def _statistics_data(plan: Plan) -> str | None:
    return None if plan.info.looks is None else plan.info.looks.data


def _without(row: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def _write_images(folder: Path, store: Store, naming: Naming) -> None:
    """Keep the images of counted tracks, and remove all others."""
    names = set()
    for summary in summaries(store, naming):
        path = folder.parent / summary.image
        write_bytes(path, store.image(summary.track, summary.name.class_id)[1])
        names.add(path.name)
    for path in folder.glob("track-*.jpg") if folder.is_dir() else ():
        if path.name not in names:
            path.unlink()


def _from(folder: Path, file: Path) -> str | None:
    """Relative path from a folder to a file: valid after both have moved together."""
    try:
        return Path(os.path.relpath(resolved(file), resolved(folder))).as_posix()
    except ValueError:  # on two drives of Windows
        return None


def _video(video: DiveVideo, plan: Plan) -> tracks_document.Video:
    return tracks_document.Video(
        file=video.file,
        path=None if isinstance(plan.dive, LiveDive) else _from(plan.out, Path(video.file)),
        width=video.width,
        height=video.height,
        offset_s=video.offset_s,
        fps=video.fps if video.fps and math.isfinite(video.fps) else None,
        frames=video.frames,
        start_utc=None if video.start_utc is None else tables.utc_text(video.start_utc),
    )


_PAUSE_S, _SHOWN_S = 60.0, 1.0  # a longer pause between files is shown as one second


def write_video(path: Path, dive: Dive, store: Store, naming: Naming) -> Path:
    """Write an MP4 with the times of the footage, whole or not at all.

    Raises:
        InputError: it cannot be written. MissingExtraError: no H.264 encoder.
    """
    moved_s, before_s = 0.0, None
    with ending(dive.frames()) as frames, writing_video(path) as writer:
        for dive_frame, frame in zip(frames, store.frames(), strict=True):
            if before_s is None:
                moved_s = frame.dive_s
            elif frame.dive_s - before_s > _PAUSE_S:
                moved_s += frame.dive_s - before_s - _SHOWN_S
            before_s = frame.dive_s
            image = dive_frame.image_rgb_u8
            rows = store.counted_in(frame.seq)
            class_ids = [class_id for _, (class_id, _, _) in rows]
            instances = _instances([seen for seen, _ in rows], class_ids, image.shape[:2])
            drawn = draw(image, instances, naming.categories, labels=labels_of(rows, naming))
            writer.add(drawn, frame.dive_s - moved_s)
    return path


def labels_of(rows: Sequence[tuple[Seen, tuple[int, int, int]]], naming: Naming) -> list[str]:
    """Name and number of each track in a frame, from `StoredFrame.counted_in`."""
    return [f"{naming.names[name_id]} #{number}" for _, (_, number, name_id) in rows]


def _instances(seen: Sequence[Seen], class_ids: Sequence[int], size_hw: SizeHW) -> Instances:
    if not seen:
        return Instances.empty(size_hw)
    boxes = np.array([each.box_xywh for each in seen], np.float32)
    boxes[:, 2:] += boxes[:, :2]
    masks = tuple(
        from_coco({"size": list(size_hw), "counts": each.rle}, size_hw)
        for each in seen
        if each.rle is not None
    )
    return Instances(
        boxes,
        np.array([each.score for each in seen], np.float32),
        np.array(class_ids, np.int64),
        size_hw,
        masks if len(masks) == len(seen) else None,
    )


@dataclass
class Written:
    """Files in other tools' formats.

    Attributes:
        files: in the order of the formats.
        notes: losses and assumptions, a line each.
        refused: a line for each format that was not written.
    """

    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def write_formats(tracks: Path, names: Sequence[str]) -> Written:
    """Write `tracks-NAME.suffix` for each format; one that cannot hold the dive does not stop the others.

    A format with one video per file gets a file for each video, `tracks-NAME-01-VIDEO.suffix`.

    Args:
        tracks: the survey's tracks.json.
        names: names of formats, see `registry.named`.
    """
    done = Written()
    for name in names:
        target = tracks.with_name(f"tracks-{name}{registry.named(name).suffixes[0]}")
        try:
            report = convert(tracks, target, to=name)
        except InputError as error:
            done.refused.append(f"{name} was not written: {error} (Options are those of `seasift convert`.)")
            target.unlink(missing_ok=True)  # left by an earlier run
            continue
        done.files.extend(report.written)
        done.notes.extend(f"{name}: {note}" for note in report.notes)
        if report.lost:
            done.notes.append(f"left out, because {name} cannot hold it: {', '.join(report.lost)}")
    return done
