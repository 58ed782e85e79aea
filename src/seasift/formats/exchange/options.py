"""The options of `convert` for Python and the command line, with their checks."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from seasift.core.choices import ExchangeFormat, ExchangeMasks, ObjectNames, Option, choose
from seasift.core.errors import InputError

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """What `convert` takes."""

    source: Annotated[PathLike, Option("A file of annotations or results.", Path, flags=("in",))] = field(
        kw_only=False
    )
    target: Annotated[PathLike, Option("The file to write.", Path, flags=("out",))] = field(kw_only=False)
    to: Annotated[
        str,
        Option(
            "Write this format.",
            ExchangeFormat,
        ),
    ]
    source_format: Annotated[
        str | None,
        Option("Format of IN.  [default: by its name and content]", ExchangeFormat, flags=("--from",)),
    ] = None
    masks: Annotated[
        str,
        Option(
            "Write outlines, or exact masks (rle) into COCO, KWCOCO and predictions; DIVE shows no rle.",
            ExchangeMasks,
        ),
    ] = "polygons"
    names: Annotated[
        str,
        Option(
            "class: the likeliest class of each object; rollup: the class if IN is sure enough, else trash, animal ..., else "
            "object.",
            ObjectNames,
        ),
    ] = "rollup"
    simplify: Annotated[
        float, Option("Simplify outlines of masks by up to this many px; 0 keeps every vertex.", float)
    ] = 1.0
    video: Annotated[
        str | None, Option("Convert only this file of the document: its name, with or without folders.")
    ] = None
    fps: Annotated[
        float | None,
        Option("Frames per second, where IN has frame numbers or times but not both.", float),
    ] = None
    size: Annotated[str | None, Option("WIDTHxHEIGHT of the images in px, where IN does not say.")] = None
    animals: Annotated[
        Mapping[str, str] | Sequence[str],
        Option(
            "CLASS=SCIENTIFIC_NAME: an animal, for darwin-core and fathomnet-csv; may be repeated.",
            flags=("--animal",),
            repeated=True,
        ),
    ] = ()


def parse_fps(fps: float | None) -> float | None:
    """Check frames per second; raises InputError unless above 0."""
    if fps is not None and not 0 < fps < 100_000:
        raise InputError(f"--fps {fps:g}: expected frames per second above 0, e.g. 29.97.")
    return fps


def parse_masks(text: str) -> str:
    """polygons or rle; raises InputError if neither."""
    return choose("--masks", text, list(ExchangeMasks))


def parse_names(text: str) -> str:
    """class or rollup; raises InputError if neither."""
    return choose("--names", text, list(ObjectNames))


def parse_animals(given: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Class and scientific name of each; raises InputError without a `=`."""
    if isinstance(given, Mapping):
        return dict(given)
    names = {}
    for entry in given:
        name, separator, taxon = entry.partition("=")
        if not separator or not name.strip() or not taxon.strip():
            raise InputError(
                f"--animal {entry!r}: expected CLASS=SCIENTIFIC_NAME, e.g. 'eel=Anguilliformes'."
            )
        names[name.strip()] = taxon.strip()
    return names
