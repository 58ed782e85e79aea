"""The content that passes between two formats: images and videos with tracks.

An image is a video of one frame; an object without a track is a track of one observation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from seasift.core.errors import InputError
from seasift.core.image import SUFFIXES
from seasift.core.masks import area_of, from_coco
from seasift.formats.document import Settings
from seasift.formats.tracks import Header, Observation, TrackEntry, Video


@dataclass(frozen=True)
class Content:
    """A document of any format.

    Attributes:
        header: videos (and images, as videos of one frame), categories, model.
        tracks: can be iterated several times; read one by one if the format allows it.
        notes: assumptions, a line each.
        settings: settings of a predictions document, else None.
        failures: (file, reason) of inputs without a result.
        left_out: kinds of things in the file that this document cannot hold, and their numbers.
    """

    header: Header
    tracks: Iterable[TrackEntry]
    notes: tuple[str, ...] = ()
    settings: Settings | None = None
    failures: tuple[tuple[str, str], ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadOptions:
    """Values that a file does not state.

    Attributes:
        fps: frames per second of videos, for formats without times.
        size: (width, height) in px, for formats without sizes.
    """

    fps: float | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class WriteOptions:
    """Options for writing.

    Attributes:
        masks: "polygons", or "rle" for exact masks if the format has them.
        simplify: maximum distance of a simplified outline from the exact one, px; 0 keeps every vertex.
        scientific_names: scientific name of each class that is an animal.
    """

    masks: str = "polygons"
    simplify: float = 1.0
    scientific_names: dict[str, str] = field(default_factory=dict)


def left_out(counts: Mapping[str, int]) -> list[str]:
    """One line for each kind of thing that was left out."""
    return [f"left out: {count:,} of kind {kind}" for kind, count in sorted(counts.items()) if count]


def frame_rate(value: Any) -> float | None:
    """Parse frames per second, a number or text; None for null, -1 and the like, which mean unknown."""
    try:
        rate = float(str(value).strip().strip("\"'"))
    except ValueError:
        return None
    return rate if 0 < rate < math.inf else None


def is_image(video: Video) -> bool:
    """Whether this is an image, not a video."""
    return PurePosixPath(video.file.split("#")[0]).suffix.lower() in SUFFIXES or (
        video.frames == 1 and video.fps is None
    )


def outlines(seen: Observation, video: Video) -> list[list[float]]:
    """Outlines [x1, y1, x2, y2, ...] in px; empty if only a box is known."""
    if seen.polygons is not None:
        return [ring for ring in seen.polygons if len(ring) >= 6]
    if seen.mask is None:
        return []
    return from_coco(seen.mask.model_dump(), (video.height, video.width)).polygons()


def rle(seen: Observation, video: Video) -> dict[str, Any] | None:
    """The mask as COCO's compressed run lengths; None if only a box is known."""
    if seen.mask is not None:
        return seen.mask.model_dump()
    if not seen.polygons:
        return None
    size = (video.height, video.width)
    return from_coco(seen.polygons, size).rle(size)


def shown(track: TrackEntry) -> Observation | None:
    """The observation that a map shows: the best view, else the highest score; None without a position."""
    placed = [seen for seen in track.observations if seen.position]
    best = track.best
    if best is not None:
        at = [seen for seen in placed if (seen.video, seen.frame) == (best.video, best.frame)]
        placed = at or placed
    return max(placed, key=lambda seen: seen.score, default=None)


def view(track: TrackEntry) -> Observation:
    """`shown`; for a track without a position, the best view, else the highest score."""
    best = track.best
    seen = [one for one in track.observations if best and (one.video, one.frame) == (best.video, best.frame)]
    return shown(track) or max(seen or track.observations, key=lambda one: one.score)


def box_of(points: list[float]) -> list[float]:
    """The box x, y, width, height around points [x1, y1, x2, y2, ...]."""
    xs, ys = points[0::2], points[1::2]
    if not xs or len(xs) != len(ys):
        raise ValueError(f"{len(points)} coordinates; expected pairs of x and y")
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def corners(box_xywh: list[float]) -> list[float]:
    """The four corners of a box, clockwise from the left top one, as eight numbers."""
    x, y, width, height = box_xywh
    return [x, y, x + width, y, x + width, y + height, x, y + height]


_YEARS, _LONGEST_S = (1900, 2200), 1e9


def utc(video: Video, time_s: float) -> datetime | None:
    """UTC of a time in a video; None if its start is unknown."""
    if video.start_utc is None:
        return None
    start = datetime.fromisoformat(video.start_utc)
    if not _YEARS[0] <= start.year <= _YEARS[1] or abs(time_s) > _LONGEST_S:
        raise ValueError(
            f"{time_s:g} s from {video.start_utc[:40]}; expected a time in {_YEARS[0]} to {_YEARS[1]}"
        )
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    return start.astimezone(UTC) + timedelta(seconds=time_s)


def iso(moment: datetime) -> str:
    """ISO 8601 with Z, in milliseconds unless it is a whole second."""
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def number(value: float) -> str:
    """The shortest decimal of this number, without an exponent, which some readers reject."""
    return str(int(value)) if value == int(value) else format(Decimal(repr(float(value))), "f")


@contextmanager
def reading(path: Path, index: str) -> Iterator[None]:
    """Convert any error in a part of a file to one line that names the part.

    Raises:
        InputError: in place of the errors that invalid data causes.
    """
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path}: {index[:80]}: {where[:80]}: {first['msg'].lower()[:200]}; got {_shown(first['input'])}."
        ) from None
    except KeyError as error:
        raise InputError(f"{path}: {index[:80]}: lacks {str(error)[:80]}.") from None
    except RecursionError:
        raise InputError(f"{path}: {index[:80]}: its values are nested too deeply.") from None
    except (ValueError, TypeError, AttributeError, IndexError, ArithmeticError) as error:
        raise InputError(f"{path}: {index[:80]}: {_in_words(error)}.") from None


def _in_words(error: Exception) -> str:
    """One line; Python's words for texts that are no numbers are replaced."""
    text = " ".join(str(error).split())[:200] or type(error).__name__
    found = re.fullmatch(
        r"(?:invalid literal for int\(\) with base 10|could not convert string to float): (.*)", text
    )
    return f"got {found[1][:60]}; expected a number" if found else text


def _shown(value: Any) -> str:
    """A value in at most 60 characters."""
    try:
        return f"{value!r:.60}"
    except (ValueError, RecursionError):  # a number of thousands of digits, or nested too deeply
        return f"a very large {type(value).__name__}"


@dataclass(frozen=True)
class _Checked:
    """Tracks of a file that fit its videos, so that nothing of them can fail later."""

    path: Path
    header: Header
    tracks: Iterable[TrackEntry]

    def __iter__(self) -> Iterator[TrackEntry]:
        videos = self.header.videos
        dated = [video.start_utc is not None for video in videos]
        for track in self.tracks:
            with reading(self.path, f"track {track.id}"):
                _check_text(track.name)
                if track.best is not None and track.best.video >= len(videos):
                    raise ValueError(f"its best view is in video {track.best.video} of {len(videos)}")
                for seen in track.observations:
                    if seen.video >= len(videos):
                        raise ValueError(f"observed in video {seen.video}; the document has {len(videos)}")
                    _check_shape(seen, videos[seen.video])
                    if dated[seen.video]:
                        utc(videos[seen.video], seen.time_s)
            yield track


def checked(path: Path, content: Content) -> Content:
    """A document whose parts fit each other; tracks are checked when they are read.

    Raises:
        InputError: a time, a size or a text of its header cannot be used.
    """
    with reading(path, "the document"):
        for category in content.header.categories:
            _check_text(category.name)
        for number, video in enumerate(content.header.videos):
            _check_text(video.file)
            _check_text(video.path or "")
            if max(video.width, video.height) > MOST_SIDE:
                raise ValueError(
                    f"video {number} of {video.width} x {video.height} px; at most {MOST_SIDE:,}"
                )
            utc(video, 0.0)
    return replace(content, tracks=_Checked(path, content.header, content.tracks))


MOST_SIDE = 100_000
"""Of an image or frame, px."""


def _check_text(text: str) -> None:
    text.encode("utf-8")  # half a character, as JSON can hold it, cannot be written


def _check_shape(seen: Observation, video: Video) -> None:
    for ring in seen.polygons or ():
        if len(ring) % 2:
            raise ValueError(f"an outline of {len(ring)} numbers; expected pairs of x and y")
        if max(map(abs, ring), default=0.0) > _FARTHEST_PX:
            raise ValueError(f"an outline at {max(map(abs, ring)):g} px; expected at most {_FARTHEST_PX:g}")
    if max(map(abs, seen.box_xywh)) > _FARTHEST_PX or min(seen.box_xywh[2:]) < 0:
        raise ValueError(f"a box {str(seen.box_xywh)[:80]}; expected x, y, width, height in px")
    if seen.mask is not None:
        area_of(seen.mask.model_dump(), (video.height, video.width))


_FARTHEST_PX = 1e7
