"""File names: natural order, and chapters of one recording."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

# GoPro: GX020001 is chapter 2 of recording 0001 (GH H.264, GX HEVC, GL small copy, GS 360°). Older cameras: GOPR0001, GP010001,
# GP020001. Looped: GHAB0001, GHAB0002. Other words may be around the name, as in cam1_GX020001_left.
_NAMED = r"(?:(?P<before>.*)(?<![a-z0-9]))?(?:{})(?:(?![a-z0-9])(?P<after>.*))?"
_NEW = re.compile(_NAMED.format(r"g(?:[hxls]|p)(\d\d)(\d{4})"), re.IGNORECASE)
_OLD_FIRST = re.compile(_NAMED.format(r"gopr(\d{4})"), re.IGNORECASE)
_LOOP = re.compile(_NAMED.format(r"g[hxls]([a-z]{2})(\d{4})"), re.IGNORECASE)

Key = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, order=True)
class Chapter:
    """A part of a recording that the camera wrote as several files.

    Attributes:
        recording: name of the recording; the same for all chapters.
        number: number of the chapter, in order of time.
    """

    recording: str
    number: int


def chapter_of(path: PurePath) -> Chapter | None:
    """The chapter named by a file; None if no known camera writes such a name."""
    if match := _NEW.fullmatch(path.stem):
        return Chapter(_recording(match, match[3]), int(match[2]))
    if match := _OLD_FIRST.fullmatch(path.stem):
        return Chapter(_recording(match, match[2]), 0)
    if match := _LOOP.fullmatch(path.stem):
        return Chapter(_recording(match, match[2].upper()), int(match[3]))
    return None


def _recording(match: re.Match[str], name: str) -> str:
    return f"{match['before'] or ''}{name}{match['after'] or ''}".casefold()


def natural_key(path: PurePath) -> tuple[Key, ...]:
    """Sort key: numbers in names by value (dive2 before dive10), chapters of a recording in sequence."""
    chapter = chapter_of(path)
    last = path.stem if chapter is None else f"G {chapter.recording} {chapter.number}"
    return tuple(_parts(part) for part in (*path.parent.parts, last, path.name))


def _parts(text: str) -> Key:
    parts = [
        (0, int(part), part) if part.isdecimal() else (1, 0, part.casefold())
        for part in re.split(r"(\d+)", text)
        if part
    ]
    return (*parts, (-1, 0, text))  # shorter names come first
