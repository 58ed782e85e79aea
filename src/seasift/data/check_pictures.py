"""Defects of the pictures that annotations speak of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from seasift.core.errors import BadDataset, BadPicture
from seasift.core.picture import page_count, read_orientation, read_picture
from seasift.core.types import SizeHW
from seasift.data.defects import FATAL, WARNING, Defect


def check_pictures(
    folder: Path,
    sizes: Mapping[str, SizeHW | None],
    file: str,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Defect], dict[str, str]]:
    """Decode every picture and compare its size.

    Args:
        folder: of the pictures.
        sizes: file name to the size that the annotations give (None: not usable, so not compared).
        file: annotation file, for the defects.
        progress: called with (pictures done, in all).
    Returns:
        The defects, and file name to a digest of its pixels: equal for equal pictures, however they are stored.
    """
    defects: list[Defect] = []
    digests: dict[str, str] = {}
    turned: dict[str, int] = {}
    for number, (name, size_hw) in enumerate(sizes.items(), 1):
        if progress:
            progress(number, len(sizes))
        path = folder / name
        if not _is_file(path):
            what = f"no such picture in {folder}; expected it there, as {file} lists it"
            defects.append(
                Defect(FATAL, "missing picture", name, "", what, "Add it, or name the folder with --images")
            )
            continue
        try:
            picture = read_picture(path)
            orientation = read_orientation(path)
            pages = page_count(path)
        except BadPicture as error:
            what = str(error).removeprefix(f"{path}: ").rstrip(".")
            defects.append(Defect(FATAL, "bad picture", name, "", what, "Replace the file"))
            continue
        if pages > 1:
            what = f"has {pages} pages, of which only the first is taken"
            defects.append(Defect(WARNING, "several pages", name, "", what, "Save the page meant alone"))
        digest = hashlib.blake2b(picture.tobytes(), digest_size=16, salt=str(picture.shape).encode()[:16])
        digests[name] = digest.hexdigest()
        height, width = picture.shape[:2]
        if size_hw is not None and (height, width) != size_hw:
            what = f"is {width}x{height} px but {file} says {size_hw[1]}x{size_hw[0]}; expected the same"
            remedy = "Put the right picture there, or scale its objects and correct the size"
            if orientation != 1 and size_hw == (width, height):
                what = f"{what}. Its EXIF orientation is {orientation}, and the file gives the size as stored"
                remedy = "Turn the objects as EXIF says, or take the orientation out of the image"
            defects.append(Defect(FATAL, "size differs", name, "", what, remedy))
        elif orientation != 1:
            turned[name] = orientation
    if turned:
        first, orientation = next(iter(turned.items()))
        what = (
            f"{len(turned):,} of {len(sizes):,} images have an EXIF orientation other than 1, first {first} with "
            f"{orientation}. They are read upright; outlines drawn on the image as stored would lie elsewhere"
        )
        remedy = f"Look at one: seasift data stats {file} -o stats.html shows images with their objects"
        defects.append(Defect(WARNING, "EXIF orientation", file, "images", what, remedy))
    return defects, digests


def size_differs(path: Path, size_hw: SizeHW, noted_hw: SizeHW) -> BadDataset:
    """The error for an image that is not of the size that its annotations give.

    Args:
        path: of the image.
        size_hw: its size, upright.
        noted_hw: the size in the annotation file.
    """
    turned = size_hw == noted_hw[::-1] and read_orientation(path) != 1
    why = " (it has an EXIF orientation, and the file gives the size as stored)" if turned else ""
    return BadDataset(
        f"{path}: {size_hw[1]}x{size_hw[0]} px; the annotation file says {noted_hw[1]}x{noted_hw[0]}{why}. "
        "Run `seasift data check` for all defects"
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name no file can have
        return False
