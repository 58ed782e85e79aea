"""What a user may choose about one image; the defaults for Python and the command line stand here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict

from seasift.core.choices import Option


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """How to find objects in an image, as a user gives it."""

    threshold: Annotated[
        float | None, Option("Minimum score.  [default: the model's]", float, low=0, high=1)
    ] = None
    max_objects: Annotated[
        int | None,
        Option(
            "Maximum number of objects per image.  [default: the model's; with --tile that many per tile, 10,000 "
            "in all]",
            int,
            low=1,
        ),
    ] = None
    classes: Annotated[
        Sequence[str] | str | None,
        Option("Find only these classes: names, comma separated or repeated.", repeated=True),
    ] = None
    all_classes: Annotated[
        bool,
        Option(
            "Keep an object under every class that scores, without class-agnostic NMS.  [default: only its best class]",
            bool,
        ),
    ] = False
    tile: Annotated[
        str | None,
        Option(
            "Search large images in tiles: a side, WIDTHxHEIGHT in px of the image, or auto, the model's input size."
            "  [default: whole images]"
        ),
    ] = None
    tile_overlap: Annotated[
        float | None, Option("Share of a tile that overlaps its neighbour.  [default: 0.25]", float)
    ] = None
    tile_whole: Annotated[
        bool, Option("Search the whole image besides its tiles, for objects larger than a tile.", bool)
    ] = False


class ImageKeywords(TypedDict, total=False):
    """The fields of `ImageOptions` as keyword arguments, for editors and type checkers."""

    threshold: float | None
    max_objects: int | None
    classes: Sequence[str] | str | None
    all_classes: bool
    tile: str | None
    tile_overlap: float | None
    tile_whole: bool
