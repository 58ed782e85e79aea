"""tracks.csv, counts.csv and counts.json, and whether the positions in them match the dive's time."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seasift.core.files import replacing
from seasift.core.instances import Category
from seasift.core.rollup import ANYTHING
from seasift.formats.table_csv import plain_records
from seasift.survey.kept import Frame
from seasift.survey.naming import Naming
from seasift.survey.navigation import Navigation, VehiclePosition
from seasift.survey.store import Store
from seasift.survey.tracks import Summary, config_of_text, rolled_name, summaries
from seasift.video.dive import DiveVideo

if TYPE_CHECKING:
    from seasift.survey.plan import Plan


TRACK_COLUMNS = (
    *("track", "category_id", "name", "score", "best_score", "frames"),
    *("first_s", "last_s", "first_utc", "last_utc", "first_video", "first_frame", "last_video", "last_frame"),
    *("best_video", "best_frame", "best_time_s", "best_x", "best_y", "best_width", "best_height", "size_px"),
    *("size_from", "latitude", "longitude", "depth_m", "picture", "way"),
)
ROLLUP_COLUMNS = ("rollup_name", "rollup_level", "rollup_score")
"""Only with rolled-up names."""
COUNT_COLUMNS = (
    *("scope", "minute", "from_s", "from_utc", "frames", "category_id", "name"),
    *("maxn", "maxn_s", "maxn_video", "maxn_frame", "unique", "new", "estimate", "low95", "high95"),
    "level",
)


class DiveClock:
    """Times of a dive, and positions at these times.

    Args:
        videos: videos of the dive.
        navigation: positions by time; None without.
    """

    def __init__(self, videos: Sequence[DiveVideo], navigation: Navigation | None = None) -> None:
        self.videos = tuple(videos)
        self.navigation = navigation
        first = videos[0]
        self.start_utc = first.start_utc - timedelta(seconds=first.offset_s) if first.start_utc else None

    def utc(self, dive_s: float) -> datetime | None:
        """A time on the dive's clock as UTC, if the start of the dive is known."""
        return None if self.start_utc is None else self.start_utc + timedelta(seconds=dive_s)

    def utc_text(self, dive_s: float) -> str | None:
        """The same in ISO 8601 with milliseconds and Z."""
        when = self.utc(dive_s)
        return None if when is None else utc_text(when)

    def position(self, dive_s: float) -> VehiclePosition | None:
        """Position of the vehicle."""
        if self.navigation is None:
            return None
        return self.navigation.at(dive_s, self.utc(dive_s))


def utc_text(when: datetime) -> str:
    """ISO 8601 with milliseconds and Z."""
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def track_row(summary: Summary, way: str, naming: Naming, clock: DiveClock) -> dict[str, str | float | None]:
    """A track as a row of tracks.csv; its position is that at the time of its image."""
    first, last, best = summary.first, summary.last, summary.best_frame
    name = summary.name
    category = naming.categories[name.class_id]
    rolled = rolled_name(naming, name)
    x, y, width, height = summary.best.box_xywh
    where = clock.position(best.dive_s)
    return {
        "track": summary.number,
        "category_id": category.id,
        "name": category.name,
        "score": name.score,
        "best_score": name.best_score,
        "frames": summary.frames,
        "first_s": first.dive_s,
        "last_s": last.dive_s,
        "first_utc": clock.utc_text(first.dive_s),
        "last_utc": clock.utc_text(last.dive_s),
        "first_video": clock.videos[first.video].file,
        "first_frame": first.frame,
        "last_video": clock.videos[last.video].file,
        "last_frame": last.frame,
        "best_video": clock.videos[best.video].file,
        "best_frame": best.frame,
        "best_time_s": best.time_s,
        "best_x": x,
        "best_y": y,
        "best_width": width,
        "best_height": height,
        "size_px": summary.size_px,
        "size_from": summary.size_from,
        "latitude": None if where is None else where.latitude,
        "longitude": None if where is None else where.longitude,
        "depth_m": None if where is None else where.depth_m,
        "picture": summary.image,
        "way": way,
        **(
            {}
            if rolled is None
            else dict(zip(ROLLUP_COLUMNS, (rolled.name, rolled.level, rolled.score), strict=True))
        ),
    }


def track_rows(
    summaries: Iterable[Summary], store: Store, naming: Naming, clock: DiveClock
) -> Iterable[dict[str, str | float | None]]:
    """The rows of tracks.csv, one by one."""
    for summary in summaries:
        yield track_row(summary, config_of_text(store.seen(summary.track)), naming, clock)


def track_columns(naming: Naming) -> tuple[str, ...]:
    """The columns of tracks.csv."""
    return (*TRACK_COLUMNS, *ROLLUP_COLUMNS) if naming.rollup else TRACK_COLUMNS


def count_rows(rows: Sequence[Mapping[str, Any]], store: Store, clock: DiveClock) -> list[dict[str, Any]]:
    """Rows of counts.csv, from those of `counts.rows`, with times and the frame of MaxN."""
    return [
        {
            "scope": row["scope"],
            "minute": row["minute"],
            "from_s": row["from_s"],
            "from_utc": None if row["from_s"] is None else clock.utc_text(row["from_s"]),
            "frames": row["frames"],
            "category_id": row["category_id"],
            "name": row["name"],
            "maxn": row["maxn"],
            **_frame(store.frame(row["maxn_seq"]), clock),
            "unique": row["unique"],
            "new": row["new"],
            "estimate": row["estimate"],
            "low95": row["low"],
            "high95": row["high"],
            "level": row["level"],
        }
        for row in rows
    ]


def zero_rows(
    rows: Sequence[Mapping[str, Any]], searched: Sequence[Category], naming: Naming, frames: int
) -> list[dict[str, Any]]:
    """Rows of counts.csv for supercategories and classes that were searched for in the dive and not seen."""
    seen = {(row["level"], row["name"]) for row in rows}
    groups = {category.group for category in searched} | {ANYTHING}
    unseen: list[tuple[str, str, int | None]] = [
        *(("supercategory", name, None) for name in naming.groups if name in groups),
        *(("class", category.name, category.id) for category in searched),
    ]
    return [
        {
            **dict.fromkeys(COUNT_COLUMNS),
            **{"scope": "dive", "frames": frames, "category_id": category_id, "name": name, "level": level},
            **{"maxn": 0, "unique": 0, "new": 0},
        }
        for level, name, category_id in unseen
        if (level, name) not in seen
    ]


def write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, raw: bool = False
) -> None:
    """UTF-8 with a byte order mark, for spreadsheets; whole or not at all.

    Args:
        raw: leave texts as they are, which a spreadsheet may take for formulas.
    """
    with replacing(path) as part, part.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows if raw else plain_records(rows))


def _frame(frame: Frame, clock: DiveClock) -> dict[str, Any]:
    video = clock.videos[frame.video].file
    return {"maxn_s": frame.dive_s, "maxn_video": video, "maxn_frame": frame.frame}


_LOOKED = 2000  # frames whose times are compared with the file


def placing_notes(plan: Plan, store: Store) -> list[str]:
    """Lines for the user: skipped data, objects and times without a position, a shift of whole hours."""
    navigation = plan.navigation
    if navigation is None:
        return []
    clock = DiveClock(plan.dive.videos, navigation)
    notes = list(navigation.notes)
    tracks = placed = 0
    for summary in summaries(store, plan.naming):
        tracks += 1
        placed += clock.position(summary.best_frame.dive_s) is not None
    if placed < tracks:
        notes.append(f"The navigation file has no position for {tracks - placed:,} of {tracks:,} objects.")
    return [*notes, *_about_times(navigation, clock, store)]


def _about_times(navigation: Navigation, clock: DiveClock, store: Store) -> list[str]:
    times = np.array([frame.dive_s for frame in store.frames()], np.float64)
    if not len(times):
        return []
    if not navigation.on_dive_clock:
        if clock.start_utc is None:
            return []
        times = times + clock.start_utc.timestamp()
    some = times[:: max(1, len(times) // _LOOKED)]
    if navigation.covered(some):
        hours, notes = navigation.hours_off(some), []
    elif navigation.times_s[0] <= times[-1] and times[0] <= navigation.times_s[-1]:
        return [
            f"The positions around the dive lie more than {navigation.gap_s:g} s apart: none is interpolated between them. "
            "Raise --navigation-gap if the vehicle moved straight on."
        ]
    else:
        hours = navigation.hours_off(some)
        notes = [
            f"No position is within the dive's time: they run from {_shown(navigation, navigation.times_s[0])} to "
            f"{_shown(navigation, navigation.times_s[-1])}, the dive from {_shown(navigation, times[0])} to "
            f"{_shown(navigation, times[-1])}."
        ]
    if hours:
        notes.append(
            f"The positions would fit if the dive had been {abs(hours)} hour{'s' * (abs(hours) > 1)} "
            f"{'later' if hours > 0 else 'earlier'}: one of the clocks may show local time. Then give "
            f"--start-utc {_moment(clock, hours)}."
        )
    return notes


def _shown(navigation: Navigation, seconds: float) -> str:
    if navigation.on_dive_clock:
        return f"{seconds:.1f} s"
    return datetime.fromtimestamp(float(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _moment(clock: DiveClock, hours: int) -> str:
    assert clock.start_utc is not None
    begin = clock.start_utc.timestamp() + 3600 * hours
    return datetime.fromtimestamp(begin, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
