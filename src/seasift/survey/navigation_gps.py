"""Positions from GPX and NMEA 0183."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, date
from pathlib import Path
from typing import Any

from seasift.core.errors import InputError
from seasift.survey.moments import Moment, on_days, utc
from seasift.survey.navigation_csv import Fixes

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


def _parsed(sentence: str) -> Any:
    """Split a sentence; None if it is damaged."""
    import pynmeagps

    try:
        if "*" not in sentence:
            return pynmeagps.NMEAReader.parse(f"{sentence}*00", validate=0)
        return pynmeagps.NMEAReader.parse(sentence)
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
