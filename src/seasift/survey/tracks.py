"""Summaries of tracks in the store: class, scores, times, size and path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, cast

from seasift.core.rollup import LEVELS
from seasift.core.types import SizeHW
from seasift.formats import tracks as document
from seasift.formats.document import Rle, RolledName
from seasift.formats.tracks import Observation, TrackEntry
from seasift.survey.kept import Frame, Seen
from seasift.survey.naming import Naming, TrackName
from seasift.survey.navigation import VehiclePosition
from seasift.survey.store import Store

Where = Callable[[float], VehiclePosition | None]


@dataclass(frozen=True)
class Summary:
    """A track without its observations.

    Attributes:
        number: its number among the counted tracks, from 1, in tables and images.
        track: its number in the store.
        name: what it is called, with its class and scores.
        first, last: first and last frame.
        frames: number of frames that show it.
        size_px: median area of its mask, or of its box without masks, px.
        size_from: "mask", or "box" if a view has no mask.
        best: the view in its image.
        best_frame: the frame of that view.
    """

    number: int
    track: int
    name: TrackName
    first: Frame
    last: Frame
    frames: int
    size_px: int
    size_from: str
    best: Seen
    best_frame: Frame

    @property
    def image(self) -> str:
        """Path of its image in the folder of results."""
        return image_of(self.number)


def image_of(number: int) -> str:
    """Path of the image of a track, by its number in tables, in the folder of results."""
    return f"pictures/track-{number:06}.jpg"


def summaries(store: Store, naming: Naming) -> Iterator[Summary]:
    """The counted tracks, in order of appearance; read one by one."""
    for number, track in enumerate(store.tracks(), start=1):
        yield summary_of(store, naming, track, number)


def summary_of(store: Store, naming: Naming, track: int, number: int) -> Summary:
    """One track."""
    seen = store.seen(track)
    name = naming.name_of(store, track, seen)
    best, best_frame = _best(store, track, name.class_id, seen)
    return Summary(
        number=number,
        track=track,
        name=name,
        first=seen[0][1],
        last=seen[-1][1],
        frames=len(seen),
        size_px=round(median(_size(each) for each, _ in seen)),
        size_from="box" if any(each.area is None for each, _ in seen) else "mask",
        best=best,
        best_frame=best_frame,
    )


def entries(
    store: Store,
    naming: Naming,
    sizes_hw: Sequence[SizeHW],
    where: Where = lambda _: None,
    *,
    unconfirmed: bool = False,
) -> Iterator[TrackEntry]:
    """Tracks for `seasift-tracks/1`, one by one: counted tracks, numbered as in the tables.

    Args:
        sizes_hw: size of the frames of each video, px.
        where: returns the position at a time on the dive's clock.
        unconfirmed: also return the other tracks, numbered after the counted ones.
    """
    number = 0
    for confirmed in (True, False) if unconfirmed else (True,):
        for track in store.tracks(confirmed=confirmed):
            number += 1
            yield _entry(store, track, number, confirmed, naming, sizes_hw, where)


def rolled_name(naming: Naming, name: TrackName) -> RolledName | None:
    """The rolled-up name of a track; None without roll-up."""
    if naming.rollup is None:
        return None
    level = cast(Literal["class", "supercategory", "object"], LEVELS[name.level])
    return RolledName(name=naming.names[name.name_id], level=level, score=name.level_score)


def config_of_text(seen: Sequence[tuple[Seen, Frame]], most: int = 24) -> str:
    """Centres of a track's boxes as `time:x,y`, separated by spaces; time on the dive's clock in seconds.

    Args:
        most: maximum number of points: evenly spaced, with the first and last.
    """
    count = len(seen)
    indices = range(count) if count <= most else [round(k * (count - 1) / (most - 1)) for k in range(most)]
    points = []
    for each, frame in (seen[index] for index in indices):
        x, y, width, height = each.box_xywh
        points.append(f"{frame.dive_s:.2f}:{x + width / 2:.0f},{y + height / 2:.0f}")
    return " ".join(points)


def _size(seen: Seen) -> float:
    return seen.box_xywh[2] * seen.box_xywh[3] if seen.area is None else seen.area


def _best(store: Store, track: int, class_id: int, seen: Sequence[tuple[Seen, Frame]]) -> tuple[Seen, Frame]:
    seq, _ = store.image(track, class_id)
    return next(pair for pair in seen if pair[0].seq == seq)


def _entry(
    store: Store,
    track: int,
    number: int,
    confirmed: bool,
    naming: Naming,
    sizes_hw: Sequence[SizeHW],
    where: Where,
) -> TrackEntry:
    seen = store.seen(track)
    name = naming.name_of(store, track, seen)
    best, best_frame = _best(store, track, name.class_id, seen)
    category = naming.categories[name.class_id]
    return TrackEntry(
        id=number,
        category_id=category.id,
        name=category.name,
        score=name.score,
        rollup=rolled_name(naming, name),
        class_scores={naming.names[index]: score for index, score in name.class_scores} or None,
        confirmed=confirmed,
        best=document.Best(
            video=best_frame.video,
            frame=best_frame.frame,
            time_s=best_frame.time_s,
            box_xywh=list(best.box_xywh),
            picture=image_of(number) if confirmed else None,
        ),
        observations=[
            Observation(
                video=frame.video,
                frame=frame.frame,
                time_s=frame.time_s,
                box_xywh=list(each.box_xywh),
                score=each.score,
                mask=None if each.rle is None else Rle(size=list(sizes_hw[frame.video]), counts=each.rle),
                position=_position(where(frame.dive_s)),
            )
            for each, frame in seen
        ],
    )


def _position(where: VehiclePosition | None) -> document.Position | None:
    if where is None:
        return None
    return document.Position(latitude=where.latitude, longitude=where.longitude, depth_m=where.depth_m)
