"""Latitudes and longitudes from people and instruments, in degrees."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

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
EXPECTED = "degrees such as -54.1, 54.1 S, 54° 6.0' S or 54° 06' 00\" S"


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
