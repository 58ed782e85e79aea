"""Where the vehicle was: a CSV file of times and positions, read and interpolated."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from seasift.core.errors import InputError
from seasift.core.types import Float64

GAP_S = 60.0
"""Between two fixes that are further apart than this no position is made up."""
_NAMES = {
    "time": (
        "time",
        "timestamp",
        "datetime",
        "utc",
        "timeutc",
        "datetimeutc",
        "timestamputc",
        "isotime",
        "unixtime",
    ),
    "dive_s": ("dives", "seconds", "elapsed", "elapseds", "elapsedseconds", "videotime", "videotimes"),
    "date": ("date", "dateutc", "day"),
    "latitude": (
        "latitude",
        "lat",
        "latdd",
        "latitudedeg",
        "latdeg",
        "latitudedd",
        "ylat",
        "decimallatitude",
    ),
    "longitude": (
        "longitude",
        "lon",
        "long",
        "lng",
        "londd",
        "longitudedeg",
        "londeg",
        "longitudedd",
        "decimallongitude",
    ),
    "depth": ("depth", "depthm", "depthmeters", "depthmetres", "waterdepth", "vehicledepth", "z"),
}
_FORMATS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S.%f",
    "%d.%m.%Y %H:%M:%S",
    "%Y%m%d %H:%M:%S",
    "%Y%m%dT%H%M%S",
)


@dataclass(frozen=True)
class Position:
    """Where the vehicle was.

    Attributes:
        latitude, longitude: degrees, to 1e-6.
        depth_m: to 0.01, positive down; None if the file does not say.
    """

    latitude: float
    longitude: float
    depth_m: float | None


class Navigation:
    """Fixes in the order of time.

    Args:
        times_s: (N,) rising: seconds since 1970 UTC, or on the dive's clock.
        values: (N, 3) latitude, longitude, depth; NaN where there is no depth.
        on_dive_clock: what the times are.
        gap_s: see `GAP_S`.
    """

    def __init__(
        self, times_s: Float64, values: Float64, *, on_dive_clock: bool, gap_s: float = GAP_S
    ) -> None:
        self.times_s, self.values = times_s, values
        self.on_dive_clock, self.gap_s = on_dive_clock, gap_s

    def at(self, dive_s: float, utc: datetime | None) -> Position | None:
        """Interpolate along straight lines; None outside of the file, and between fixes that are too far apart.

        Args:
            dive_s, utc: the same time on both clocks; the second may be unknown.
        """
        if not self.on_dive_clock and utc is None:
            return None
        time_s = dive_s if self.on_dive_clock or utc is None else utc.timestamp()
        after = int(np.searchsorted(self.times_s, time_s))
        if after < len(self.times_s) and self.times_s[after] == time_s:
            return _position(self.values[after])
        if after in (0, len(self.times_s)) or self.times_s[after] - self.times_s[after - 1] > self.gap_s:
            return None
        first, second = self.values[after - 1], self.values[after].copy()
        second[1] = first[1] + (second[1] - first[1] + 180) % 360 - 180  # the short way around
        share = (time_s - self.times_s[after - 1]) / (self.times_s[after] - self.times_s[after - 1])
        return _position(first + share * (second - first))


def read_navigation(path: Path, *, gap_s: float = GAP_S) -> Navigation:
    """Read a CSV file with a header: time (or time on the dive's clock), latitude, longitude, and maybe depth.

    Columns are known by many names, see docs/how-to/survey.md; comma, semicolon or tab between them. Rows without a
    position are passed over.

    Raises:
        InputError: missing, without a column that is needed, a value that is none, times that fall.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); expected a CSV file of positions.") from None
    lines = text.splitlines()
    separator = max(",;\t", key=(lines[0] if lines else "").count)
    table = list(csv.reader(lines, delimiter=separator))
    if len(table) < 2:
        raise InputError(f"{path}: {len(table)} lines; expected a header and a line a position.")
    columns = _columns(table[0], path)
    fixes = [
        fix
        for number, row in enumerate(table[1:], start=2)
        if any(cell.strip() for cell in row)
        and (fix := _fix(row, columns, f"{path}, line {number}")) is not None
    ]
    if not fixes:
        raise InputError(
            f"{path}: no line has a position; expected numbers in {', '.join(_shown(columns, table[0]))}."
        )
    values = np.array(fixes, np.float64)
    falls = np.flatnonzero(np.diff(values[:, 0]) < 0)
    if len(falls):
        raise InputError(
            f"{path}: times fall after position {falls[0] + 1}; expected them in order. Sort the file."
        )
    keep = np.append(np.diff(values[:, 0]) > 0, True)  # of equal times the last
    values = values[keep]
    if np.nanmax(np.append(values[:, 3], -np.inf)) <= 0:  # heights above the surface
        values[:, 3] *= -1
    return Navigation(values[:, 0], values[:, 1:], on_dive_clock="dive_s" in columns, gap_s=gap_s)


def _columns(header: Sequence[str], path: Path) -> dict[str, int]:
    bare = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in header]
    columns = {
        what: bare.index(name) for what, names in _NAMES.items() for name in reversed(names) if name in bare
    }
    missing = [what for what in ("latitude", "longitude") if what not in columns]
    if "time" not in columns and "dive_s" not in columns:
        missing.insert(0, "time")
    if missing:
        raise InputError(
            f"{path}: no column for {', '.join(missing)} among {', '.join(map(repr, header))}; expected time (UTC) or "
            "seconds (on the dive's clock), latitude, longitude, and maybe depth. Rename the columns."
        )
    if "time" in columns:
        columns.pop("dive_s", None)
    return columns


def _shown(columns: dict[str, int], header: Sequence[str]) -> list[str]:
    return [header[index] for index in columns.values()]


def _fix(row: Sequence[str], columns: dict[str, int], where: str) -> tuple[float, float, float, float] | None:
    """Time, latitude, longitude, depth; None without a position."""
    cells = {what: row[index].strip() if index < len(row) else "" for what, index in columns.items()}
    if not cells["latitude"] or not cells["longitude"]:
        return None
    latitude = _number(cells["latitude"], "latitude", 90, where)
    longitude = _number(cells["longitude"], "longitude", 360, where)
    depth = _number(cells["depth"], "depth", 12_000, where) if cells.get("depth") else math.nan
    if "dive_s" in cells:
        return _number(cells["dive_s"], "seconds", math.inf, where), latitude, longitude, depth
    return (
        _time(f"{cells['date']} {cells['time']}" if "date" in cells else cells["time"], where),
        latitude,
        longitude,
        depth,
    )


def _number(text: str, what: str, most: float, where: str) -> float:
    try:
        value = float(text.replace(",", "."))
        if abs(value) <= most and math.isfinite(value):
            return value
    except ValueError:
        pass
    limit = "" if math.isinf(most) else f" from {-most:g} to {most:g}"
    raise InputError(f"{where}: {what} {text!r}; expected a number{limit} (degrees as decimals, depth in m).")


def _time(text: str, where: str) -> float:
    """Seconds since 1970; a time without a zone is UTC."""
    if re.fullmatch(r"\d{9,10}(\.\d*)?", text):
        return float(text)
    when = None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        for form in _FORMATS:
            try:
                when = datetime.strptime(text, form)
                break
            except ValueError:
                continue
    if when is None:
        raise InputError(
            f"{where}: time {text!r}; expected UTC as 2026-05-01T12:30:00Z, or seconds since 1970."
        )
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _position(values: Float64) -> Position:
    latitude, longitude, depth = (float(value) for value in values)
    longitude = (longitude + 180) % 360 - 180
    return Position(round(latitude, 6), round(longitude, 6), None if math.isnan(depth) else round(depth, 2))
