"""Positions of the vehicle by time, interpolated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from seasift.core.types import Float64
from seasift.survey.navigation_text import day_of

GAP_S = 60.0
"""No position is interpolated between fixes that are further apart than this."""
_MOST_HOURS = 14
_HARDLY, _ALMOST = 0.5, 0.9  # shares of the dive's time that have a position


@dataclass(frozen=True)
class Position:
    """Degrees (WGS 84, as in the file) and depth in m; None if not in the file."""

    latitude: float
    longitude: float
    depth_m: float | None


class Navigation:
    """Fixes in order of time.

    Args:
        times_s: (N,) ascending: seconds since 1970 UTC, on the dive's clock, or since midnight of a day that is not in
            the file.
        values: (N, 3) latitude, longitude, depth; NaN for an unknown depth.
        on_dive_clock: whether times are on the dive's clock.
        of_day: whether the day is unknown; see `on_day`.
        gap_s: see `GAP_S`.
        notes: lines for the user about skipped data.
    """

    def __init__(
        self,
        times_s: Float64,
        values: Float64,
        *,
        on_dive_clock: bool,
        of_day: bool = False,
        gap_s: float = GAP_S,
        notes: Sequence[str] = (),
    ) -> None:
        self.times_s, self.values = times_s, values
        self.on_dive_clock, self.of_day, self.gap_s = on_dive_clock, of_day, gap_s
        self.notes = tuple(notes)

    def on_day(self, begin: datetime) -> Navigation:
        """Set the day so that times are nearest to the start of the dive; no change if the file names days.

        Args:
            begin: start of the dive, UTC.
        """
        if not self.of_day:
            return self
        moved = self.times_s + day_of(float(self.times_s[0]), begin)
        if moved[-1] < begin.timestamp() and moved[-1] + 86_400 - begin.timestamp() < 43_200:
            moved += 86_400
        return Navigation(moved, self.values, on_dive_clock=False, gap_s=self.gap_s, notes=self.notes)

    def at(self, dive_s: float, utc: datetime | None) -> Position | None:
        """Interpolate along straight lines; None outside the file, and between fixes that are too far apart.

        Args:
            dive_s, utc: the same time on both clocks; `utc` may be unknown.
        """
        if self.of_day or (not self.on_dive_clock and utc is None):
            return None
        time_s = dive_s if self.on_dive_clock or utc is None else utc.timestamp()
        after = int(np.searchsorted(self.times_s, time_s))
        if after < len(self.times_s) and self.times_s[after] == time_s:
            return _position(self.values[after])
        if after in (0, len(self.times_s)) or self.times_s[after] - self.times_s[after - 1] > self.gap_s:
            return None
        first, second = self.values[after - 1], self.values[after].copy()
        second[1] = first[1] + (second[1] - first[1] + 180) % 360 - 180  # the shorter way around
        share = (time_s - self.times_s[after - 1]) / (self.times_s[after] - self.times_s[after - 1])
        return _position(first + share * (second - first))

    def covered(self, times_s: Float64) -> float:
        """Share of times, on the file's clock, that have a position."""
        if not len(times_s):
            return 0.0
        after = np.searchsorted(self.times_s, times_s)
        inside = (after > 0) & (after < len(self.times_s))
        right, left = np.clip(after, 0, len(self.times_s) - 1), np.clip(after - 1, 0, None)
        near = self.times_s[right] - self.times_s[left] <= self.gap_s
        return float(np.mean((inside & near) | (self.times_s[right] == times_s)))

    def hours_off(self, times_s: Float64) -> int:
        """Whole hours to add to the dive's times so that the positions fit; 0 if they fit already, or with no shift.

        Args:
            times_s: times of the dive, seconds since 1970 by its own clock.
        """
        if self.on_dive_clock or self.of_day or self.covered(times_s) >= _HARDLY:
            return 0
        hours = sorted((h for h in range(-_MOST_HOURS, _MOST_HOURS + 1) if h), key=abs)
        return next((h for h in hours if self.covered(times_s + 3600 * h) >= _ALMOST), 0)


def _position(values: Float64) -> Position:
    latitude, longitude, depth = (float(value) for value in values)
    longitude = (longitude + 180) % 360 - 180
    return Position(round(latitude, 6), round(longitude, 6), None if math.isnan(depth) else round(depth, 2))
