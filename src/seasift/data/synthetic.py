"""Eight drawn images with all unusual parts of COCO files, for tests and trials.

Mosaics of a data set's images are large images with known truth, to try tiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from seasift.core.files import write_json
from seasift.core.image import read_image, write_image
from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.core.types import Bool, SizeHW, UInt8
from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage
from seasift.data.prepared import DataSplit

# Ids with gaps, not in the order of the file; the last class has no object.
CATEGORIES = ((9, "trash_bag"), (2, "rov"), (5, "animal_fish"), (40, "plant"))
_COLOURS = {9: (230, 220, 90), 2: (200, 200, 210), 5: (220, 90, 60)}
_SIZE: SizeHW = (96, 128)
_ODD_SIZE: SizeHW = (67, 101)


@dataclass(frozen=True)
class _Shape:
    """An object: its class, its mask and its form in the file (polygon, rle, counts, crowd)."""

    category_id: int
    mask: Bool
    written: str


def make_synthetic(folder: Path, *, seed: int = 0) -> Path:
    """Draw the synthetic data set.

    Eight images of four videos, named like TrashCan's: a polygon; a polygon of two parts; a ring (a hole, as
    compressed RLE); uncompressed RLE; a crowd; no object at all; an object of one pixel; an odd size.

    Args:
        folder: gets images/*.png and annotations.json.
        seed: of the noise on the ground and of the objects' positions.
    Returns:
        Path of the COCO file.
    """
    random = np.random.default_rng(seed)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (size_hw, shapes) in enumerate(_scenes(random), 1):
        name = f"vid_{(number + 1) // 2:06d}_frame{number:07d}.png"
        write_image(folder / "images" / name, _draw(size_hw, shapes, random))
        # Ids with gaps here, too.
        image_id = 10 * number + 3
        images.append({"id": image_id, "file_name": name, "height": size_hw[0], "width": size_hw[1]})
        for shape in shapes:
            annotations.append({"id": 7 * len(annotations) + 1, "image_id": image_id, **_annotation(shape)})
    categories = [
        {"id": number, "name": name, "supercategory": name.split("_")[0]} for number, name in CATEGORIES
    ]
    path = folder / "annotations.json"
    write_json(path, {"images": images, "annotations": annotations, "categories": categories})
    return path


def _scenes(random: np.random.Generator) -> list[tuple[SizeHW, list[_Shape]]]:
    left, right = _ellipse(_SIZE, (30, 50), (16, 11)), _ellipse(_SIZE, (90, 40), (20, 14))
    ring = _ellipse(_SIZE, (64, 48), (30, 30)) & ~_ellipse(_SIZE, (64, 48), (14, 14))
    dx, dy = (int(step) for step in random.integers(-6, 7, 2))
    fish = [_ellipse(_SIZE, (20 + 14 * i + dx, 46 + 8 * (i % 2) + dy), (5, 3)) for i in range(6)]
    crowd = np.logical_or.reduce([_ellipse(_SIZE, (90 + 7 * i, 80 + 3 * (i % 2)), (3, 2)) for i in range(4)])
    return [
        (_SIZE, [_Shape(2, _box(_SIZE, 60 + dx, 50 + dy, 46, 30), "polygon")]),
        (
            _SIZE,
            [_Shape(9, left | right, "polygon"), _Shape(5, _ellipse(_SIZE, (60, 80), (10, 5)), "polygon")],
        ),
        (_SIZE, [_Shape(9, ring, "rle"), _Shape(5, _ellipse(_SIZE, (64, 48), (8, 5)), "polygon")]),
        (_SIZE, [_Shape(2, _ellipse(_SIZE, (50 + dx, 50 + dy), (34, 22)), "counts")]),
        (_SIZE, [_Shape(5, mask, "polygon") for mask in fish] + [_Shape(5, crowd, "crowd")]),
        (_SIZE, []),
        (
            _SIZE,
            [_Shape(9, _box(_SIZE, 77, 31, 1, 1), "polygon"), _Shape(2, _box(_SIZE, 0, 60, 128, 36), "rle")],
        ),
        (_ODD_SIZE, [_Shape(9, _ellipse(_ODD_SIZE, (80, 40), (30, 20)), "polygon")]),
    ]


def _ellipse(size_hw: SizeHW, centre: tuple[int, int], axes: tuple[int, int]) -> Bool:
    canvas = np.zeros(size_hw, np.uint8)
    cv2.ellipse(canvas, centre, axes, 0, 0, 360, 1, -1)
    return canvas.astype(bool)


def _box(size_hw: SizeHW, x: int, y: int, width: int, height: int) -> Bool:
    mask = np.zeros(size_hw, dtype=bool)
    mask[y : y + height, x : x + width] = True
    return mask


def _draw(size_hw: SizeHW, shapes: list[_Shape], random: np.random.Generator) -> UInt8:
    depth = np.linspace(110, 40, size_hw[0])[:, None, None]
    image = depth * np.array([0.5, 0.8, 1.0]) + random.normal(0, 6, (*size_hw, 3))
    for shape in shapes:
        colour = np.array(_COLOURS[shape.category_id]) + random.normal(0, 8, (*size_hw, 3))
        image = np.where(shape.mask[..., None], colour, image)
    return np.asarray(np.clip(image, 0, 255), dtype=np.uint8)


def _annotation(shape: _Shape) -> dict[str, Any]:
    mask = MaskCrop.from_bitmap(shape.mask)
    x1, y1, x2, y2 = mask.box_xyxy
    size_hw: SizeHW = (shape.mask.shape[0], shape.mask.shape[1])
    segmentation: Any = mask.rle(size_hw)
    if shape.written == "polygon":
        segmentation = mask.polygons()
    elif shape.written in ("counts", "crowd"):
        segmentation = {"size": list(size_hw), "counts": _runs(shape.mask)}
    return {
        "category_id": shape.category_id,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": mask.area,
        "iscrowd": int(shape.written == "crowd"),
        "segmentation": segmentation,
    }


def _runs(mask: Bool) -> list[int]:
    """Uncompressed RLE: runs of the mask read column by column, background first."""
    pixels = mask.T.ravel()
    starts = np.flatnonzero(np.diff(pixels)) + 1
    edges = [0, *(int(start) for start in starts), len(pixels)]
    runs = [end - start for start, end in pairwise(edges)]
    return [0, *runs] if pixels[0] else runs


@dataclass(frozen=True)
class Mosaic:
    """Images of one size in rows and columns, none left empty.

    Attributes:
        pieces: the images, row by row.
        across: number of images in a row.
    """

    pieces: tuple[CocoImage, ...]
    across: int

    @property
    def size_hw(self) -> SizeHW:
        """Of the whole, px."""
        height, width = self.pieces[0].size_hw
        return height * (len(self.pieces) // self.across), width * self.across

    def corner_xy(self, index: int) -> tuple[int, int]:
        """The left top corner of a piece, px."""
        height, width = self.pieces[index].size_hw
        return index % self.across * width, index // self.across * height

    def assemble(self, images: Sequence[UInt8]) -> UInt8:
        """The whole image from the pieces, in their order."""
        whole = np.zeros((*self.size_hw, 3), np.uint8)
        for index, image in enumerate(images):
            x, y = self.corner_xy(index)
            whole[y : y + image.shape[0], x : x + image.shape[1]] = image
        return whole

    def gather(self, found: Sequence[Instances]) -> Instances:
        """Objects of the pieces, in their order, as objects of the whole."""
        return Instances.joined(
            [each.moved(*self.corner_xy(index), self.size_hw) for index, each in enumerate(found)]
        )


def lay_out(split: DataSplit, *, across: int = 4, down: int = 3) -> tuple[list[Mosaic], CocoDataset]:
    """Put a split's images side by side, images of one size together, in the split's order.

    Returns:
        The mosaics, and their truth with exact masks: image ids are indices in the list, from 0. Images that do not
            fill a last mosaic are left out.
    """
    by_size: dict[SizeHW, list[CocoImage]] = {}
    for image in split.coco.images:
        by_size.setdefault(image.size_hw, []).append(image)
    count = across * down
    mosaics = [
        Mosaic(tuple(images[start : start + count]), across)
        for images in by_size.values()
        for start in range(0, len(images) - count + 1, count)
    ]
    images = tuple(CocoImage(k, f"mosaic-{k:03d}.png", each.size_hw) for k, each in enumerate(mosaics))
    annotations = tuple(
        moved for k, each in enumerate(mosaics) for moved in _annotations(split.coco, each, images[k])
    )
    return mosaics, CocoDataset(split.coco.categories, images, annotations)


def read_pieces(split: DataSplit, mosaic: Mosaic) -> list[UInt8]:
    """The images of a mosaic's pieces, in their order."""
    return [read_image(split.images_dir / piece.file_name) for piece in mosaic.pieces]


def _annotations(coco: CocoDataset, mosaic: Mosaic, whole: CocoImage) -> Iterator[CocoAnnotation]:
    for index, piece in enumerate(mosaic.pieces):
        x, y = mosaic.corner_xy(index)
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
