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
from seasift.survey import tables, words
from seasift.survey.navigation import Position
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
    clock = tables.Clock(plan.dive.videos, plan.navigation)
    parts = segments((frame.dive_s for frame in store.frames()), PAUSE_S)
    axis = Axis(parts, WIDTH) if parts else None
    names = [category.name for category in plan.info.categories]
    gathered = _gather(store, clock, axis, names)
    label = _label(clock)
    looked_s = sum(part.to_s - part.from_s for part in parts)
    order = sorted(result.counts.dive, key=lambda c: (-result.counts.dive[c].unique, names[c]))
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
        "rows": [_count_row(c, names, result, gathered.spans[c], store, label) for c in order],
        "not_seen": [
            name for c, name in enumerate(names) if c not in result.counts.dive and _wanted(plan, name)
        ],
        "timeline": gathered.timeline.rows(names, order, label) if axis and order else None,
        "gallery": _gallery(gathered, store, names, order, label),
        "map": map_of(way, gathered.events, names) if plan.navigation and (way or gathered.events) else None,
        "placed": gathered.placed,
        "figures": words.figures(plan, names),
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


def _gather(store: Store, clock: tables.Clock, axis: Axis | None, names: Sequence[str]) -> _Gathered:
    gathered = _Gathered(Timeline(axis or Axis([], WIDTH)))
    for summary in summaries(store):
        where = clock.position(summary.best_frame.dive_s)
        class_id, first, last = summary.class_id, summary.first.dive_s, summary.last.dive_s
        event = Event(summary.number, class_id, names[class_id], first, last, where)
        gathered.timeline.add(event)
        gathered.tracks += 1
        gathered.placed += where is not None
        if where is not None and len(gathered.events) < _ON_MAP:
            gathered.events.append(event)
        span = gathered.spans.get(class_id, (first, last))
        gathered.spans[class_id] = min(span[0], first), max(span[1], last)
        best = gathered.best.setdefault(class_id, [])
        heapq.heappush(best, (summary.score, -summary.number, summary))
        if len(best) > _SHOWN_A_CLASS:
            heapq.heappop(best)
    return gathered


def _gallery(
    gathered: _Gathered,
    store: Store,
    names: Sequence[str],
    order: Sequence[int],
    label: Callable[[float], str],
) -> list[dict[str, Any]]:
    """The tracks with the highest scores of each class, with their images."""
    groups, left = [], _SHOWN
    for class_id in order:
        chosen = sorted(gathered.best[class_id], reverse=True)[: max(left, 1)]
        left -= len(chosen)
        cards = []
        for _, _, summary in chosen:
            jpeg = store.image(summary.track, class_id)[1]
            cards.append(
                {
                    "number": summary.number,
                    "score": summary.score,
                    "frames": summary.frames,
                    "when": label(summary.best_frame.dive_s),
                    "seconds": words.duration(summary.last.dive_s - summary.first.dive_s),
                    "uri": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii"),
                }
            )
        groups.append({"name": names[class_id], "cards": cards})
    return groups


def _count_row(
    class_id: int,
    names: Sequence[str],
    result: Result,
    span: tuple[float, float],
    store: Store,
    label: Callable[[float], str],
) -> dict[str, Any]:
    cell, interval = result.counts.dive[class_id], result.counts.intervals.get(class_id)
    return {
        "name": names[class_id],
        "unique": cell.unique,
        "interval": interval,
        "useful": interval is not None and interval.useful(cell.unique),
        "limits": "none" if interval is None else interval.limits(cell.unique),
        "maxn": cell.maxn,
        "maxn_when": label(store.frame(cell.maxn_seq).dive_s),
        "first": label(span[0]),
        "last": label(span[1]),
    }


def _label(clock: tables.Clock) -> Callable[[float], str]:
    """A time as short text: time of day in UTC if known, else on the dive's clock."""

    def label(dive_s: float) -> str:
        when = clock.utc(dive_s)
        return words.clock_time(dive_s) if when is None else when.strftime("%H:%M:%S")

    return label


def _moment(clock: tables.Clock, dive_s: float) -> str:
    when: datetime | None = clock.utc(dive_s)
    return words.clock_time(dive_s) if when is None else when.strftime("%Y-%m-%d %H:%M:%S UTC")


def _way(clock: tables.Clock, parts: Sequence[Any]) -> list[Position]:
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
