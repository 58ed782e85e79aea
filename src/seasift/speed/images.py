"""The images for a measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seasift.core.errors import InputError
from seasift.core.image import read_image, write_image
from seasift.core.types import UInt8
from seasift.inference.inputs import Failure, Source, expand

DRAWN = 32
_DRAWN_HW = (270, 480)


@dataclass(frozen=True)
class Images:
    """Image files, and a description of them."""

    sources: tuple[Source, ...]
    what: str

    @property
    def paths(self) -> list[Path]:
        """Of the files."""
        return [source.path for source in self.sources if source.path]


def given_images(given: Sequence[str], *, limit: int) -> Images:
    """At most `limit` of the given images, evenly spaced.

    Raises:
        InputError: no image, a video, or standard input. ImageError: the first image cannot be read.
    """
    found = expand(given, recursive=True)
    for item in found:
        if isinstance(item, Failure):
            raise InputError(item.error)
        if item.moves or item.path is None:
            raise InputError(f"{item.name}: not an image file; expected images, or folders or globs of them.")
    sources = [item for item in found if isinstance(item, Source)]
    chosen = [sources[len(sources) * index // limit] for index in range(limit)][: len(sources)]
    chosen = chosen if len(sources) > limit else sources
    if not chosen:
        raise InputError(f"{', '.join(given)}: no images. Give images, or none to use synthetic ones.")
    height, width = read_image(_path(chosen[0])).shape[:2]
    return Images(
        tuple(chosen), f"{len(chosen)} of the {len(sources)} images given, the first of {width}x{height} px"
    )


def draw_images(folder: Path) -> Images:
    """Write JPEG files of sea-like noise, if no images are given; a model finds little in them."""
    for number in range(DRAWN):
        write_image(folder / f"{number:02}.jpg", _drawn(np.random.default_rng(number)))
    height, width = _DRAWN_HW
    what = f"{DRAWN} drawn images of {width}x{height} px, with few objects or none; give your own images"
    return Images(given_images([str(folder)], limit=DRAWN).sources, what)


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
