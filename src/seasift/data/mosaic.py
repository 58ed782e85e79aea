"""Pictures of a data set laid side by side: large pictures whose truth is known, for trying tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seasift.core.instances import Instances
from seasift.core.picture import read_picture
from seasift.core.types import SizeHW, UInt8
from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage
from seasift.data.prepared import DataPart


@dataclass(frozen=True)
class Mosaic:
    """Pictures of one size in rows and columns, none left empty.

    Attributes:
        pieces: the pictures, row by row.
        across: how many make a row.
    """

    pieces: tuple[CocoImage, ...]
    across: int

    @property
    def size_hw(self) -> SizeHW:
        """Of the whole, px."""
        height, width = self.pieces[0].size_hw
        return height * (len(self.pieces) // self.across), width * self.across

    def corner_xy(self, place: int) -> tuple[int, int]:
        """Where the left top corner of a piece lies, px."""
        height, width = self.pieces[place].size_hw
        return place % self.across * width, place // self.across * height

    def assemble(self, pictures: Sequence[UInt8]) -> UInt8:
        """The whole from the pieces' pictures, in their order."""
        whole = np.zeros((*self.size_hw, 3), np.uint8)
        for place, picture in enumerate(pictures):
            x, y = self.corner_xy(place)
            whole[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
        return whole

    def gather(self, found: Sequence[Instances]) -> Instances:
        """What is in the pieces, in their order, as what is in the whole."""
        return Instances.joined(
            [each.moved(*self.corner_xy(place), self.size_hw) for place, each in enumerate(found)]
        )


def lay_out(part: DataPart, *, across: int = 4, down: int = 3) -> tuple[list[Mosaic], CocoDataset]:
    """Lay a part's pictures side by side, pictures of one size together, in the part's order.

    Returns:
        The mosaics, and their truth with exact masks: image ids are places in the list, from 0. Pictures that
        do not fill a last mosaic are left out.
    """
    by_size: dict[SizeHW, list[CocoImage]] = {}
    for image in part.coco.images:
        by_size.setdefault(image.size_hw, []).append(image)
    count = across * down
    mosaics = [
        Mosaic(tuple(images[start : start + count]), across)
        for images in by_size.values()
        for start in range(0, len(images) - count + 1, count)
    ]
    images = tuple(CocoImage(k, f"mosaic-{k:03d}.png", each.size_hw) for k, each in enumerate(mosaics))
    annotations = tuple(
        moved for k, each in enumerate(mosaics) for moved in _annotations(part.coco, each, images[k])
    )
    return mosaics, CocoDataset(part.coco.categories, images, annotations)


def read_pieces(part: DataPart, mosaic: Mosaic) -> list[UInt8]:
    """The pictures of a mosaic's pieces, in their order."""
    return [read_picture(part.images_dir / piece.file_name) for piece in mosaic.pieces]


def _annotations(coco: CocoDataset, mosaic: Mosaic, whole: CocoImage) -> Iterator[CocoAnnotation]:
    for place, piece in enumerate(mosaic.pieces):
        x, y = mosaic.corner_xy(place)
        for own in coco.annotations_of(piece.id):
            mask = own.mask(piece.size_hw).moved(x, y)
            left, top, width, height = own.bbox_xywh
            yield CocoAnnotation(
                own.id,
                whole.id,
                own.category_id,
                (left + x, top + y, width, height),
                own.area,
                own.iscrowd,
                mask.rle(whole.size_hw),
            )
