"""Images decoded once: a memory-mapped cache at the network's input size, for training."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from seasift.core.errors import DatasetError
from seasift.core.image import read_image
from seasift.core.prepare import InputSpec, resize_u8
from seasift.core.types import Bool, Float32, Int64, SizeHW, UInt8
from seasift.data.check import size_differs
from seasift.data.coco import CocoAnnotation, CocoImage
from seasift.data.partial_labels import PartialLabels, partial_labels_of
from seasift.data.prepared import DataSplit

_FORMAT = "seasift-cache/2"
_PARTIAL = tuple(field.name for field in fields(PartialLabels))


@dataclass(frozen=True)
class ImageCache:
    """N images and their objects at one size.

    Attributes:
        file_names: of the images, in order.
        images_rgb_u8: (N, H, W, 3) uint8, memory-mapped.
        masks_packed: (M, H, ceil(W / 8)) uint8, memory-mapped: bits of each object's mask.
        first_object: (N + 1,) int64: objects of image i are first_object[i] to first_object[i + 1].
        boxes_xyxy: (M, 4) float32, relative to the cached image.
        class_ids: (M,) int64.
        crowd: (M,) bool.
        content: (N, 2) float32, the part of the cached width and height that shows the image.
        partial: what the labels leave open; None if nothing. An object without a mask has its filled box as one.
    """

    file_names: tuple[str, ...]
    images_rgb_u8: UInt8
    masks_packed: UInt8
    first_object: Int64
    boxes_xyxy: Float32
    class_ids: Int64
    crowd: Bool
    content: Float32
    partial: PartialLabels | None = None

    def masks(self, objects: npt.NDArray[np.int64]) -> Bool:
        """Masks of some objects as (n, H, W) bool."""
        width = self.images_rgb_u8.shape[2]
        return np.unpackbits(self.masks_packed[objects], axis=2, count=width).astype(bool)


def open_cache(
    split: DataSplit, spec: InputSpec, folder: Path, *, progress: Callable[[int, int], None] | None = None
) -> ImageCache:
    """Open the cache of a split, building it first if it is not there.

    The folder's name holds a digest of the annotations and of the pictures' names and byte counts, so a
    changed data set gets a new cache. An interrupted build leaves nothing that would be taken for whole.

    Args:
        split: the data.
        spec: size of the cached images, and how they are fitted into it.
        folder: where caches are kept.
        progress: called with (images done, images in all).
    Raises:
        DatasetError: the split has no images.
        ImageError: an image cannot be read.
    """
    if not split.coco.images:
        raise DatasetError(
            f"{split.name}: no images to train on; expected at least one. Choose another split"
        )
    rule = "" if spec.resize == "stretch" else "-fit"
    target = folder / f"{spec.size_hw[0]}x{spec.size_hw[1]}{rule}-{_digest(split)}"
    if not (target / "index.npz").exists():
        unfinished = target.with_name(target.name + ".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        _build(split, spec, unfinished, progress)
        unfinished.replace(target)
    index = np.load(target / "index.npz")
    return ImageCache(
        tuple(str(name) for name in index["file_names"]),
        np.load(target / "images.npy", mmap_mode="r"),
        np.load(target / "masks.npy", mmap_mode="r"),
        index["first_object"],
        index["boxes_xyxy"],
        index["class_ids"],
        index["crowd"],
        index["content"],
        PartialLabels(*(index[name] for name in _PARTIAL)) if _PARTIAL[0] in index else None,
    )


def _digest(split: DataSplit) -> str:
    sizes = [(i.file_name, (split.images_dir / i.file_name).stat().st_size) for i in split.coco.images]
    text = json.dumps([_FORMAT, split.coco.to_json(), sizes], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _build(
    split: DataSplit, spec: InputSpec, folder: Path, progress: Callable[[int, int], None] | None
) -> None:
    images, (height, width) = split.coco.images, spec.size_hw
    objects = [split.coco.annotations_of(image.id) for image in images]
    class_of = {category.id: index for index, category in enumerate(split.coco.categories)}
    flat = [annotation for group in objects for annotation in group]
    pixels = np.lib.format.open_memmap(
        folder / "images.npy", mode="w+", dtype=np.uint8, shape=(len(images), height, width, 3)
    )
    masks = np.lib.format.open_memmap(
        folder / "masks.npy", mode="w+", dtype=np.uint8, shape=(max(len(flat), 1), height, -(-width // 8))
    )
    first = np.cumsum([0, *(len(group) for group in objects)])

    def fill(number: int) -> None:
        image = images[number]
        down, across = spec.content_hw(image.size_hw)
        pixels[number] = np.round(spec.mean)
        pixels[number, :down, :across] = resize_u8(_read(split, image), (down, across))
        for index, annotation in enumerate(objects[number], first[number]):
            mask = _resized_mask(annotation, image.size_hw, (down, across))
            masks[index] = np.packbits(np.pad(mask, ((0, height - down), (0, width - across))), axis=1)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, _ in enumerate(pool.map(fill, range(len(images))), 1):
            if progress:
                progress(number, len(images))
    partial = partial_labels_of(split.coco, images, flat)
    pixels.flush()
    masks.flush()
    np.savez(
        folder / "index.npz",
        file_names=np.array([image.file_name for image in images]),
        first_object=first,
        boxes_xyxy=_relative_boxes(images, objects, spec),
        class_ids=np.array([class_of[a.category_id] for a in flat], dtype=np.int64),
        crowd=np.array([a.iscrowd for a in flat], dtype=bool),
        content=np.array([_content(image, spec) for image in images], dtype=np.float32),
        **({} if partial is None else {name: getattr(partial, name) for name in _PARTIAL}),
    )


def _read(split: DataSplit, image: CocoImage) -> UInt8:
    pixels = read_image(split.images_dir / image.file_name)
    if pixels.shape[:2] != image.size_hw:
        raise size_differs(split.images_dir / image.file_name, pixels.shape[:2], image.size_hw)
    return pixels


def _resized_mask(annotation: CocoAnnotation, own_hw: SizeHW, size_hw: SizeHW) -> Bool:
    bitmap = _bitmap(annotation, own_hw).astype(np.uint8) * 255
    resized = cv2.resize(bitmap, (size_hw[1], size_hw[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized > 127)


def _bitmap(annotation: CocoAnnotation, size_hw: SizeHW) -> Bool:
    if annotation.has_mask:
        return annotation.mask(size_hw).bitmap(size_hw)
    x, y, width, height = annotation.bbox_xywh
    filled = np.zeros(size_hw, dtype=bool)
    filled[max(int(y), 0) : math.ceil(y + height), max(int(x), 0) : math.ceil(x + width)] = True
    return filled


def _content(image: CocoImage, spec: InputSpec) -> tuple[float, float]:
    height, width = spec.content_hw(image.size_hw)
    return width / spec.size_hw[1], height / spec.size_hw[0]


def _relative_boxes(
    images: Sequence[CocoImage], objects: Sequence[Sequence[CocoAnnotation]], spec: InputSpec
) -> Float32:
    rows = []
    for image, group in zip(images, objects, strict=True):
        share = np.array(_content(image, spec) * 2)
        scale = share / np.array([image.size_hw[1], image.size_hw[0]] * 2)
        for x, y, w, h in (annotation.bbox_xywh for annotation in group):
            rows.append(np.clip(np.array([x, y, x + w, y + h]) * scale, 0, share))
    return np.array(rows, dtype=np.float32).reshape(-1, 4)
