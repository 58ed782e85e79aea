"""Darwin Core occurrence rows for animals, for OBIS and GBIF.

Source: https://dwc.tdwg.org/terms/ and https://manual.obis.org/darwin_core.html. Only confirmed tracks of
animal classes become occurrences. Only tables written by seasift can be read; each track then has one observation.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seasift.core.errors import InputError
from seasift.formats.exchange import table
from seasift.formats.exchange.builder import Builder
from seasift.formats.exchange.content import (
    Content,
    ReadOptions,
    WriteOptions,
    iso,
    left_out,
    reading,
    utc,
    view,
)
from seasift.formats.exchange.naming import class_scores
from seasift.formats.tracks import Header, Observation, Position, TrackEntry

COLUMNS = (
    *("occurrenceID", "basisOfRecord", "occurrenceStatus", "scientificName", "vernacularName"),
    *("individualCount", "eventDate", "decimalLatitude", "decimalLongitude", "geodeticDatum"),
    *("minimumDepthInMeters", "maximumDepthInMeters", "identifiedBy", "identificationVerificationStatus"),
    *("identificationRemarks", "associatedMedia", "dynamicProperties"),
)
# The narrowest taxon that certainly contains each class of TrashCan.
SCIENTIFIC_NAMES = {
    "animal_crab": "Decapoda",
    "animal_eel": "Anguilliformes",
    "animal_etc": "Animalia",
    "animal_fish": "Vertebrata",
    "animal_shells": "Mollusca",
    "animal_starfish": "Asteroidea",
}
_SPACE = uuid.UUID("0b6d1c9e-8a52-5f3e-b0c4-5d7c4f2a9e30")


def write(path: Path, content: Content, options: WriteOptions) -> list[str]:
    """Write an occurrence for each animal.

    Raises:
        InputError: no class is known to be an animal.
    """
    named = SCIENTIFIC_NAMES | options.scientific_names
    classes = [category.name for category in content.header.categories]
    animals = {name: named.get(name, "Animalia") for name in classes if name in named or _is_animal(name)}
    if not animals:
        raise InputError(
            f"{path}: no class is known to be an animal (classes: {', '.join(classes[:8])}). "
            "Name each animal: --animal CLASS=SCIENTIFIC_NAME."
        )
    said: set[str] = set()
    lost: Counter[str] = Counter()
    table.write(path, _rows(content, animals, said, lost))
    return [*left_out(lost), *sorted(said), "a person should check identifications before publication"]


def _is_animal(name: str) -> bool:
    return name.lower().startswith("animal")


def _rows(
    content: Content, animals: dict[str, str], said: set[str], lost: Counter[str]
) -> Iterator[tuple[Any, ...]]:
    yield COLUMNS
    for track in content.tracks:
        if track.name not in animals:
            lost["track (not named as an animal)"] += 1
        elif not track.confirmed:
            lost["track (not confirmed)"] += 1
        else:
            yield _row(content, track, animals[track.name], said)


def _row(content: Content, track: TrackEntry, taxon: str, said: set[str]) -> tuple[Any, ...]:
    header, first, last = content.header, track.observations[0], track.observations[-1]
    video = header.videos[first.video]
    when = [utc(header.videos[seen.video], seen.time_s) for seen in (first, last)]
    dates = list(dict.fromkeys(iso(moment) for moment in when if moment))
    best = view(track)
    at = best.position
    indices = [seen.position for seen in track.observations if seen.position]
    depths = [index.depth_m for index in indices if index.depth_m is not None]
    said |= set() if dates else {"eventDate is empty: the start of the video is not known"}
    said |= set() if at else {"decimalLatitude and decimalLongitude are empty: no positions are known"}
    model = header.model.name if header.model else "unknown model"
    key = f"{video.file}|{video.start_utc}|{track.id}|{first.frame}"
    image = track.best.picture if track.best else None
    return (
        f"urn:uuid:{uuid.uuid5(_SPACE, key)}",
        *("MachineObservation", "present", taxon, track.name, 1, "/".join(dates)),
        *((at.latitude, at.longitude, "EPSG:4326") if at else ("", "", "")),
        *((min(depths), max(depths)) if depths else ("", "")),
        *(f"seasift {header.seasift} ({model})", "unverified"),
        _remarks(track),
        " | ".join([video.file, *([image] if image else [])]),  # as the term's definition separates
        json.dumps(_properties(track, best, header), ensure_ascii=False),
    )


def _remarks(track: TrackEntry) -> str:
    found = f"found by a machine with score {track.score:.3f} in {len(track.observations)} frames"
    classes = class_scores(track) if track.rollup and track.rollup.level != "class" else []
    return f"{found}; likeliest class {classes[0][0]} with score {classes[0][1]:.3f}" if classes else found


def _properties(track: TrackEntry, look: Observation, header: Header) -> dict[str, Any]:
    """Facts without a term in the standard; `read` needs `view`."""
    first, last, video = track.observations[0], track.observations[-1], header.videos[look.video]
    return {
        "track": track.id,
        "score": track.score,
        **({"nameLevel": track.rollup.level, "classScores": track.class_scores} if track.rollup else {}),
        "observations": len(track.observations),
        "frames": [first.frame, last.frame],
        "time_s": [first.time_s, last.time_s],
        "view": {
            "file": video.file,
            "start_utc": video.start_utc,
            "frame": look.frame,
            "time_s": look.time_s,
            "box_xywh": look.box_xywh,
            "depth_m": look.position.depth_m if look.position else None,
            "picture": track.best.picture if track.best else None,
        },
    }


def read(path: Path, options: ReadOptions) -> Content:
    """Read a table of `write`: for each track the observation at its position, with the track's score.

    Raises:
        InputError: the table was not written by seasift.
    """
    built = Builder(path, options)
    needed = ("vernacularname", "dynamicproperties", "decimallatitude", "decimallongitude")
    for line, row in table.records(path, needed):
        with reading(path, f"line {line}"):
            known = json.loads(row["dynamicproperties"])
            look, at = known["view"], None
            if row["decimallatitude"]:
                at = Position(
                    latitude=float(row["decimallatitude"]),
                    longitude=float(row["decimallongitude"]),
                    depth_m=look.get("depth_m"),
                )
            built.add(
                int(known["track"]),
                row["vernacularname"],
                built.video(look["file"], start_utc=look["start_utc"]),
                look["box_xywh"],
                score=known["score"],
                frame=int(look["frame"]),
                time_s=look["time_s"],
                position=at,
                track={"score": known["score"], "picture": look.get("picture")},
            )
    return built.content()
