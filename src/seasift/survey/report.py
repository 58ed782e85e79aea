"""The report page of a survey: one file that opens offline, to attach to a cruise report."""

from __future__ import annotations

import base64
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from seasift import __version__
from seasift.core.files import write_text
from seasift.core.page import render_template
from seasift.core.rollup import ANYTHING
from seasift.survey import tables, words
from seasift.survey.counts import Cell, Interval
from seasift.survey.naming import Naming
from seasift.survey.navigation import VehiclePosition
from seasift.survey.plan import Plan, Result
from seasift.survey.report_svg import WIDTH, Axis, Event, Timeline, map_of, segments
from seasift.survey.store import Store
from seasift.survey.tracks import Summary, summaries

PAUSE_S = 60.0
_SHOWN_A_CLASS, _SHOWN = 12, 240
_ON_MAP, _ON_WAY = 2000, 1000


@dataclass
class _Gathered:
    """Summary of one pass over all tracks, of bounded size."""

    timeline: Timeline
    best: dict[int, list[tuple[float, int, Summary]]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    group_spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    tracks: int = 0
    placed: int = 0


def write_report(plan: Plan, store: Store, result: Result) -> Path:
    """Write report.html, whole or not at all."""
    path = plan.out / "report.html"
    write_text(path, render(plan, store, result))
    return path


def render(plan: Plan, store: Store, result: Result) -> str:
    """The page as HTML without outside resources."""
    filters = {"n": words.number, "percent": words.percent}
    return render_template("survey", "report.html", filters, **context(plan, store, result))


def context(plan: Plan, store: Store, result: Result) -> dict[str, Any]:
    """All values of the template."""
    clock = tables.DiveClock(plan.dive.videos, plan.navigation)
    parts = segments((frame.dive_s for frame in store.frames()), PAUSE_S)
    axis = Axis(parts, WIDTH) if parts else None
    naming = plan.naming
    names = [_called(index, naming) for index in range(len(naming.names))]
    gathered = _gather(store, naming, names, clock, axis)
    label = _label(clock)
    looked_s = sum(part.to_s - part.from_s for part in parts)
    groups = _groups(naming, result)
    order = [index for _, members in groups for index in members]
    way = _way(clock, parts)
    return {
        "version": __version__,
        "title": _title(plan),
        "plan": plan,
        "result": result,
        "utc": clock.start_utc is not None,
        "begin": _moment(clock, result.first.dive_s) if result.first else None,
        "end": _moment(clock, result.last.dive_s) if result.last else None,
        "looked": words.duration(looked_s),
        "tracks": gathered.tracks,
        "warnings": words.warnings(plan, result, parts),
        "classes": sum(index < len(naming.categories) for index in order),
        "rows": [
            row
            for group, members in groups
            for row in _count_rows(group, members, naming, result, gathered, store, label)
        ],
        "rolled": naming.rollup is not None,
        "grouped": bool(naming.groups),
        "not_seen": [
            category.name
            for index, category in enumerate(naming.categories)
            if index not in result.counts.dive and _wanted(plan, category.name)
        ],
        "timeline": gathered.timeline.rows(names, order, label) if axis and order else None,
        "gallery": _gallery(gathered, store, names, len(naming.categories), order, label),
        "map": map_of(way, gathered.events, names) if plan.navigation and (way or gathered.events) else None,
        "placed": gathered.placed,
        "figures": words.figures(plan),
        "facts": words.facts(plan),
        "card": words.card(plan.info),
        "gaps": [
            (file, words.clock_time(from_s), "the end" if to_s is None else words.clock_time(to_s), reason)
            for file, from_s, to_s, reason in result.gaps
        ],
    }


def _title(plan: Plan) -> str:
    names = [Path(video.file).name for video in plan.dive.videos]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _wanted(plan: Plan, name: str) -> bool:
    return not plan.classes or name in plan.classes


def _groups(naming: Naming, result: Result) -> list[tuple[int | None, list[int]]]:
    """Supercategories that were seen, each with the names of its tracks, the most frequent first."""
    counts = result.counts
    names = sorted(counts.dive, key=lambda index: (-counts.dive[index].unique, naming.names[index]))
    if not naming.groups:
        return [(None, names)]
    groups = sorted(
        counts.groups, key=lambda index: (naming.groups[index] == ANYTHING, -counts.groups[index].unique)
    )
    return [
        (
            group,
            # A track that is no more than "trash" comes after the classes of trash.
            sorted(
                (index for index in names if naming.group_of_name(index) == group),
                key=lambda index: index >= len(naming.categories),
            ),
        )
        for group in groups
    ]


def _gather(
    store: Store, naming: Naming, names: Sequence[str], clock: tables.DiveClock, axis: Axis | None
) -> _Gathered:
    gathered = _Gathered(Timeline(axis or Axis([], WIDTH)))
    for summary in summaries(store, naming):
        where = clock.position(summary.best_frame.dive_s)
        name_id, first, last = summary.name.name_id, summary.first.dive_s, summary.last.dive_s
        event = Event(summary.number, name_id, names[name_id], first, last, where)
        gathered.timeline.add(event)
        gathered.tracks += 1
        gathered.placed += where is not None
        if where is not None and len(gathered.events) < _ON_MAP:
            gathered.events.append(event)
        for spans, key in ((gathered.spans, name_id), (gathered.group_spans, summary.name.group_id)):
            span = spans.get(key, (first, last))
            spans[key] = min(span[0], first), max(span[1], last)
        best = gathered.best.setdefault(name_id, [])
        heapq.heappush(best, (summary.name.level_score, -summary.number, summary))
        if len(best) > _SHOWN_A_CLASS:
            heapq.heappop(best)
    return gathered


def _gallery(
    gathered: _Gathered,
    store: Store,
    names: Sequence[str],
    classes: int,
    order: Sequence[int],
    label: Callable[[float], str],
) -> list[dict[str, Any]]:
    """The tracks with the highest scores of each name, with their images."""
    groups, left = [], _SHOWN
    for name_id in order:
        chosen = sorted(gathered.best[name_id], reverse=True)[: max(left, 1)]
        left -= len(chosen)
        cards = []
        for _, _, summary in chosen:
            jpeg = store.image(summary.track, summary.name.class_id)[1]
            cards.append(
                {
                    "number": summary.number,
                    "score": summary.name.level_score,
                    "likely": _likely(summary, names, classes),
                    "frames": summary.frames,
                    "when": label(summary.best_frame.dive_s),
                    "seconds": words.duration(summary.last.dive_s - summary.first.dive_s),
                    "uri": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii"),
                }
            )
        groups.append({"name": names[name_id], "cards": cards})
    return groups


def _called(name_id: int, naming: Naming) -> str:
    """A name as a heading: a supercategory without a class says so."""
    name = naming.names[name_id]
    uncertain = name_id >= len(naming.categories) and name != ANYTHING
    return f"{name}, class uncertain" if uncertain else name


def _likely(summary: Summary, names: Sequence[str], classes: int) -> str | None:
    """The likeliest class of a track that has a coarser name."""
    if summary.name.name_id < classes:
        return None
    class_id = summary.name.class_id
    score = dict(summary.name.class_scores).get(class_id, 0.0)
    return f"perhaps {names[class_id]} ({score:.2f})"


def _count_rows(
    group: int | None,
    members: Sequence[int],
    naming: Naming,
    result: Result,
    gathered: _Gathered,
    store: Store,
    label: Callable[[float], str],
) -> list[dict[str, Any]]:
    """A row of a supercategory, if there is one, and rows of its classes."""
    counts, rows = result.counts, []
    if group is not None:
        cell, interval = counts.groups[group], counts.group_intervals.get(group)
        named = {"name": naming.groups[group], "kind": "group"}
        rows.append(named | _count_row(cell, interval, gathered.group_spans[group], store, label))
    for index in members:
        uncertain = index >= len(naming.categories)
        if uncertain and len(members) == 1:
            continue  # the row of its supercategory says the same
        named = {
            "name": "class uncertain" if uncertain else naming.names[index],
            "kind": "class" if group is None else "member",
        }
        interval = None if uncertain else counts.intervals.get(index)
        rows.append(named | _count_row(counts.dive[index], interval, gathered.spans[index], store, label))
    return rows


def _count_row(
    cell: Cell,
    interval: Interval | None,
    span: tuple[float, float],
    store: Store,
    label: Callable[[float], str],
) -> dict[str, Any]:
    return {
        "unique": cell.unique,
        "interval": interval,
        "useful": interval is not None and interval.useful(cell.unique),
        "limits": "none" if interval is None else interval.limits(cell.unique),
        "maxn": cell.maxn,
        "maxn_when": label(store.frame(cell.maxn_seq).dive_s),
        "first": label(span[0]),
        "last": label(span[1]),
    }


def _label(clock: tables.DiveClock) -> Callable[[float], str]:
    """A time as short text: time of day in UTC if known, else on the dive's clock."""

    def label(dive_s: float) -> str:
        when = clock.utc(dive_s)
        return words.clock_time(dive_s) if when is None else when.strftime("%H:%M:%S")

    return label


def _moment(clock: tables.DiveClock, dive_s: float) -> str:
    when: datetime | None = clock.utc(dive_s)
    return words.clock_time(dive_s) if when is None else when.strftime("%Y-%m-%d %H:%M:%S UTC")


def _way(clock: tables.DiveClock, parts: Sequence[Any]) -> list[VehiclePosition]:
    """Positions of the vehicle during evaluated frames; at most 1,000."""
    if clock.navigation is None or not parts:
        return []
    whole = sum(part.to_s - part.from_s for part in parts) or 1.0
    positions = []
    for part in parts:
        steps = max(1, round(_ON_WAY * (part.to_s - part.from_s) / whole))
        times = [part.from_s + k * (part.to_s - part.from_s) / steps for k in range(steps + 1)]
        positions += [where for time_s in times if (where := clock.position(time_s)) is not None]
    return positions
