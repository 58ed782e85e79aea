"""GeoJSON (RFC 7946) of object positions: one point per track, at its best view.

Coordinates are longitude, latitude and, if the depth is known, height in m: minus the depth. Only files written by
seasift can be read; each track then has one observation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seasift.core.errors import InputError
from seasift.core.files import replacing
from seasift.formats.exchange.builder import Builder
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    iso,
    left_out,
    reading,
    shown,
    utc,
)
from seasift.formats.exchange.native import load_json
from seasift.formats.tracks import Position, TrackEntry


def write(path: Path, content: Content, _options: WriteOptions) -> list[str]:
    """Write one feature per track, one by one.

    Raises:
        InputError: no track has a position.
    """
    written = without = 0
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for track in content.tracks:
            feature = _feature(track, content)
            if feature is None:
                without += 1
                continue
            file.write(
                (",\n " if written else "\n ") + json.dumps(feature, ensure_ascii=False, allow_nan=False)
            )
            written += 1
        file.write("\n]}\n")
        if not written:
            raise InputError(
                f"{path}: none of {without} tracks has a position. Give `seasift survey` a navigation file."
            )
    return left_out({"track (without a position)": without})


def _feature(track: TrackEntry, content: Content) -> dict[str, Any] | None:
    best = shown(track)
    if best is None or best.position is None:
        return None
    video = content.header.videos[best.video]
    properties: dict[str, Any] = {
        "id": track.id,
        "category_id": track.category_id,
        "name": track.name,
        "score": track.score,
        **({"name_level": track.rollup.level, "class_scores": track.class_scores} if track.rollup else {}),
        "confirmed": track.confirmed,
        "file": video.file,
        "frame": best.frame,
        "time_s": best.time_s,
        "box_xywh": best.box_xywh,
        "depth_m": best.position.depth_m,
    }
    if track.best and track.best.picture:
        properties["picture"] = track.best.picture
    if video.start_utc:
        properties["start_utc"] = video.start_utc
    for key, seen in (("first_utc", track.observations[0]), ("last_utc", track.observations[-1])):
        when = utc(content.header.videos[seen.video], seen.time_s)
        properties |= {key: iso(when)} if when else {}
    geometry = {"type": "Point", "coordinates": _coordinates(best.position)}
    return {"type": "Feature", "id": track.id, "geometry": geometry, "properties": properties}


def _coordinates(at: Position) -> list[float]:
    return [at.longitude, at.latitude] + ([] if at.depth_m is None else [-at.depth_m])


def read(path: Path, options: ReadOptions) -> Content:
    """Read a file of `write`: for each track the observation on the map, with the track's score.

    Raises:
        InputError: the points were not written by seasift.
    """
    built = Builder(path, options)
    for index, feature in enumerate(load_json(path)["features"]):
        with reading(path, f"features[{index}]"):
            known, at = feature["properties"], feature["geometry"]["coordinates"]
            built.category(known["name"], int(known["category_id"]))
            built.add(
                int(known["id"]),
                known["name"],
                built.video(known["file"], start_utc=known.get("start_utc")),
                known["box_xywh"],
                score=known["score"],
                frame=int(known["frame"]),
                time_s=known["time_s"],
                position=Position(longitude=at[0], latitude=at[1], depth_m=known.get("depth_m")),
                track={key: known.get(key) for key in ("score", "confirmed", "picture")},
            )
    return built.content()
