"""The tracks of a dive, `seasift-tracks/1`: the document from which all exchange formats are made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from seasift import __version__
from seasift.core.files import replacing
from seasift.formats.document import CategoryEntry, Entry, ModelEntry, Rle, RolledName, plain

SCHEMA: Literal["seasift-tracks/1"] = "seasift-tracks/1"

_Count = Annotated[int, Field(ge=0)]
_Side = Annotated[int, Field(ge=1)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Text = Annotated[str, Field(min_length=1)]


class Video(Entry):
    """One file of a dive; files follow each other in the order in which they are listed."""

    file: _Text
    width: Annotated[_Side, Field(description="px, upright")]
    height: _Side
    offset_s: Annotated[float, Field(description="beginning of the file on the dive's clock, seconds")] = 0.0
    fps: Annotated[float | None, Field(description="nominal; never used to compute times")] = None
    frames: Annotated[_Count | None, Field(description="frames in the file, as far as known")] = None
    path: Annotated[
        str | None,
        Field(
            description="path of the file from this document's folder, with forward slashes, if there is one"
        ),
    ] = None
    start_utc: Annotated[
        str | None, Field(description="time of the file's first frame, ISO 8601 with Z, if known")
    ] = None


class Position(Entry):
    """Where the camera was, WGS 84."""

    latitude: Annotated[float, Field(ge=-90, le=90, description="degrees, north")]
    longitude: Annotated[float, Field(ge=-180, le=180, description="degrees, east")]
    depth_m: Annotated[float | None, Field(description="below the surface, positive, if known")] = None


class Observation(Entry):
    """A track in one frame. Its UTC is the video's `start_utc` plus `time_s`."""

    video: Annotated[_Count, Field(description="index in `videos`")]
    frame: Annotated[_Count, Field(description="index in the file, from 0, counting every decoded frame")]
    time_s: Annotated[float, Field(description="presentation time in the file, seconds")]
    box_xywh: Annotated[list[float], Field(min_length=4, max_length=4, description="px, as in predictions")]
    score: _Share
    mask: Rle | None = None
    polygons: list[list[float]] | None = None
    position: Annotated[Position | None, Field(description="at this time, if navigation is given")] = None


class Best(Entry):
    """The best view of a track: one of its observations, with its image if there is one."""

    video: Annotated[_Count, Field(description="index in `videos`")]
    frame: Annotated[_Count, Field(description="as in observations")]
    time_s: Annotated[float, Field(description="as in observations, seconds")]
    box_xywh: Annotated[list[float], Field(min_length=4, max_length=4, description="px, as in observations")]
    picture: Annotated[
        _Text | None,
        Field(description="path, from the document's folder; absent for tracks that do not count"),
    ] = None


class TrackEntry(Entry):
    """One object, from its first to its last observation."""

    id: Annotated[int, Field(ge=1)]
    category_id: int
    name: _Text
    score: Annotated[_Share, Field(description="probability that this is an object of this class")]
    rollup: Annotated[
        RolledName | None,
        Field(description="with $.names rollup; category_id, name and score are the class's"),
    ] = None
    class_scores: Annotated[
        dict[str, _Share] | None,
        Field(
            description="with $.names rollup: mean score of the likeliest classes over the frames, by name"
        ),
    ] = None
    confirmed: Annotated[bool, Field(description="seen often enough to count; others are never counted")]
    best: Annotated[Best | None, Field(description="absent if none was chosen")] = None
    observations: Annotated[list[Observation], Field(min_length=1, description="in order of time")]


class Header(Entry):
    """Facts shared by all tracks of a dive."""

    schema_version: Annotated[Literal["seasift-tracks/1"], Field(alias="schema")] = SCHEMA
    seasift: Annotated[_Text, Field(description="version of the program")]
    model: ModelEntry | None = None
    threshold: _Share | None = None
    names: Annotated[
        Literal["rollup"] | None,
        Field(
            description="tracks are named by the finest level with a sufficient score; absent: by their classes"
        ),
    ] = None
    categories: Annotated[list[CategoryEntry], Field(min_length=1)]
    videos: list[Video]


class TracksDocument(Header):
    """The whole result."""

    tracks: list[TrackEntry]


def make_header(
    categories: Iterable[tuple[int, str]],
    videos: Sequence[Video],
    *,
    model: ModelEntry | None = None,
    threshold: float | None = None,
    names: Literal["rollup"] | None = None,
) -> Header:
    """The header of a document that this version writes.

    Args:
        categories: id and name of each class.
        names: "rollup" if the tracks have rolled-up names.
    """
    return Header(
        seasift=__version__,
        model=model,
        threshold=threshold,
        names=names,
        categories=[CategoryEntry(id=id_, name=name) for id_, name in categories],
        videos=list(videos),
    )


def text_parts(header: Header, tracks: Iterable[TrackEntry]) -> Iterator[str]:
    """The document as JSON, one line per track; tracks are read and written one by one."""
    head = json.dumps(plain(header), ensure_ascii=False, allow_nan=False)
    yield head[:-1] + ',\n"tracks": ['
    for index, track in enumerate(tracks):
        yield (",\n " if index else "\n ") + json.dumps(plain(track), ensure_ascii=False, allow_nan=False)
    yield "\n]}\n"


def write(path: Path, header: Header, tracks: Iterable[TrackEntry]) -> None:
    """Write the document, whole or not at all."""
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(text_parts(header, tracks))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the document; `tracks-1.schema.json` beside this file holds it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TracksDocument.model_json_schema(by_alias=True),
    }
