"""The pictures that a measurement runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seasift.core.errors import BadInput
from seasift.core.image import read_picture, write_picture
from seasift.core.types import UInt8
from seasift.inference.inputs import Failure, Source, expand

DRAWN = 32
_DRAWN_HW = (270, 480)


@dataclass(frozen=True)
class Pictures:
    """Picture files, and in words which they are."""

    sources: tuple[Source, ...]
    what: str

    @property
    def paths(self) -> list[Path]:
        """Of the files."""
        return [source.path for source in self.sources if source.path]


def given_pictures(given: Sequence[str], *, limit: int) -> Pictures:
    """At most `limit` of the pictures that are named, evenly spaced.

    Raises:
        BadInput: none, or a video, or standard input. BadPicture: the first of them cannot be read.
    """
    found = expand(given, recursive=True)
    for item in found:
        if isinstance(item, Failure):
            raise BadInput(item.error)
        if item.moves or item.path is None:
            raise BadInput(
                f"{item.name}: not a picture file; expected pictures, or folders or globs of them."
            )
    sources = [item for item in found if isinstance(item, Source)]
    chosen = [sources[len(sources) * place // limit] for place in range(limit)][: len(sources)]
    chosen = chosen if len(sources) > limit else sources
    if not chosen:
        raise BadInput(
            f"{', '.join(given)}: no pictures. Give pictures, or leave them out to have some drawn."
        )
    height, width = read_picture(_path(chosen[0])).shape[:2]
    return Pictures(
        tuple(chosen), f"{len(chosen)} of the {len(sources)} pictures given, the first of {width}x{height} px"
    )


def draw_pictures(folder: Path) -> Pictures:
    """Write JPEG files of sea-like noise, for where no pictures are at hand; a model finds little in them."""
    for number in range(DRAWN):
        write_picture(folder / f"{number:02}.jpg", _drawn(np.random.default_rng(number)))
    height, width = _DRAWN_HW
    what = f"{DRAWN} drawn pictures of {width}x{height} px, with few objects or none; give pictures of yours"
    return Pictures(given_pictures([str(folder)], limit=DRAWN).sources, what)


def _drawn(random: np.random.Generator) -> UInt8:
    height, width = _DRAWN_HW
    down, across = np.mgrid[0:height, 0:width] / 60
    waves = sum(
        random.uniform(5, 25) * np.sin(down * random.uniform(-3, 3) + across * random.uniform(-3, 3))
        for _ in range(12)
    )
    water = (
        np.array([30.0, 90.0, 110.0]) + np.asarray(waves)[..., None] + random.normal(0, 6, (*_DRAWN_HW, 3))
    )
    return np.asarray(np.clip(water, 0, 255), np.uint8)


def _path(source: Source) -> Path:
    assert source.path is not None
    return source.path
