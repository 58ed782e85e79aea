"""Positions from a CSV file with a header."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seasift.core.errors import InputError
from seasift.survey import navigation_text

_NAMES = {
    "time": (
        *("time", "timestamp", "datetime", "utc", "timeutc", "datetimeutc", "timestamputc", "isotime"),
        *(
            "unixtime",
            "utctime",
            "utcdatetime",
            "timeofday",
            "timeofdayutc",
            "hms",
            "timehms",
            "utctimestamp",
            *("gmt", "timegmt", "gmttime", "datetimegmt"),
        ),
    ),
    "dive_s": ("dives", "seconds", "elapsed", "elapseds", "elapsedseconds", "videotime", "videotimes"),
    "date": ("date", "dateutc", "day", "utcdate", "dategmt", "dateddmmyyyy", "datemmddyyyy", "dateyyyymmdd"),
    "latitude": (
        *("latitude", "lat", "latdd", "latitudedeg", "latdeg", "latitudedd", "ylat", "decimallatitude"),
        *(
            "latituden",
            "latn",
            "latitudedegrees",
            "latdegrees",
            "latitudewgs84",
            "latdms",
            "latdm",
            "latitudedms",
        ),
    ),
    "longitude": (
        *("longitude", "lon", "long", "lng", "londd", "longitudedeg", "londeg", "longitudedd"),
        *(
            "decimallongitude",
            "xlon",
            "longitudee",
            "lone",
            "longdeg",
            "longdd",
            "longitudedegrees",
            "londegrees",
        ),
        *("longdegrees", "longitudewgs84", "londms", "londm", "longitudedms"),
    ),
    "depth": ("depth", "depthm", "depthmeters", "depthmetres", "waterdepth", "vehicledepth", "z"),
    "latitude_min": ("latmin", "latitudemin", "latminutes", "latitudeminutes"),
    "longitude_min": ("lonmin", "longmin", "longitudemin", "lonminutes", "longitudeminutes"),
    "latitude_sec": ("latsec", "latitudesec", "latseconds", "latitudeseconds"),
    "longitude_sec": ("lonsec", "longsec", "longitudesec", "lonseconds", "longitudeseconds"),
    "latitude_side": (
        *("ns", "latns", "latitudens", "nsindicator", "lathemi", "lathem", "lathemisphere", "latdir"),
        *("latdirection", "latref", "latituderef", "latitudehemisphere", "latitudedir", "nsind", "nors"),
    ),
    "longitude_side": (
        *(
            "ew",
            "lonew",
            "longew",
            "longitudeew",
            "ewindicator",
            "lonhemi",
            "lonhem",
            "lonhemisphere",
            "londir",
        ),
        *(
            "longdir",
            "londirection",
            "lonref",
            "longituderef",
            "longitudehemisphere",
            "longitudedir",
            "ewind",
            "eorw",
        ),
    ),
}
_SIDES = {"latitude": {"N", "S"}, "longitude": {"E", "W"}}


@dataclass(frozen=True)
class Fixes:
    """The content of a file.

    Attributes:
        rows: seconds, latitude, longitude, depth (NaN without).
        on_dive_clock, of_day, notes: see `Navigation`.
    """

    rows: Sequence[tuple[float, float, float, float]]
    on_dive_clock: bool = False
    of_day: bool = False
    notes: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class _Row:
    number: int
    cells: dict[str, str]


def read_csv(text: str, path: Path) -> Fixes:
    """Read a table.

    Raises:
        InputError: a column is missing, or a cell is invalid; the message names column and line.
    """
    lines = text.splitlines()
    first = _header_line(lines)
    if len(lines) < first + 2:
        raise InputError(f"{path}: {len(lines)} lines; expected a header and one line per position.")
    separator = max(",;\t", key=lines[first].count)
    try:
        table = list(csv.reader(lines[first:], delimiter=separator))
    except csv.Error as error:
        raise InputError(f"{path}: not a CSV table ({error}); expected one of positions.") from None
    header = table[0]
    columns = _columns(table, path)
    rows = []
    empty = 0
    for number, row in enumerate(table[1:], start=first + 2):
        if any(cell.strip() for cell in row[len(header) :]):
            raise InputError(
                f"{path}, line {number}: {len(row)} cells, but the header has {len(header)}; decimal commas need "
                "semicolons between the columns."
            )
        cells = {what: row[index].strip() if index < len(row) else "" for what, index in columns.items()}
        if cells["latitude"] and cells["longitude"]:
            rows.append(_Row(number, cells))
        elif any(cells.values()):
            empty += 1
    if not rows:
        shown = ", ".join(header[index] for index in columns.values())
        raise InputError(f"{path}: no line has a position; expected numbers in {shown}.")
    names = {what: header[index].strip() for what, index in columns.items()}
    whole = _Cells(path, names, rows)
    indices = [whole.angles(what) for what in ("latitude", "longitude")]
    depths = whole.depths()
    seconds, dated = whole.times()
    return Fixes(
        [(s, *where, depth) for s, *where, depth in zip(seconds, *indices, depths, strict=True)],
        on_dive_clock="dive_s" in columns,
        of_day=not dated,
        notes=_notes(path, header, columns, empty),
    )


def _header_line(lines: Sequence[str]) -> int:
    """Index of the header: the first line that is not empty, a comment, or Excel's `sep=;`."""
    for index, line in enumerate(lines):
        names = {_bare(name) for name in re.split(r"[,;\t]", line)}
        if names & {*_NAMES["latitude"], *_NAMES["longitude"]}:
            return index
        if line.strip() and not line.lstrip().startswith("#") and not line.casefold().startswith("sep="):
            return index
    return 0


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _notes(path: Path, header: Sequence[str], columns: dict[str, int], empty: int) -> list[str]:
    notes = []
    if empty:
        notes.append(f"{path}: {empty:,} lines have no position and were skipped.")
    unread = [name for name in header if "depth" in _bare(name)]
    if unread and "depth" not in columns:
        notes.append(
            f"{path}: column {unread[0]!r} is not read; expected depths in m in a column named 'depth'."
        )
    return notes


class _Cells:
    """Columns of the rows that have a position."""

    def __init__(self, path: Path, names: dict[str, str], rows: Sequence[_Row]) -> None:
        self._path, self._names, self._rows = path, names, rows

    def angles(self, what: str) -> list[float]:
        texts = [row.cells[what] for row in self._rows]
        if navigation_text.padded(texts, what):
            texts = [navigation_text.unpadded(text, what) for text in texts]
        found = []
        for row, text in zip(self._rows, texts, strict=True):
            full = " ".join([text, *(row.cells.get(f"{what}_{part}", "") for part in ("min", "sec"))]).strip()
            side = row.cells.get(f"{what}_side") or None
            letter = None if side is None else navigation_text.hemisphere(side)
            if side is not None and letter is None:
                raise self._bad(row, f"{what}_side", f"{side!r}", "a letter " + " or ".join(_SIDES[what]))
            value = navigation_text.degrees(full, what, letter)
            if value is None:
                shown = f"{what} {row.cells[what]!r}" + (f" with {side!r}" if side else "")
                most = 90 if what == "latitude" else 360
                raise self._bad(
                    row, what, shown, f"{navigation_text.EXPECTED_DEGREES}, from -{most} to {most}"
                )
            found.append(value)
        return found

    def depths(self) -> list[float]:
        return [
            self._number(row, "depth", 12_000) if row.cells.get("depth") else math.nan for row in self._rows
        ]

    def times(self) -> tuple[list[float], bool]:
        """Seconds, and whether the day is known."""
        if "dive_s" in self._names:
            return [self._number(row, "dive_s", math.inf) for row in self._rows], True
        texts = [" ".join((row.cells.get("date", ""), row.cells["time"])).strip() for row in self._rows]
        column = self._names.get("date", "") + self._names["time"]
        try:
            return navigation_text.on_days(navigation_text.read_moments(texts, column))
        except navigation_text.Unclear as error:
            index, why = error.args
            what = "date" if "date" in self._names and "month" in why else "time"
            raise self._bad(self._rows[index], what, f"time {why}", navigation_text.EXPECTED_TIME) from None

    def _number(self, row: _Row, what: str, most: float) -> float:
        text = row.cells[what]
        try:
            value = float(text.replace(",", "."))
            if abs(value) <= most and math.isfinite(value):
                return value
        except ValueError:
            pass
        limit = "" if math.isinf(most) else f" from {-most:g} to {most:g}"
        unit = "seconds" if what == "dive_s" else "m"
        raise self._bad(row, what, f"{what} {text!r}", f"a number{limit} ({unit})")

    def _bad(self, row: _Row, what: str, got: str, expected: str) -> InputError:
        return InputError(
            f"{self._path}, line {row.number}, column {self._names[what]!r}: {got}; expected {expected}."
        )


def _columns(table: Sequence[Sequence[str]], path: Path) -> dict[str, int]:
    header = table[0]
    bare = [_bare(name) for name in header]
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
    for what in ("latitude", "longitude"):
        beside = columns[what] + 1
        if f"{what}_side" not in columns and beside not in columns.values() and _is_side(table, beside, what):
            columns[f"{what}_side"] = beside
    _add_sides_elsewhere(table, columns, path)
    return columns


def _add_sides_elsewhere(table: Sequence[Sequence[str]], columns: dict[str, int], path: Path) -> None:
    """Find hemispheres in columns of unknown names that are not beside the angles.

    Raises:
        InputError: a column may hold hemispheres, and another reading is possible.
    """
    lacking = [what for what in _SIDES if f"{what}_side" not in columns]
    free = [index for index in range(len(table[0])) if index not in columns.values()]
    found = {what: [index for index in free if _is_side(table, index, what)] for what in lacking}
    if len(found) == 2 and all(len(indices) == 1 for indices in found.values()):
        columns.update({f"{what}_side": indices[0] for what, indices in found.items()})
        return
    for what, indices in found.items():
        if indices:
            name, letters = table[0][indices[0]], " and ".join(sorted(_SIDES[what]))
            raise InputError(
                f"{path}, column {name!r}: got only {letters}, which may be the hemisphere of the {what}; expected to know. "
                f"Name it '{'/'.join(sorted(_SIDES[what], key='NSEW'.index))}', or remove it."
            )


def _is_side(table: Sequence[Sequence[str]], index: int, what: str) -> bool:
    """Whether a column holds only N and S, or E and W, whatever its name."""
    cells = [row[index].strip() for row in table[1:] if index < len(row) and row[index].strip()]
    return bool(cells) and {navigation_text.hemisphere(cell) for cell in cells} <= _SIDES[what]
