"""Convert from one format to another, simplify outlines for editing by people, and report losses."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from seasift.core.choices import parse_size, takes_fields_of
from seasift.core.errors import InputError
from seasift.core.files import check_regular
from seasift.core.masks import from_coco
from seasift.core.types import Bool
from seasift.formats.exchange import registry
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    is_image,
    left_out,
    outlines,
)
from seasift.formats.exchange.naming import named_by_class, named_rolled_up
from seasift.formats.exchange.options import (
    ConvertOptions,
    parse_animals,
    parse_fps,
    parse_masks,
    parse_names,
)
from seasift.formats.exchange.table import of_video, of_videos
from seasift.formats.tracks import Observation, TrackEntry, Video


@dataclass
class Tally:
    """Iterates over tracks and counts them."""

    content: Content
    seen: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[TrackEntry]:
        self.seen.clear()
        moving = [not is_image(video) for video in self.content.header.videos]
        for track in self.content.tracks:
            self.seen["objects"] += 1
            self.seen["tracks"] += len(track.observations) > 1
            for one in track.observations:
                self.seen["observations"] += 1
                self.seen["outlines"] += one.mask is not None or bool(one.polygons)
                self.seen["masks"] += one.mask is not None
                self.seen["scores"] += one.score < 1
                self.seen["times"] += moving[one.video]
                self.seen["positions"] += one.position is not None
            yield track


@dataclass(frozen=True)
class Report:
    """The result of a conversion.

    Attributes:
        source: format read.
        target: format written.
        counts: `objects`, `observations` and `files`.
        lost: things that the target cannot hold, in words.
        notes: omissions, assumptions and warnings, a line each.
        written: the files written; several if the format holds one video per file.
    """

    source: str
    target: str
    counts: dict[str, int]
    lost: tuple[str, ...]
    notes: tuple[str, ...]
    written: tuple[Path, ...]


@takes_fields_of(ConvertOptions)
def convert(options: ConvertOptions) -> Report:
    """Convert annotations between formats of tools, without the images.

    Args:
        source: a file of annotations or results.
        target: the file to write. If the format holds one video per file and there are several, one file
            NAME-01-VIDEO.suffix for each.
        to: format to write, such as "coco", "viame-csv" or "cvat"; `docs/reference/formats.md` lists them.
        source_format: format of the source; default: detected from its name and content.
        names: "rollup", or "class" for the likeliest class of every object, if the source has rolled-up names.
        masks: "polygons", or "rle" for exact masks if the format has them.
        simplify: maximum distance of a simplified outline from the mask, px; 0 keeps every vertex.
        video: convert only this file of the document.
        fps: frames per second, if the source has frame numbers or times but not both.
        size: "WIDTHxHEIGHT" of the images in px, if the source does not state it.
        animals: class name to scientific name, for "darwin-core" and "fathomnet-csv".
    Returns:
        Counts, losses and notes.
    Raises:
        InputError: unknown format, invalid file, or a document that the target cannot hold.

    >>> report = seasift.convert("tracks.json", "dive.csv", to="viame-csv")
    >>> print(report.counts, report.lost)
    """
    return run(options)


def run(options: ConvertOptions) -> Report:
    """`convert` with its options as one value."""
    for path in (options.source, options.target):
        if not isinstance(path, str | os.PathLike):
            raise InputError(f"a value of type {type(path).__name__}; expected the path of a file.")
    source, target = Path(options.source), Path(options.target)
    reading = ReadOptions(
        parse_fps(options.fps), parse_size(options.size, "--size") if options.size else None
    )
    writing = WriteOptions(parse_masks(options.masks), options.simplify, parse_animals(options.animals))
    names = parse_names(options.names)
    output = registry.named(options.to)
    if not source.is_file():
        if source.exists() and not source.is_dir():
            check_regular(source)
        what = "a folder" if source.is_dir() else "no such file"
        raise InputError(f"{source}: {what}; expected a file of annotations. Check the name.")
    if target.exists() and target.samefile(source):
        raise InputError(f"{target}: is the input file, too. Give another name for the output.")
    if target.suffix.lower() not in output.suffixes:
        raise InputError(f"{target}: a file of {output.title} ends in {' or '.join(output.suffixes)}.")
    known = registry.named(options.source_format) if options.source_format else registry.guess(source)
    content = registry.read(known, source, reading)
    content = of_video(content, options.video) if options.video else content
    content = _named(content, names, output)
    notes = [*content.notes, *left_out(content.left_out)]
    seen: Counter[str] = Counter()
    targets = _targets(target, output, content)
    for path, part in targets:
        tally = Tally(part)
        tracks = Simplified(replace(part, tracks=tally), _tolerance(output, writing))
        said = output.write(path, replace(part, tracks=tracks), writing)
        where = f"{path.name}: " if len(targets) > 1 else ""
        notes += [f"{where}{line}" for line in (*said, *tracks.notes())]
        seen += tally.seen
    counts = {name: seen[name] for name in ("objects", "observations")}
    counts["files"] = len(content.header.videos)
    written = tuple(path for path, _ in targets)
    return Report(known.name, output.name, counts, _lost(seen, output, writing), tuple(notes), written)


def _named(content: Content, names: str, output: registry.Format) -> Content:
    """With the wanted names. Seasift's own documents hold both names of an object."""
    if content.header.names is None:
        return content
    if names == "class":
        return named_by_class(content)
    return content if output.name.startswith("seasift-") else named_rolled_up(content)


def _targets(target: Path, output: registry.Format, content: Content) -> list[tuple[Path, Content]]:
    """The files to write. A format with one video per file gets one for each video and one for all images."""
    videos = content.header.videos
    moving = [i for i, video in enumerate(videos) if not is_image(video)]
    still = [i for i, video in enumerate(videos) if is_image(video)]
    if not output.one_video or len(moving) + bool(still) < 2:
        return [(target, content)]
    names = [PurePosixPath(videos[i].file.replace("\\", "/")).stem[:80] for i in moving]
    groups = [([i], name) for i, name in zip(moving, names, strict=True)] + (
        [(still, "images")] if still else []
    )
    return [
        (target.with_name(f"{target.stem}-{number:02}-{name}{target.suffix}"), of_videos(content, group))
        for number, (group, name) in enumerate(groups, start=1)
    ]


def _tolerance(output: registry.Format, writing: WriteOptions) -> float:
    """Tolerance for simplifying outlines, px; 0 for seasift's own documents and for exact masks."""
    exact = writing.masks == "rle" and "masks" in output.holds
    ours = output.name.startswith("seasift-") or "outlines" not in output.holds
    return 0.0 if exact or ours else writing.simplify


def _lost(seen: Counter[str], output: registry.Format, writing: WriteOptions) -> tuple[str, ...]:
    words = {
        "tracks": "which boxes belong to one track",
        "outlines": "outlines (boxes only)",
        "masks": "exact masks (outlines only; holes are filled)",
        "scores": "scores",
        "times": "times",
        "positions": "positions",
    }
    lost = [name for name in words if seen[name] and name not in output.holds]
    if "outlines" in lost and "masks" in lost:
        lost.remove("masks")
    as_outlines = output.name in ("coco", "kwcoco", "seasift-predictions") and writing.masks == "polygons"
    if seen["masks"] and as_outlines:
        return (*(words[name] for name in lost), "exact masks (written as outlines; --masks rle keeps them)")
    return tuple(words[name] for name in lost)


LEAST_IOU = 0.9
"""Minimum IoU with the exact outline; small and thin objects keep more vertices to reach it."""


@dataclass
class Simplified:
    """Tracks with simplified outlines. Only outlines along pixel edges change; a person's stay unchanged.

    Attributes:
        content: the document.
        px: maximum distance of a new outline from the exact one.
    """

    content: Content
    px: float
    _before: Counter[int] = field(default_factory=Counter)
    _after: Counter[int] = field(default_factory=Counter)
    _sum: float = 0.0
    _lowest: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.px < math.inf):
            raise InputError(f"--simplify {self.px:g}: expected px, 0 or more. 0 keeps every vertex.")

    def __iter__(self) -> Iterator[TrackEntry]:
        self._before.clear()
        self._after.clear()
        self._sum, self._lowest = 0.0, 1.0
        videos = self.content.header.videos
        for track in self.content.tracks:
            seen = [self._seen(one, videos[one.video]) for one in track.observations]
            yield track.model_copy(update={"observations": seen})

    def notes(self) -> list[str]:
        """A note on the loss, after iterating over all tracks; empty if no outline changed."""
        count = self._before.total()
        if not count:
            return []
        return [
            f"outlines simplified by up to {self.px:g} px: {_median(self._before)} vertices to {_median(self._after)} (median), "
            f"IoU with the exact outlines {self._sum / count:.3f} on average, {self._lowest:.3f} at least; "
            "--simplify 0 keeps every vertex"
        ]

    def _seen(self, one: Observation, video: Video) -> Observation:
        rings = outlines(one, video)
        if not self.px or not any(map(_traced, rings)):
            return one
        found, iou = simplified(rings, self.px)
        self._before[sum(map(len, rings)) // 2] += 1
        self._after[sum(map(len, found)) // 2] += 1
        self._sum += iou
        self._lowest = min(self._lowest, iou)
        return one.model_copy(update={"polygons": found, "mask": None})


def simplified(rings: list[list[float]], px: float) -> tuple[list[list[float]], float]:
    """Outlines of one object with fewer vertices, and their IoU with the exact ones.

    Source: Douglas and Peucker 1973, by OpenCV. The tolerance is halved until the IoU is at least `LEAST_IOU`.
    """
    exact = _bitmap(rings, rings)
    while px > 0.25:
        found = [_fewer(ring, px) if _traced(ring) else ring for ring in rings]
        shared = _bitmap(found, rings)
        iou = int((exact & shared).sum()) / max(int((exact | shared).sum()), 1)
        if iou >= LEAST_IOU:
            return found, iou
        px /= 2
    return rings, 1.0


def _traced(ring: list[float]) -> bool:
    """Whether an outline follows pixel edges and has more corners than a box."""
    points = np.array(ring).reshape(-1, 2)
    steps = points - np.roll(points, 1, axis=0)
    return len(points) > 4 and bool((steps == 0).any(axis=1).all())


def _fewer(ring: list[float], px: float) -> list[float]:
    ends = np.array(ring).reshape(-1, 2)
    steps = ends - np.roll(ends, 1, axis=0)
    lengths = np.abs(steps).sum(axis=1, keepdims=True)
    half = steps / lengths * np.minimum(lengths / 2, 0.5)
    # The line that the pixel steps follow is half a pixel before and after each corner.
    points = np.stack([np.roll(ends, 1, axis=0) + half, ends - half], axis=1).reshape(-1, 1, 2)
    kept = cv2.approxPolyDP(points.astype(np.float32), px, closed=True)
    return ring if len(kept) < 3 else [round(float(value), 2) for value in kept.ravel()]


def _bitmap(rings: list[list[float]], around: list[list[float]]) -> Bool:
    """Rasterise outlines by COCO's rule, in the box around other outlines with a margin."""
    points = np.concatenate([np.array(ring).reshape(-1, 2) for ring in around])
    low, high = np.floor(points.min(axis=0)) - 2, np.ceil(points.max(axis=0)) + 2
    width, height = (int(side) for side in high - low)
    moved = [(np.array(ring).reshape(-1, 2) - low).ravel().tolist() for ring in rings]
    return from_coco(moved, (height, width)).bitmap((height, width))


def _median(counts: Counter[int]) -> int:
    half, seen = counts.total() / 2, 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= half:
            return value
    return 0
