"""Documents for the tests of this folder: by hand, and drawn by Hypothesis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from seasift.core.masks import MaskCrop
from seasift.formats import tracks as seasift_tracks
from seasift.formats.document import CategoryEntry, ModelEntry, Rle
from seasift.formats.exchange.content import Content
from seasift.formats.tracks import Best, Header, Observation, Position, TrackEntry, Video

WIDTH, HEIGHT, FPS = 640, 400, 25.0
CATEGORIES = [CategoryEntry(id=2, name="animal_fish"), CategoryEntry(id=9, name='Müll, "alt" & <neu>')]
CLIP = Video(
    file="dive/a b.mp4", width=WIDTH, height=HEIGHT, fps=FPS, frames=1000, start_utc="2024-05-01T10:00:00Z"
)


def header(videos: list[Video]) -> Header:
    model = ModelEntry(name="sift-m", sha256="a" * 64)
    return Header(seasift="0.1.0", model=model, threshold=0.3, categories=CATEGORIES, videos=videos)


def ring_mask() -> Rle:
    bitmap = np.zeros((HEIGHT, WIDTH), bool)
    bitmap[10:30, 20:60] = True
    bitmap[15:20, 30:40] = False
    return Rle(**MaskCrop.from_bitmap(bitmap).rle((HEIGHT, WIDTH)))


def dive() -> Content:
    """A masked animal with a gap, and an unconfirmed box of another class; positions known."""

    def seen(frame: int, x: float, **shape: Any) -> Observation:
        at = Position(latitude=43.5, longitude=-8.25, depth_m=812.0 + frame)
        time_s = frame / FPS
        box = [x, 10.0, 40.0, 20.0]
        return Observation(
            video=0, frame=frame, time_s=time_s, box_xywh=box, score=0.75, position=at, **shape
        )

    fish = [seen(frame, 20.0, mask=ring_mask()) for frame in (0, 5, 10, 40)]
    trash = [seen(5, 3.5), seen(10, 4.5)]
    return Content(
        header([CLIP]),
        [
            TrackEntry(
                id=1,
                category_id=2,
                name=CATEGORIES[0].name,
                score=0.75,
                confirmed=True,
                best=Best(
                    video=0,
                    frame=10,
                    time_s=0.4,
                    box_xywh=fish[2].box_xywh,
                    picture="pictures/track-000001.jpg",
                ),
                observations=fish,
            ),
            TrackEntry(
                id=4, category_id=9, name=CATEGORIES[1].name, score=0.75, confirmed=False, observations=trash
            ),
        ],
    )


def write_dive(folder: Path) -> Path:
    path = folder / "tracks.json"
    seasift_tracks.write(path, dive().header, dive().tracks)
    return path


# Eighths of px are exact in all the sums that boxes and corners need.
_eighth = st.integers(0, 8 * 300).map(lambda value: value / 8)
_side = st.integers(8, 8 * 90).map(lambda value: value / 8)
_score = st.integers(1, 999).map(lambda value: value / 1000)


@st.composite
def shapes(draw: st.DrawFn, whole_px: bool) -> dict[str, Any]:
    """A box, perhaps with one outline: a triangle whose bounds are the box."""
    x, y, width, height = (draw(one) for one in (_eighth, _eighth, _side, _side))
    if whole_px:
        x, y, width, height = (float(int(value) + 1) for value in (x, y, width, height))
    return {"box_xywh": [x, y, width, height]}


def triangle(box: list[float]) -> list[float]:
    x, y, width, height = box
    return [x, y, x + width, y, x + width / 2, y + height]


@st.composite
def videos(draw: st.DrawFn, *, outlines: bool = True, by_track: bool = False) -> Content:
    """Tracks of one video, each all with outlines or all without.

    Args:
        by_track: as iFDO has it: tracks counted from 1, one score for all of a track.
    """
    tracks = []
    ids = draw(st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True))
    for index, drawn_id in enumerate(sorted(ids), start=1):
        number, one_score = (index if by_track else drawn_id), draw(_score)
        frames = sorted(draw(st.sets(st.integers(0, 900), min_size=1, max_size=5)))
        drawn = outlines and draw(st.booleans())
        category, seen = draw(st.sampled_from(CATEGORIES)), []
        for frame in frames:
            box = draw(shapes(whole_px=False))["box_xywh"]
            ring = [triangle(box)] if drawn else None
            score, time_s = (one_score if by_track else draw(_score)), frame / FPS
            seen.append(
                Observation(video=0, frame=frame, time_s=time_s, box_xywh=box, score=score, polygons=ring)
            )
        tracks.append(
            TrackEntry(
                id=number,
                category_id=category.id,
                name=category.name,
                score=max(one.score for one in seen),
                confirmed=True,
                observations=seen,
            )
        )
    return Content(header([CLIP]), tracks)


@st.composite
def images(draw: st.DrawFn, *, outlines: bool = True, whole_px: bool = False) -> Content:
    """Objects in two images, one of which may be empty."""
    files = [
        Video(file=name, width=WIDTH, height=HEIGHT, frames=1) for name in ("pics/größe, a.png", "b.jpg")
    ]
    tracks = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        box = draw(shapes(whole_px))["box_xywh"]
        ring = [triangle(box)] if outlines and draw(st.booleans()) else None
        score, category, index = draw(_score), draw(st.sampled_from(CATEGORIES)), draw(st.integers(0, 1))
        seen = Observation(video=index, frame=0, time_s=0.0, box_xywh=box, score=score, polygons=ring)
        tracks.append(
            TrackEntry(
                id=number,
                category_id=category.id,
                name=category.name,
                score=score,
                confirmed=True,
                observations=[seen],
            )
        )
    return Content(header(files), tracks)
