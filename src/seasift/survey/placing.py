"""Check whether the positions of a navigation file match the dive's time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from seasift.survey import tables
from seasift.survey.navigation import Navigation
from seasift.survey.store import Store
from seasift.survey.tracks import summaries

if TYPE_CHECKING:
    from seasift.survey.plan import Plan

_LOOKED = 2000  # frames whose times are compared with the file


def placing_notes(plan: Plan, store: Store) -> list[str]:
    """Lines for the user: skipped data, objects and times without a position, a shift of whole hours."""
    navigation = plan.navigation
    if navigation is None:
        return []
    clock = tables.Clock(plan.dive.videos, navigation)
    notes = list(navigation.notes)
    tracks = placed = 0
    for summary in summaries(store, plan.naming):
        tracks += 1
        placed += clock.position(summary.best_frame.dive_s) is not None
    if placed < tracks:
        notes.append(f"The navigation file has no position for {tracks - placed:,} of {tracks:,} objects.")
    return [*notes, *_about_times(navigation, clock, store)]


def _about_times(navigation: Navigation, clock: tables.Clock, store: Store) -> list[str]:
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


def _moment(clock: tables.Clock, hours: int) -> str:
    assert clock.start_utc is not None
    begin = clock.start_utc.timestamp() + 3600 * hours
    return datetime.fromtimestamp(begin, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
