"""Times and angles in the text of navigation files.

All times of a column have one format. Latitudes and longitudes come from people and instruments.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_CLOCK = re.compile(
    r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?P<f>[.,]\d*)?)?\s*(?P<half>[ap])?\.?(?(half)m?\.?)\s*"
    r"(?P<zone>z|utc|gmt|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_BARE_CLOCK = re.compile(r"(\d{2})(\d{2})(\d{2})(\.\d*)?")
_SLASHED = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})")
_BACKWARD = re.compile(r"(\d{4})([/.-]?)(\d{1,2})\2(\d{1,2})")
_NAMED = re.compile(r"(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?[\s,-]+(\d{4})", re.IGNORECASE)
_NAMED_FIRST = re.compile(r"([a-z]{3})[a-z]*\.?\s+(\d{1,2}),?\s+(\d{4})", re.IGNORECASE)
_EPOCH = re.compile(r"\d{9,10}(?:\.\d*)?|\d{12,13}")
EXPECTED_TIME = "UTC as 2026-05-01T12:30:00Z, or seconds since 1970"


@dataclass(frozen=True)
class Moment:
    """A time, with or without a known day."""

    day: date | None
    seconds: float


class Unclear(ValueError):
    """A cell that cannot be read; `args` are its index and the reason."""


def read_moments(cells: Sequence[str], header: str = "") -> list[Moment]:
    """Parse the times of a column.

    Args:
        cells: in order.
        header: header of the column, which may state dd/mm/yyyy.
    Raises:
        Unclear: a cell cannot be read, or days and months cannot be distinguished.
    """
    if cells and all(_EPOCH.fullmatch(cell) for cell in cells):
        return [_epoch(cell) for cell in cells]
    if cells and all(_BARE_CLOCK.fullmatch(cell) for cell in cells):
        cells = [_with_colons(cell) for cell in cells]
    day_first = _day_first(cells, header)
    return [_moment(cell, index, day_first) for index, cell in enumerate(cells)]


def on_days(moments: Sequence[Moment]) -> tuple[list[float], bool]:
    """Seconds since 1970 of moments in order, and whether their days are known.

    A time without a day belongs to the day of the last time with one, or to the next day if it is more than 12 hours
    earlier. If no day is known, seconds count from midnight of the first day.
    """
    known = [index for index, moment in enumerate(moments) if moment.day is not None]
    days: list[int] = [0] * len(moments)
    for index, moment in enumerate(moments):
        if moment.day is not None:
            days[index] = moment.day.toordinal()
        elif index:
            days[index] = days[index - 1] + _over_midnight(moments[index - 1], moment)
    for index in range(known[0] - 1, -1, -1) if known else ():
        days[index] = days[index + 1] - _over_midnight(moments[index], moments[index + 1])
    zero = date(1970, 1, 1).toordinal() if known else 0
    return [
        (day - zero) * 86_400.0 + moment.seconds for day, moment in zip(days, moments, strict=True)
    ], bool(known)


def _over_midnight(first: Moment, second: Moment) -> int:
    return int(first.seconds - second.seconds > 43_200)


def _epoch(cell: str) -> Moment:
    value = float(cell) / (1000 if len(cell) in (12, 13) and "." not in cell else 1)
    return Moment(date(1970, 1, 1), value)


def _with_colons(clock: str) -> str:
    return ":".join(clock[k : k + 2] for k in (0, 2, 4)) + clock[6:]


def _day_first(cells: Sequence[str], header: str) -> bool | None:
    """Whether 1/2/2026 is the first of February; None if undetermined."""
    pairs = [
        (int(match[1]), int(match[3]))
        for cell in cells
        if (match := _SLASHED.match(cell)) and match[2] != "."
    ]
    spelt = re.sub(r"[^dmy]", "", header.casefold())
    if "ddmmyy" in spelt or any(first > 12 for first, _ in pairs):
        return True
    if "mmddyy" in spelt or any(second > 12 for _, second in pairs):
        return False
    return True if all(first == second for first, second in pairs) else None


def _moment(cell: str, index: int, day_first: bool | None) -> Moment:
    text = cell.strip()
    day, rest = _day(text, index, day_first)
    if not rest and day is not None:
        raise Unclear(index, f"{cell!r} has no time of day")
    if day is not None and _BARE_CLOCK.fullmatch(rest):
        rest = _with_colons(rest)
    match = _CLOCK.fullmatch(rest)
    if match is None:
        raise Unclear(index, f"{cell!r}")
    hour, minute, second = int(match["h"]), int(match["m"]), int(match["s"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            raise Unclear(index, f"{cell!r}")
        hour = hour % 12 + 12 * (match["half"].casefold() == "p")
    if hour > 23 or minute > 59 or second > 60:
        raise Unclear(index, f"{cell!r}")
    seconds = hour * 3600 + minute * 60 + second + float("0" + (match["f"] or "").replace(",", "."))
    zone = (match["zone"] or "").casefold()
    if zone[:1] in ("+", "-"):
        off = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        seconds -= off if zone[0] == "+" else -off
    if day is None:
        return Moment(None, seconds % 86_400)
    return Moment(day + timedelta(days=seconds // 86_400), seconds % 86_400)


def _day(text: str, index: int, day_first: bool | None) -> tuple[date | None, str]:
    """The date at the start of a text, and the rest of the text."""
    try:
        if match := _BACKWARD.match(text):
            return date(int(match[1]), int(match[3]), int(match[4])), _behind(text, match.end())
        if match := _SLASHED.match(text):
            first, second = int(match[1]), int(match[3])
            if match[2] == ".":
                day_first = True
            if day_first is None:
                raise Unclear(
                    index, f"{text!r} may be the {first}. of month {second} or the {second}. of month {first}"
                )
            if not day_first:
                first, second = second, first
            return date(int(match[4]), second, first), _behind(text, match.end())
        if match := _NAMED.match(text):
            return date(int(match[3]), _month(match[2]), int(match[1])), _behind(text, match.end())
        if match := _NAMED_FIRST.match(text):
            return date(int(match[3]), _month(match[1]), int(match[2])), _behind(text, match.end())
    except Unclear:
        raise
    except ValueError:
        raise Unclear(index, f"{text!r}") from None
    return None, text


def _behind(text: str, end: int) -> str:
    rest = text[end:]
    return rest[1:].lstrip() if rest[:1] in ("T", "t", "_", ",") else rest.strip()


def _month(name: str) -> int:
    return _MONTHS.index(name.casefold()) + 1


def utc(day: date, clock: time) -> Moment:
    """The moment of a date and a time of day."""
    return Moment(day, clock.hour * 3600 + clock.minute * 60 + clock.second + clock.microsecond / 1e6)


def day_of(seconds: float, begin: datetime) -> float:
    """Offset that moves seconds from an unknown midnight nearest to a moment.

    Args:
        begin: approximate time of the first of them.
    """
    begin = begin.astimezone(UTC)
    midnight = datetime(begin.year, begin.month, begin.day, tzinfo=UTC).timestamp()
    best = min((-1, 0, 1), key=lambda k: abs(midnight + k * 86_400 + seconds - begin.timestamp()))
    return midnight + best * 86_400


_NUMBER = r"\d+(?:[.,]\d*)?|[.,]\d+"
_MARKS = re.compile(r"[°º˚d:'′’`´\"″”“]|deg(?:rees?)?|min(?:utes?)?|sec(?:onds?)?", re.IGNORECASE)
_PARTS = re.compile(rf"(?:{_NUMBER})(?:[\s_-]+(?:{_NUMBER})){{0,2}}")
_WORDS = {"north": "N", "south": "S", "east": "E", "west": "W"}
_LETTERS = r"(north|south|east|west|[nsew])"
_LETTER_FIRST = re.compile(rf"{_LETTERS}(?![a-z])", re.IGNORECASE)
_LETTER_LAST = re.compile(rf"(?<![a-z]){_LETTERS}$", re.IGNORECASE)
_MOST = {"latitude": 90.0, "longitude": 360.0}
_HEMISPHERES = {"latitude": "NS", "longitude": "EW"}
_PADDED = {
    "latitude": re.compile(r"([NS+-]?\s*)(\d\d)(\d\d(?:\.\d+)?\s*[NS]?)", re.IGNORECASE),
    "longitude": re.compile(r"([EW+-]?\s*)(\d{3})(\d\d(?:\.\d+)?\s*[EW]?)", re.IGNORECASE),
}
EXPECTED_DEGREES = "degrees such as -54.1, 54.1 S, 54° 6.0' S or 54° 06' 00\" S"


def hemisphere(text: str) -> str | None:
    """N, S, E or W for a letter or word; None for anything else."""
    word = text.strip().casefold()
    return _WORDS.get(word, word.upper() if word and word in "nsew" else None)


def degrees(text: str, what: str, letter: str | None = None) -> float | None:
    """Parse an angle: decimal degrees, degrees and minutes, or degrees, minutes and seconds, with a sign or a letter.

    Args:
        what: latitude or longitude.
        letter: N, S, E or W, from another column.
    Returns:
        The angle in degrees; None if the text is invalid or contradicts itself.
    """
    bare = text.strip()
    for found in (_LETTER_FIRST.match(bare), _LETTER_LAST.search(bare)):
        if found:
            own = hemisphere(found[1])
            if letter is not None and letter != own:
                return None
            letter, bare = own, (bare[: found.start()] + bare[found.end() :]).strip()
    if letter is not None and letter not in _HEMISPHERES[what]:
        return None
    sign = -1 if bare[:1] in ("-", "−") else 1
    bare = _MARKS.sub(" ", bare.lstrip("+-−")).strip()
    if not _PARTS.fullmatch(bare):
        return None
    parts = [float(part.replace(",", ".")) for part in re.split(r"[\s_-]+", bare)]
    if any(part >= 60 for part in parts[1:]) or any(part != int(part) for part in parts[:-1]):
        return None
    value = sum(part / 60**index for index, part in enumerate(parts))
    if sign < 0 and letter in ("N", "E"):
        return None
    if letter in ("S", "W"):
        sign = -1
    return sign * value if value <= _MOST[what] and math.isfinite(value) else None


def padded(values: Sequence[str], what: str) -> bool:
    """Whether a whole column is degrees and minutes without a separator, as in NMEA: 5406.0 is 54° 6.0'."""
    filled = [value for value in values if value]
    return bool(filled) and all(_PADDED[what].fullmatch(value) for value in filled)


def unpadded(text: str, what: str) -> str:
    """Insert a space between degrees and minutes of a value of such a column."""
    match = _PADDED[what].fullmatch(text)
    return text if match is None else f"{match[1]}{match[2]} {match[3]}"
