"""What a format holds comes back as it went in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.formats.exchange import registry
from seasift.formats.exchange.content import Content, ReadOptions, WriteOptions
from tests.formats.exchange.contents import dive, images, videos

# GeoJSON and Darwin Core hold one look of a track: see test_places.py.
OF_FRAMES = [entry for entry in registry.FORMATS if entry.name not in ("geojson", "darwin-core")]
WITH_TRACKS = [entry for entry in OF_FRAMES if "tracks" in entry.holds]
FEW = settings(max_examples=8, deadline=None)


def through(entry: registry.Format, content: Content, options: WriteOptions | None = None) -> Content:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{entry.suffixes[0]}"
        entry.write(path, content, options or WriteOptions())
        assert registry.guess(path).title.removeprefix("KW") == entry.title.removeprefix("KW")
        back = registry.read(entry, path, ReadOptions())
        return Content(back.header, list(back.tracks), back.notes)


def plain(content: Content, holds: frozenset[str], *, loose: bool = False) -> list[Any]:
    """What should come back, comparable; objects that no track binds are sorted."""

    def number(value: float) -> float:
        return round(value, 2) if loose else value

    files = [video.file for video in content.header.videos]
    found = []
    for track in content.tracks:
        for seen in track.observations:
            entry: list[Any] = [files[seen.video], seen.frame, track.name]
            entry += [[number(value) for value in seen.box_xywh]]
            entry += [track.id] if "tracks" in holds else []
            entry += [seen.time_s] if "times" in holds else []
            entry += [seen.score] if "scores" in holds else []
            if "outlines" in holds:
                rings = seen.polygons or []
                entry += [[[number(value) for value in ring] for ring in rings]]
            found.append(entry)
    return sorted(found, key=repr)


@pytest.mark.parametrize("entry", WITH_TRACKS, ids=lambda entry: entry.name)
@FEW
@given(data=st.data())
def test_a_video_with_tracks(entry: registry.Format, data: st.DataObject) -> None:
    content = data.draw(videos(outlines=entry.name != "label-studio", by_track=entry.name == "ifdo"))
    loose = entry.name == "label-studio"
    back = through(entry, content)
    assert plain(back, entry.holds, loose=loose) == plain(content, entry.holds, loose=loose)
    (video,), (expected,) = back.header.videos, content.header.videos
    assert (video.file, video.width, video.height) == (expected.file, expected.width, expected.height)


@pytest.mark.parametrize("entry", OF_FRAMES, ids=lambda entry: entry.name)
@FEW
@given(data=st.data())
def test_images(entry: registry.Format, data: st.DataObject) -> None:
    content = data.draw(images(outlines="outlines" in entry.holds, whole_px=entry.name == "fathomnet-csv"))
    loose = entry.name in ("label-studio", "megadetector")
    back = through(entry, content)
    holds = entry.holds - {"tracks"}
    assert plain(back, holds, loose=loose) == plain(content, holds, loose=loose)


@pytest.mark.parametrize("name", ["megadetector", "seasift-predictions"])
@FEW
@given(content=videos(outlines=False))
def test_frames_of_a_video_without_tracks(name: str, content: Content) -> None:
    entry = registry.BY_NAME[name]
    back = through(entry, content)
    assert plain(back, entry.holds, loose=True) == plain(content, entry.holds, loose=True)


@pytest.mark.parametrize("name", ["coco", "kwcoco", "seasift-tracks", "seasift-predictions"])
def test_exact_masks_survive_as_run_lengths(name: str) -> None:
    back = through(registry.BY_NAME[name], dive(), WriteOptions(masks="rle"))
    masks = [seen.mask for track in back.tracks for seen in track.observations if seen.mask]
    expected = [seen.mask for track in dive().tracks for seen in track.observations if seen.mask]
    assert masks == expected


def test_the_tracks_document_keeps_all() -> None:
    back = through(registry.BY_NAME["seasift-tracks"], dive())
    assert back.header == dive().header
    assert back.tracks == dive().tracks


@pytest.mark.parametrize("name", ["coco", "kwcoco"])
def test_coco_keeps_the_track_s_own_score_and_whether_it_counts(name: str) -> None:
    back = through(registry.BY_NAME[name], dive())
    assert [(track.id, track.confirmed) for track in back.tracks] == [(1, True), (4, False)]
    assert back.header.videos == dive().header.videos


def test_ifdo_keeps_positions_of_images() -> None:
    content = dive()
    still = content.header.videos[0].model_copy(update={"file": "a.png", "frames": 1, "fps": None})
    track = list(content.tracks)[1]
    track = track.model_copy(update={"observations": track.observations[:1]})
    alone = track.observations[0].model_copy(update={"time_s": 0.0, "frame": 0})
    one = Content(
        content.header.model_copy(update={"videos": [still]}),
        [track.model_copy(update={"observations": [alone]})],
    )
    (back,) = through(registry.BY_NAME["ifdo"], one).tracks
    assert back.observations[0].position == alone.position
