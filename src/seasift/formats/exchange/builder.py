"""Build a document from rows and entries in any order, and split tracks into the runs that key-frame formats need."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from seasift.core.errors import InputError
from seasift.core.masks import MaskCrop
from seasift.formats.document import ModelEntry, Rle
from seasift.formats.exchange.content import Content, ReadOptions, is_image, left_out
from seasift.formats.exchange.regions import Region, of_mask
from seasift.formats.tracks import Best, Observation, Position, TrackEntry, Video, make_header


def largest(rings: Sequence[list[float]]) -> list[float]:
    """The outline with the largest area; empty if there is none."""
    return max(rings, key=area, default=[])


def area(ring: list[float]) -> float:
    """px² inside an outline."""
    xs, ys = ring[0::2], ring[1::2]
    ends = zip(xs, ys, [*xs[1:], xs[0]], [*ys[1:], ys[0]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for x1, y1, x2, y2 in ends)) / 2


def lost_outlines(
    lost: Counter[str], rings: Sequence[Sequence[list[float]]], *, together: bool = False
) -> None:
    """Count the outlines lost in a format that holds one outline per object.

    Args:
        rings: outlines of each observation of an object.
        together: whether objects in the format have outlines in all frames or in none.
    """
    if together and not all(rings):
        lost["outline (of an object that has none in some frames; boxes are kept)"] += sum(map(bool, rings))
    else:
        lost["second outline of an object (the largest is kept)"] += sum(
            max(0, len(one) - 1) for one in rings
        )


def stride(seen: Sequence[Observation]) -> int:
    """Frames between evaluated frames: the smallest step between observations."""
    steps = [later.frame - one.frame for one, later in pairwise(seen)]
    return min((step for step in steps if step > 0), default=1)


def runs(seen: Sequence[Observation]) -> list[list[Observation]]:
    """Runs of observations, split where an evaluated frame has none; tools must not interpolate there."""
    step = stride(seen)
    pieces: list[list[Observation]] = []
    for one in seen:
        if pieces and one.frame - pieces[-1][-1].frame <= step:
            pieces[-1].append(one)
        else:
            pieces.append([one])
    return pieces


ASSUMED_FPS = 30.0


class Builder:
    """Collect videos, classes and observations; `content` returns the document."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path, self.options = path, options
        self.notes: list[str] = []
        self.left_out: Counter[str] = Counter()
        self._videos: dict[str, dict[str, Any]] = {}
        self._extent: dict[int, tuple[float, float]] = {}
        self._categories: dict[str, int] = {}
        self._tracks: dict[Hashable, dict[str, Any]] = {}

    def video(self, file: str, **known: Any) -> int:
        """The index of a file among the videos; `known` fills fields of `Video` that were unknown before."""
        entry = self._videos.setdefault(file, {"file": file, "place": len(self._videos)})
        for key, value in known.items():
            if value is not None:
                entry.setdefault(key, value)
        return int(entry["place"])

    def category(self, name: str, category_id: int | None = None) -> None:
        """A class, with the id it has in the file."""
        if name not in self._categories:
            taken = self._categories.values()
            self._categories[name] = category_id if category_id is not None else max(taken, default=0) + 1

    def time_of(self, file: str, frame: int) -> float:
        """A frame's time if the format has none: by the frame rate, which is then an assumption."""
        if self._videos[file].get("frames") == 1:
            return 0.0
        fps = self._videos[file].get("fps") or self.options.fps
        if fps is None:
            fps = ASSUMED_FPS
            self.note(f"no times and no frame rate in the file: {fps:g} frames/s are assumed; give --fps")
        return round(frame / fps, 6)

    def note(self, line: str) -> None:
        """Note an assumption, once."""
        if line not in self.notes:
            self.notes.append(line)

    def leave_out(self, kind: str, count: int = 1) -> None:
        """Count things in the file that a seasift document cannot hold; the conversion reports each kind."""
        if count:
            self.left_out[kind] += count

    def add_region(
        self, key: Hashable | None, name: str, video: int, region: Region | None, **known: Any
    ) -> None:
        """An observation of a drawn shape; `known` as in `add`. A shape without an area in its image is skipped."""
        if region is None:
            self.leave_out("mask (without a pixel)")
            return
        shape: dict[str, Any] = {"polygons": list(region.rings)}
        box_xywh = region.box_xywh
        if min(box_xywh[2:]) <= 0:
            self.leave_out("shape (a point or a line, no area)")
            return
        if region.mask is not None:
            size = self._size(video)
            mask = region.mask if size is None else MaskCrop.from_bitmap(region.mask.bitmap(size))
            inside = of_mask(mask)
            if inside is None:
                self.leave_out("mask (without a pixel in its image)")
                return
            box_xywh = inside.box_xywh
            shape = {"polygons": mask.polygons()} if size is None else {"mask": mask.rle(size)}
            if size is None:
                self.note("no sizes of images in the file: masks are read as outlines; give --size")
        self.add(key, name, video, box_xywh, **shape, **known)

    def _size(self, video: int) -> tuple[int, int] | None:
        """Height and width of a video, if known so far."""
        entry = list(self._videos.values())[video]
        if entry.get("width") and entry.get("height"):
            return int(entry["height"]), int(entry["width"])
        return None if self.options.size is None else (self.options.size[1], self.options.size[0])

    def add(
        self,
        key: Hashable | None,
        name: str,
        video: int,
        box_xywh: list[float],
        *,
        score: float = 1.0,
        frame: int = 0,
        time_s: float = 0.0,
        polygons: list[list[float]] | None = None,
        mask: dict[str, Any] | None = None,
        position: Position | None = None,
        track: dict[str, Any] | None = None,
    ) -> None:
        """Add an observation.

        Args:
            key: key of its track; None for an object without a track.
            track: `score`, `confirmed`, `rollup`, `class_scores` and `picture` (of its best view) of the track, if the
                format has them.
        """
        self.category(name)
        seen = Observation(
            video=video,
            frame=frame,
            time_s=float(time_s),
            box_xywh=[float(value) for value in box_xywh],
            score=float(score),
            polygons=[[float(value) for value in ring] for ring in polygons] if polygons else None,
            mask=Rle(**mask) if mask else None,
            position=position,
        )
        key = key if key is not None else ("alone", len(self._tracks))
        entry = self._tracks.setdefault(key, {"name": name, "seen": [], **(track or {})})
        entry["seen"].append(seen)
        right, bottom = self._extent.get(video, (1.0, 1.0))
        x, y, width, height = box_xywh
        self._extent[video] = max(right, x + width), max(bottom, y + height)

    def content(self, **header: Any) -> Content:
        """Return the document.

        Raises:
            InputError: the file has no class.
        """
        if not self._categories:
            lost = "".join(f" ({line})" for line in left_out(self.left_out))
            raise InputError(f"{self.path}: names no class and no object{lost}; nothing to convert.")
        videos = [self._finished(index, entry) for index, entry in enumerate(self._videos.values())]
        tracks = [self._track(number, entry) for number, entry in self._numbered()]
        model = header.pop("model", None)
        return Content(
            make_header(
                [(id_, name) for name, id_ in self._categories.items()],
                videos,
                model=model if isinstance(model, ModelEntry) else None,
                **header,
            ),
            tracks,
            tuple(self.notes),
            left_out=dict(self.left_out),
        )

    def _finished(self, index: int, entry: dict[str, Any]) -> Video:
        known = {key: value for key, value in entry.items() if key != "place"}
        if "width" not in known or "height" not in known:
            if self.options.size:
                known["width"], known["height"] = self.options.size
            else:
                extent = self._extent.get(index, (1.0, 1.0))
                known["width"], known["height"] = (max(1, math.ceil(side)) for side in extent)
                self.note("no sizes of images in the file: the extent of the boxes is assumed; give --size")
        video = Video(**known)
        return video if video.fps or is_image(video) else video.model_copy(update={"fps": self.options.fps})

    def _numbered(self) -> list[tuple[int, dict[str, Any]]]:
        """Tracks keep their ids if these are whole numbers from 1; otherwise all are renumbered."""
        given = {key for key in self._tracks if isinstance(key, int)}
        keep = given and min(given) >= 1
        free, numbered = max(given, default=0) if keep else 0, []
        for key, entry in self._tracks.items():
            if keep and isinstance(key, int):
                numbered.append((key, entry))
            else:
                free += 1
                numbered.append((free, entry))
        return sorted(numbered, key=lambda item: item[0])

    def _track(self, number: int, entry: dict[str, Any]) -> TrackEntry:
        seen = sorted(entry["seen"], key=lambda one: (one.video, one.frame, one.time_s))
        return TrackEntry(
            id=number,
            category_id=self._categories[entry["name"]],
            name=entry["name"],
            score=entry.get("score", max(one.score for one in seen)),
            rollup=entry.get("rollup"),
            class_scores=entry.get("class_scores"),
            confirmed=entry.get("confirmed", True),
            best=_best(seen[0], entry["picture"]) if entry.get("picture") else None,
            observations=seen,
        )


def _best(seen: Observation, image: str) -> Best:
    return Best(video=seen.video, frame=seen.frame, time_s=seen.time_s, box_xywh=seen.box_xywh, picture=image)
