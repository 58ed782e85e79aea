"""Positions of the vehicle by time, interpolated.

They come from navigation files: CSV with a header, GPX, NMEA 0183.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from seasift.core.errors import InputError
from seasift.core.files import read_regular
from seasift.core.types import Float64
from seasift.survey.navigation_csv import Fixes, read_csv
from seasift.survey.navigation_text import Moment, day_of, on_days, utc

GAP_S = 60.0
"""No position is interpolated between fixes that are further apart than this."""
_MOST_HOURS = 14
_HARDLY, _ALMOST = 0.5, 0.9  # shares of the dive's time that have a position


@dataclass(frozen=True)
class VehiclePosition:
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

    def at(self, dive_s: float, utc: datetime | None) -> VehiclePosition | None:
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


def _position(values: Float64) -> VehiclePosition:
    latitude, longitude, depth = (float(value) for value in values)
    longitude = (longitude + 180) % 360 - 180
    return VehiclePosition(
        round(latitude, 6), round(longitude, 6), None if math.isnan(depth) else round(depth, 2)
    )


_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_navigation(path: Path, *, gap_s: float = GAP_S) -> Navigation:
    """Read positions by time: a CSV file, GPX, or NMEA 0183 (GGA, RMC, ZDA). The content decides, not the name.

    Columns of CSV have many accepted names, see docs/how-to/survey.md. The separator is a comma, semicolon or tab. Rows
    without a position are skipped.

    Raises:
        InputError: missing file, missing column, invalid value, or descending times.
    """
    try:
        text = _text(read_regular(path))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"{path}: cannot be read ({reason}); expected a CSV, GPX or NMEA file of positions."
        ) from None
    if re.match(r"\s*<", text):
        fixes = read_gpx(text, path)
    elif is_nmea(text):
        fixes = read_nmea(text, path)
    else:
        fixes = read_csv(text, path)
    return _navigation(fixes, path, gap_s)


def _text(data: bytes) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data.decode(encoding, errors="replace")
    if b"\0" in data[:200]:
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _navigation(fixes: Fixes, path: Path, gap_s: float) -> Navigation:
    values = np.array(fixes.rows, np.float64)
    falls = np.flatnonzero(np.diff(values[:, 0]) < 0)
    if len(falls):
        raise InputError(
            f"{path}: times fall after position {falls[0] + 1}; expected them in order. Sort the file."
        )
    values = values[np.append(np.diff(values[:, 0]) > 0, True)]  # the last of equal times
    if np.nanmax(np.append(values[:, 3], -np.inf)) <= 0:  # heights above the surface
        values[:, 3] *= -1
    return Navigation(
        values[:, 0],
        values[:, 1:],
        on_dive_clock=fixes.on_dive_clock,
        of_day=fixes.of_day,
        gap_s=gap_s,
        notes=fixes.notes,
    )


_SENTENCE = re.compile(r"\$[A-Z]{2}(?:GGA|RMC|ZDA),[^$!\r\n]*")
_ANY_SENTENCE = re.compile(r"[$!][A-Z]{2,5}[A-Z0-9]*,")


def is_nmea(text: str) -> bool:
    """Whether a text is a log of NMEA sentences; each line may begin with the logger's time."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()]
    return bool(lines) and sum(bool(_ANY_SENTENCE.search(line)) for line in lines) > len(lines) / 2


def read_nmea(text: str, path: Path) -> Fixes:
    """Fixes from GGA and RMC; dates from RMC and ZDA. Sentences with a wrong checksum, or without a
    hemisphere, are skipped and counted. A checksum may be missing.

    Raises:
        InputError: no fix.
    """
    spoilt, voids = 0, 0
    found: list[tuple[Moment, float, float]] = []
    day: date | None = None
    days: dict[int, date] = {}  # index of a fix: the date stated since the previous one
    for match in _SENTENCE.finditer(text):
        message = _parsed(match[0].strip())
        if message is None:
            spoilt += 1
            continue
        kind, clock = str(message.msgID), message.time
        if not clock:
            voids += 1
            continue
        if kind == "ZDA":
            day = _date(message.year, message.month, message.day)
        elif kind == "RMC":
            day = message.date or None
        if day is not None and kind != "GGA":
            days[len(found)] = day
        if kind == "ZDA":
            continue
        fixed = message.quality != 0 if kind == "GGA" else message.status == "A"
        if fixed and message.lat not in ("", None) and not _has_sides(message):
            spoilt += 1
            continue
        if not fixed or message.lat in ("", None) or message.lon in ("", None):
            voids += 1
            continue
        moment = utc(day, clock) if kind == "RMC" and day else Moment(None, utc(date.min, clock).seconds)
        found.append((moment, float(message.lat), float(message.lon)))
    if not found:
        reason = f"{spoilt} with a wrong checksum or form, {voids} without a fix"
        raise InputError(f"{path}: no position in its NMEA sentences ({reason}); expected GGA or RMC.")
    moments = [moment for moment, _, _ in found]
    if not any(moment.day for moment in moments):
        moments = _dated(moments, days)
    seconds, dated = on_days(moments)
    notes = []
    if spoilt:
        notes.append(f"{path}: {spoilt:,} NMEA sentences have a wrong checksum or form and were skipped.")
    rows = [(s, lat, lon, math.nan) for s, (_, lat, lon) in zip(seconds, found, strict=True)]
    return Fixes(_settled(rows), of_day=not dated, notes=notes)


def _settled(
    rows: list[tuple[float, float, float, float]],
) -> list[tuple[float, float, float, float]]:
    """Sentences of one moment may come a little out of order."""
    ordered = [rows[0]]
    for row in rows[1:]:
        if 0 < ordered[-1][0] - row[0] <= 1.0:
            continue
        ordered.append(row)
    return ordered


def _dated(moments: list[Moment], days: dict[int, date]) -> list[Moment]:
    """GGA has no date: those after a ZDA take its date."""
    return [
        Moment(days[index], moment.seconds) if index in days else moment
        for index, moment in enumerate(moments)
    ]


def _has_sides(message: Any) -> bool:
    """Whether both hemispheres are stated: the parser takes others for north and east."""
    return str(message.NS) in ("N", "S") and str(message.EW) in ("E", "W")


_PLACE = ("time", "lat", "NS", "lon", "EW")
_FIELDS = {
    "GGA": ("quality", *_PLACE),
    "RMC": ("status", "date", *_PLACE),
    "ZDA": ("time", "year", "month", "day"),
}


def _parsed(sentence: str) -> Any:
    """Split a sentence; None if it is damaged or too short."""
    import pynmeagps

    try:
        unchecked = "*" not in sentence
        message = pynmeagps.NMEAReader.parse(
            f"{sentence}*00" if unchecked else sentence, validate=0 if unchecked else 1
        )
        return message if all(hasattr(message, name) for name in _FIELDS[message.msgID]) else None
    except (
        pynmeagps.NMEAParseError,
        pynmeagps.NMEAMessageError,
        pynmeagps.NMEATypeError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
    ):
        return None


def _date(year: Any, month: Any, day: Any) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except (TypeError, ValueError):
        return None


def read_gpx(text: str, path: Path) -> Fixes:
    """Track points with a time, of all tracks and segments; if there are none, waypoints with a time.

    Raises:
        InputError: not GPX, no point with a time, or an invalid position.
    """
    import gpxpy
    import gpxpy.gpx

    try:
        gpx = gpxpy.parse(text)
    except (gpxpy.gpx.GPXException, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: not a GPX file that can be read ({reason}); expected GPX, CSV or NMEA."
        ) from None
    points = list(_points(gpx))
    timed = sorted((point for point in points if point.time is not None), key=lambda point: point.time)
    if not timed:
        raise InputError(
            f"{path}: {len(points):,} points, none with a time; expected track points with <time>."
        )
    rows = []
    for point in timed:
        if abs(point.latitude) > 90 or abs(point.longitude) > 360:
            raise InputError(
                f"{path}: a point at latitude {point.latitude}, longitude {point.longitude}; expected degrees."
            )
        when = point.time if point.time.tzinfo else point.time.replace(tzinfo=UTC)
        rows.append((when.timestamp(), float(point.latitude), float(point.longitude), math.nan))
    left = len(points) - len(timed)
    return Fixes(rows, notes=[f"{path}: {left:,} points have no time and were skipped."] if left else [])


def _points(gpx: Any) -> Iterator[Any]:
    found = [point for track in gpx.tracks for segment in track.segments for point in segment.points]
    yield from found or [*(point for route in gpx.routes for point in route.points), *gpx.waypoints]
