"""GeoJSON and Darwin Core, which hold one look of a track: by the packages of others, held to the tracks, and back."""

from __future__ import annotations

import json
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dwca.darwincore.terms import TERMS
from dwca.darwincore.utils import qualname
from dwca.read import DwCAReader
from geojson_pydantic import Feature, FeatureCollection, Point
from hypothesis import given, settings
from hypothesis import strategies as st

from seasift.formats.exchange import darwin_core, registry
from seasift.formats.exchange.content import Content, ReadOptions, WriteOptions
from seasift.formats.tracks import Best, Observation, Position, TrackEntry
from tests.formats.exchange.contents import CATEGORIES, CLIP, dive, videos

FEW = settings(max_examples=8, deadline=None)
START = datetime(2024, 5, 1, 10, tzinfo=UTC)  # of CLIP
_degree = st.integers(-8000, 8000).map(lambda value: value / 100)
_position = st.builds(
    Position,
    latitude=_degree,
    longitude=_degree.map(lambda value: 2 * value),
    depth_m=st.none() | st.integers(0, 60000).map(lambda value: value / 10),
)


@st.composite
def dives(draw: st.DrawFn) -> Content:
    """Tracks, some with a best view, some with positions in some of their frames, some that do not count."""
    content, tracks = draw(videos()), []
    for track in content.tracks:
        seen = [
            one.model_copy(update={"position": draw(st.none() | _position)}) for one in track.observations
        ]
        chosen = draw(st.none() | st.sampled_from(seen))
        shared = ("video", "frame", "time_s", "box_xywh")
        known = {key: getattr(chosen, key) for key in shared} if chosen else {}
        best = Best(**known, picture=f"pictures/{track.id}.jpg") if chosen else None
        changes = {"observations": seen, "best": best, "confirmed": draw(st.booleans())}
        tracks.append(track.model_copy(update=changes))
    return Content(content.header, tracks)


def written(name: str, content: Content, folder: str) -> Path:
    entry = registry.BY_NAME[name]
    path = Path(folder) / f"x{entry.suffixes[0]}"
    entry.write(path, content, WriteOptions())
    return path


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def when(seen: Observation) -> datetime:
    return START + timedelta(milliseconds=round(1000 * seen.time_s))


def index_of(track: TrackEntry) -> list[Observation]:
    """The looks of which one may stand for the track."""
    placed = [seen for seen in track.observations if seen.position]
    at_best = [seen for seen in placed if track.best and seen.frame == track.best.frame]
    highest = max((seen.score for seen in placed), default=0)
    return at_best or [seen for seen in placed if seen.score == highest]


def look_of(track: TrackEntry, frame: int) -> Observation:
    """One that may stand for the track, in this frame."""
    at_best = [seen for seen in track.observations if track.best and seen.frame == track.best.frame]
    highest = max(seen.score for seen in track.observations)
    looks = index_of(track) or at_best or [seen for seen in track.observations if seen.score == highest]
    (seen,) = [one for one in looks if one.frame == frame]
    return seen


def check_feature(feature: Feature[Any, Any], track: TrackEntry) -> None:
    assert isinstance(feature.geometry, Point)
    values = dict(feature.properties)
    (seen,) = [one for one in index_of(track) if one.frame == values["frame"]]
    at = seen.position
    assert at
    height = () if at.depth_m is None else (-at.depth_m,)
    assert tuple(feature.geometry.coordinates) == (at.longitude, at.latitude, *height)
    assert feature.id == values.pop("id") == track.id
    assert moment(values.pop("first_utc")) == when(track.observations[0])
    assert moment(values.pop("last_utc")) == when(track.observations[-1])
    assert values.pop("start_utc") == CLIP.start_utc
    assert values.pop("picture", None) == (track.best.picture if track.best else None)
    assert values == {
        "category_id": track.category_id,
        "name": track.name,
        "score": track.score,
        "confirmed": track.confirmed,
        "file": CLIP.file,
        "frame": seen.frame,
        "time_s": seen.time_s,
        "box_xywh": seen.box_xywh,
        "depth_m": at.depth_m,
    }


@FEW
@given(content=dives() | st.builds(dive))
def test_geojson_by_the_model_of_rfc_7946(content: Content) -> None:
    placed = [track for track in content.tracks if index_of(track)]
    if not placed:
        return
    with tempfile.TemporaryDirectory() as folder:
        text = written("geojson", content, folder).read_text(encoding="utf-8")
    features = (
        FeatureCollection[Feature[Point, dict[str, Any]]].model_validate_json(text, strict=True).features
    )
    for feature, track in zip(features, placed, strict=True):
        check_feature(feature, track)


def check_row(row: dict[str, str], track: TrackEntry) -> None:
    first, last = track.observations[0], track.observations[-1]
    dates = [moment(part) for part in row["eventDate"].split("/")]
    assert dates == [when(seen) for seen in ([first] if len(track.observations) == 1 else [first, last])]
    at = (row["decimalLatitude"], row["decimalLongitude"], row["geodeticDatum"])
    known = [one.position for one in index_of(track) if one.position]
    assert at in ([(str(one.latitude), str(one.longitude), "EPSG:4326") for one in known] or [("", "", "")])
    depths = [
        one.position.depth_m
        for one in track.observations
        if one.position and one.position.depth_m is not None
    ]
    deep = (row["minimumDepthInMeters"], row["maximumDepthInMeters"])
    assert deep == ((str(min(depths)), str(max(depths))) if depths else ("", ""))
    assert row["vernacularName"] == track.name
    assert row["scientificName"] == darwin_core.SCIENTIFIC_NAMES[track.name]
    more = json.loads(row["dynamicProperties"])
    seen = look_of(track, more["view"]["frame"])
    assert more.pop("view") == {
        "file": CLIP.file,
        "start_utc": CLIP.start_utc,
        "frame": seen.frame,
        "time_s": seen.time_s,
        "box_xywh": seen.box_xywh,
        "depth_m": seen.position and seen.position.depth_m,
        "picture": track.best and track.best.picture,
    }
    assert more == {
        "track": track.id,
        "score": track.score,
        "observations": len(track.observations),
        "frames": [first.frame, last.frame],
        "time_s": [first.time_s, last.time_s],
    }
    image = [track.best.picture] if track.best else []
    assert row["associatedMedia"].split(" | ") == [CLIP.file, *image]


@FEW
@given(content=dives() | st.builds(dive))
def test_darwin_core_by_a_reader_of_archives(content: Content) -> None:
    """An archive of one table, as the Darwin Core text guide has it; each column is a term of the standard."""
    animals = [track for track in content.tracks if track.confirmed and track.name == CATEGORIES[0].name]
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "x.zip"
        with zipfile.ZipFile(archive, "w") as file:
            file.write(written("darwin-core", content, folder), "occurrence.csv")
        with DwCAReader(str(archive)) as reader:
            rows = [dict(row.data) for row in reader]
    assert all(qualname(column) in TERMS for row in rows for column in row)
    assert len({row["occurrenceID"] for row in rows}) == len(rows)
    for row, track in zip(rows, animals, strict=True):
        assert (row["basisOfRecord"], row["occurrenceStatus"]) == ("MachineObservation", "present")
        check_row(row, track)


@pytest.mark.parametrize("name", ["geojson", "darwin-core"])
@FEW
@given(content=dives() | st.builds(dive))
def test_the_look_of_each_track_comes_back(name: str, content: Content) -> None:
    def held(track: TrackEntry) -> bool:
        if name == "geojson":
            return bool(index_of(track))
        return track.confirmed and track.name == CATEGORIES[0].name

    expected = [track for track in content.tracks if held(track)]
    if not expected:
        return
    with tempfile.TemporaryDirectory() as folder:
        entry, path = registry.BY_NAME[name], written(name, content, folder)
        assert registry.guess(path) == entry
        back = registry.read(entry, path, ReadOptions(size=(CLIP.width, CLIP.height)))
    (video,) = back.header.videos
    assert (video.file, video.start_utc) == (CLIP.file, CLIP.start_utc)
    for track, before in zip(back.tracks, expected, strict=True):
        (seen,) = track.observations
        assert seen == look_of(before, seen.frame).model_copy(
            update={"score": before.score, "polygons": None, "mask": None}
        )
        kept = ("id", "name", "score", "confirmed")
        assert [getattr(track, key) for key in kept] == [getattr(before, key) for key in kept]
        assert (track.best and track.best.picture) == (before.best and before.best.picture)
