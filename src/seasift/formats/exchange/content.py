"""The content that passes between two formats: images and videos with tracks.

An image is a video of one frame; an object without a track is a track of one observation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from seasift.core.errors import InputError
from seasift.core.image import SUFFIXES
from seasift.core.masks import from_coco
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


def utc(video: Video, time_s: float) -> datetime | None:
    """UTC of a time in a video; None if its start is unknown."""
    if video.start_utc is None:
        return None
    start = datetime.fromisoformat(video.start_utc)
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
            f"{path}: {index}: {where}: {first['msg'].lower()}; got {first['input']!r:.60}."
        ) from None
    except KeyError as error:
        raise InputError(f"{path}: {index}: lacks {error}.") from None
    except (ValueError, TypeError, AttributeError, IndexError, ArithmeticError) as error:
        raise InputError(f"{path}: {index}: {_in_words(error)}.") from None


def _in_words(error: Exception) -> str:
    """One line; Python's words for texts that are no numbers are replaced."""
    text = " ".join(str(error).split()) or type(error).__name__
    found = re.fullmatch(
        r"(?:invalid literal for int\(\) with base 10|could not convert string to float): (.*)", text
    )
    return f"got {found[1][:60]}; expected a number" if found else text
