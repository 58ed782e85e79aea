"""Kinds of files: a still image or footage, by the bytes and only then by the name.

Names of files also give their order: natural, and by chapters of one recording.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from seasift.core import image
from seasift.core.errors import ImageError
from seasift.core.image_format import format_of
from seasift.video.file import opened

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


Kind = Literal["image", "video"]

_NAMES = """
mp4 mov m4v qt avi divx mkv webm mpg mpeg mpe m1v m2v mpv ts mts m2ts m2t mod tod vob mxf gxf dv wmv asf flv f4v 3gp 3g2
ogv ogm insv 360 lrv lrf h264 264 avc h265 265 hevc ivf y4m nut mjpeg mjpg rm rmvb wtv dav gif apng
"""
VIDEO_SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
"""Extensions of files that count as footage if their bytes are not conclusive."""

_HEAD = 1 << 16
_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"OggS",
    b"FLV\x01",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"\0\0\1\xba",  # MPEG program stream: VOB, MOD
    b"\0\0\1\xb3",  # MPEG-1, MPEG-2
    b"\0\0\1\xb0",  # MPEG-4
    b"\x1f\x07\0",  # DV
    b"DKIF",
    b"YUV4MPEG2",
    b"nut/multimedia container\0",
    b".RMF",
    b"GIF8",
    b"\xb7\xd8\x00\x20\x37\x49\xda\x11",  # WTV
    b"DHAV",
    b"\0\0\0\0\1\xbc",  # GXF
)
_MXF = b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02"
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_STILL_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"crx ")
_H264, _H265 = {0x67, 0x27, 0x47, 0x09}, {0x40, 0x42, 0x44, 0x46}
_STILL_FORMATS = ("image2", "tty")
_SMALL_COPIES = frozenset({".lrv", ".lrf"})
_SHOWN = 6


def kind_of(path: Path) -> Kind:
    """Kind of a file that the user named. A file that is neither counts as an image; reading it gives the error."""
    if not path.is_file():  # a pipe can be read only once
        return "video" if path.suffix.lower() in VIDEO_SUFFIXES else "image"
    head = _head(path)
    if format_of(head) is not None and not _moving_still(path, head):
        return "image"
    if is_footage(head) or path.suffix.lower() in VIDEO_SUFFIXES:
        return "video"
    return "video" if path.suffix.lower() not in image.SUFFIXES and holds_footage(path) else "image"


def kind_in_folder(path: Path) -> Kind | None:
    """Kind of a file found in a folder; None if it is neither, or only accompanies another file.

    Files with an image's extension are not opened, because folders hold many.
    """
    suffix = path.suffix.lower()
    if suffix in image.SUFFIXES:
        return "image"
    if suffix in (".thm", ".lrf", ".lrv") and _has_full_copy(path):
        return None
    head = _head(path)
    if format_of(head) is not None and not _moving_still(path, head):
        return "image" if suffix in ("", ".jfif", ".jif") or suffix in VIDEO_SUFFIXES else None
    if suffix in VIDEO_SUFFIXES:
        return "video"
    return "video" if is_footage(head) and holds_footage(path) else None


def left_out(paths: Iterable[Path]) -> str:
    """Number of files by extension, as `3 .csv, 1 .txt`; "" for none."""
    counts = Counter(path.suffix.lower() or "without suffix" for path in paths)
    shown = [f"{count:,} {suffix}" for suffix, count in counts.most_common(_SHOWN)]
    rest = counts.total() - sum(count for _, count in counts.most_common(_SHOWN))
    return ", ".join([*shown, *([f"{rest:,} others"] if rest else [])])


def is_footage(head: bytes) -> bool:
    """Whether a file's first bytes are those of a container or stream that may hold footage."""
    if head.startswith(_STARTS):
        return True
    if head[4:8] in _BOXES:
        return head[8:12] not in _STILL_BRANDS
    if head[:4] in (b"RIFF", b"RIFX"):
        return head[8:12] == b"AVI "
    if any(_synced(head, at, step) for at, step in ((0, 188), (4, 192), (0, 204))):
        return True
    if _MXF in head:
        return True
    for start in (b"\0\0\0\1", b"\0\0\1"):
        if head.startswith(start) and len(head) > len(start):
            return head[len(start)] in _H264 | _H265
    return False


def _synced(head: bytes, first: int, step: int) -> bool:
    """Whether each of five packets begins with a transport stream's sync byte."""
    marks = head[first : first + 5 * step : step]
    return len(marks) == 5 and set(marks) == {0x47}


def holds_footage(path: Path) -> bool:
    """Whether FFmpeg finds moving images in it."""
    try:
        with opened(path) as (container, _):
            names = container.format.name.split(",")
            return not any(name in _STILL_FORMATS or name.endswith("_pipe") for name in names)
    except ImageError:
        return False


def _moving_still(path: Path, head: bytes) -> bool:
    """Whether images follow each other in an image format: Motion JPEG without a container, animated PNG."""
    return path.suffix.lower() in (".mjpeg", ".mjpg") or (path.suffix.lower() == ".apng" and b"acTL" in head)


def _has_full_copy(path: Path) -> bool:
    """Whether this is a camera's small copy or thumbnail and its recording is in the same folder."""
    chapter = chapter_of(path)
    return any(
        other.suffix.lower() in VIDEO_SUFFIXES - _SMALL_COPIES
        and (
            other.stem.casefold() == path.stem.casefold()
            or (chapter is not None and chapter_of(other) == chapter)
        )
        for other in _beside(path)
    )


def _beside(path: Path) -> Sequence[Path]:
    try:
        return [other for other in path.parent.iterdir() if other != path]
    except OSError:
        return []


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
