"""What the options of `seasift convert` mean."""

from __future__ import annotations

from collections.abc import Sequence

from seasift.core.errors import InputError, hint


def parse_fps(fps: float | None) -> float | None:
    """Frames a second; raises InputError unless it is above 0."""
    if fps is not None and not 0 < fps < 100_000:
        raise InputError(f"--fps {fps:g}: expected frames a second, above 0, e.g. 29.97.")
    return fps


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Width and height from `1920x1080`; raises InputError if it is none."""
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    sides = [int(side) if side.isascii() and side.isdigit() else 0 for side in (width, height)]
    if min(sides) < 1:
        raise InputError(f"--size {text!r}: expected WIDTHxHEIGHT in px, e.g. 1920x1080.")
    return sides[0], sides[1]


def parse_masks(text: str) -> str:
    """polygons or rle; raises InputError if neither."""
    if text not in ("polygons", "rle"):
        raise InputError(f"--masks {text!r}{hint(text, ('polygons', 'rle'))}; expected polygons or rle.")
    return text


def parse_animals(given: Sequence[str]) -> dict[str, str]:
    """Class and scientific name of each; raises InputError without a `=`."""
    names = {}
    for entry in given:
        name, separator, taxon = entry.partition("=")
        if not separator or not name.strip() or not taxon.strip():
            raise InputError(
                f"--animal {entry!r}: expected CLASS=SCIENTIFIC_NAME, e.g. 'eel=Anguilliformes'."
            )
        names[name.strip()] = taxon.strip()
    return names
