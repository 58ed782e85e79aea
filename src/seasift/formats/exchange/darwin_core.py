"""Darwin Core occurrence rows for animals, as OBIS and GBIF take them. Written only.

Source: https://dwc.tdwg.org/terms/ and https://manual.obis.org/darwin_core.html. Only confirmed tracks of
classes that are animals become occurrences.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seasift.core.errors import BadInput
from seasift.formats.document import plain
from seasift.formats.exchange import table
from seasift.formats.exchange.content import Content, WriteOptions, iso, shown, utc
from seasift.formats.tracks import TrackEntry

COLUMNS = (
    *("occurrenceID", "basisOfRecord", "occurrenceStatus", "scientificName", "vernacularName"),
    *("individualCount", "eventDate", "decimalLatitude", "decimalLongitude", "geodeticDatum"),
    *("minimumDepthInMeters", "maximumDepthInMeters", "identifiedBy", "identificationVerificationStatus"),
    *("identificationRemarks", "associatedMedia", "dynamicProperties"),
)
# The narrowest taxon that surely holds what TrashCan calls so.
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
        BadInput: no class is known to be an animal.
    """
    named = SCIENTIFIC_NAMES | options.scientific_names
    classes = [category.name for category in content.header.categories]
    animals = {name: named.get(name, "Animalia") for name in classes if name in named or _is_animal(name)}
    if not animals:
        raise BadInput(
            f"{path}: no class is known to be an animal (classes: {', '.join(classes[:8])}). "
            "Say which are: --animal CLASS=SCIENTIFIC_NAME, once for each."
        )
    said: set[str] = set()
    table.write(path, _rows(content, animals, said))
    return [*sorted(said), "a person should check identifications before publication"]


def _is_animal(name: str) -> bool:
    return name.lower().startswith("animal")


def _rows(content: Content, animals: dict[str, str], said: set[str]) -> Iterator[tuple[Any, ...]]:
    yield COLUMNS
    for track in content.tracks:
        if track.name not in animals:
            said.add("classes that are no animals are left out")
        elif not track.confirmed:
            said.add("tracks that are not confirmed are left out")
        else:
            yield _row(content, track, animals[track.name], said)


def _row(content: Content, track: TrackEntry, taxon: str, said: set[str]) -> tuple[Any, ...]:
    header, first, last = content.header, track.observations[0], track.observations[-1]
    video = header.videos[first.video]
    when = [utc(header.videos[seen.video], seen.time_s) for seen in (first, last)]
    dates = list(dict.fromkeys(iso(moment) for moment in when if moment))
    best = shown(track)
    at = best.position if best else None
    places = [seen.position for seen in track.observations if seen.position]
    depths = [place.depth_m for place in places if place.depth_m is not None]
    said |= set() if dates else {"eventDate is empty: the start of the video is not known"}
    said |= set() if at else {"decimalLatitude and decimalLongitude are empty: no positions are known"}
    model = header.model.name if header.model else "unknown model"
    key = f"{video.file}|{video.start_utc}|{track.id}|{first.frame}"
    where = {"frames": [first.frame, last.frame], "time_s": [first.time_s, last.time_s], "track": track.id}
    where |= {"score": track.score, "observations": len(track.observations)}
    if track.best:
        where["best"] = plain(track.best)
    picture = track.best.picture if track.best else None
    return (
        f"urn:uuid:{uuid.uuid5(_SPACE, key)}",
        *("MachineObservation", "present", taxon, track.name, 1, "/".join(dates)),
        *((at.latitude, at.longitude, "EPSG:4326") if at else ("", "", "")),
        *((min(depths), max(depths)) if depths else ("", "")),
        *(f"seasift {header.seasift} ({model})", "unverified"),
        f"found by a machine with score {track.score:.3f} in {len(track.observations)} frames",
        " | ".join([video.file, *([picture] if picture else [])]),  # as the term's definition separates
        json.dumps(where, ensure_ascii=False),
    )
