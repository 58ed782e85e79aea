"""Statistics of the splits of a data set: counts, sizes, videos, classes that occur together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seasift.core.errors import DatasetError
from seasift.core.instances import Category
from seasift.core.types import Int64
from seasift.data.coco import CocoAnnotation, CocoDataset
from seasift.data.dives import groups_of
from seasift.data.locate import read_placed
from seasift.data.prepared import open_prepared

SIZES = ("small", "medium", "large")
# COCO's borders: below 32 x 32 px is small, from 96 x 96 px is large, by the area in the file.
_SIZE_BORDERS = (32**2, 96**2)


@dataclass(frozen=True)
class SplitCounts:
    """Counts of a split, of one class or of all.

    Attributes:
        objects: without crowds.
        crowds: regions of many objects.
        pictures: images with at least one object (for a whole split: all images).
        groups: videos of those images; 0 if no groups are known.
        small, medium, large: objects of COCO's sizes.
        median_side_px: square root of the median area; 0 without objects.
    """

    objects: int
    crowds: int
    pictures: int
    groups: int
    small: int
    medium: int
    large: int
    median_side_px: float


@dataclass(frozen=True)
class PartlyLabelled:
    """Missing parts of a split's labels.

    Attributes:
        coarse: objects with several possible classes; they count for no class.
        without_mask: objects with only a box.
        loose_box: objects whose box has no exact edges.
        unlabelled: images on which objects may be missing.
    """

    coarse: int
    without_mask: int
    loose_box: int
    unlabelled: int


@dataclass(frozen=True)
class Stats:
    """Statistics of a data set's splits.

    Attributes:
        name: of the data set, with label set, masks and scheme.
        classes: names, in the order of their ids.
        splits: split name to its counts; "all" is all splits together.
        empty_images: split name to images without any object.
        by_class: class name to split name to counts.
        together: (C, C) images with objects of both classes; on the diagonal, with objects of the class.
        objects_per_image: split name to the number of images with 0, 1, 2 ... objects.
        grouped: whether groups (videos) are known.
        partial: split name to the missing parts of its labels; empty if nothing is missing.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[str, SplitCounts]
    empty_images: Mapping[str, int]
    by_class: Mapping[str, Mapping[str, SplitCounts]]
    together: Int64
    objects_per_image: Mapping[str, tuple[int, ...]]
    grouped: bool
    partial: Mapping[str, PartlyLabelled] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "classes": list(self.classes),
            "parts": {
                split: {
                    **asdict(counts),
                    "empty_pictures": self.empty_images[split],
                    "objects_per_picture": list(self.objects_per_image[split]),
                }
                for split, counts in self.splits.items()
            },
            "by_class": {
                name: {split: asdict(counts) for split, counts in row.items()}
                for name, row in self.by_class.items()
            },
            "together": self.together.tolist(),
            "grouped": self.grouped,
            "partial": {split: asdict(found) for split, found in self.partial.items()},
        }


@dataclass(frozen=True)
class Described:
    """A data set to describe.

    Attributes:
        name: for titles.
        splits: split name to its images and objects; all of the same categories.
        images_dir: folder of the images.
        group_of: file name to group; empty if no groups are known.
    """

    name: str
    splits: Mapping[str, CocoDataset]
    images_dir: Path
    group_of: Mapping[str, str]

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes."""
        return next(iter(self.splits.values())).categories


def statistics(described: Described) -> Stats:
    """Count everything."""
    splits = dict(described.splits)
    if len(splits) > 1:
        splits["all"] = _all(described)
    group_of = described.group_of
    names = {category.id: category.name for category in described.categories}
    return Stats(
        described.name,
        tuple(names.values()),
        {split: _counts(coco, None, group_of) for split, coco in splits.items()},
        {split: len(coco.images) - len(_with_objects(coco, None)) for split, coco in splits.items()},
        {
            name: {split: _counts(coco, number, group_of) for split, coco in splits.items()}
            for number, name in names.items()
        },
        _together(list(splits.values())[-1]),
        {split: _objects_per_image(coco) for split, coco in splits.items()},
        bool(group_of),
        _partly_labelled(splits),
    )


def _partly_labelled(splits: Mapping[str, CocoDataset]) -> dict[str, PartlyLabelled]:
    found = {
        split: PartlyLabelled(
            sum(a.is_coarse for a in coco.annotations),
            sum(not a.has_mask for a in coco.annotations),
            sum(a.loose_box for a in coco.annotations),
            sum(not image.background_labelled for image in coco.images),
        )
        for split, coco in splits.items()
    }
    return found if any(any(asdict(each).values()) for each in found.values()) else {}


def _all(described: Described) -> CocoDataset:
    images = {image.id: image for coco in described.splits.values() for image in coco.images}
    objects = {a.id: a for coco in described.splits.values() for a in coco.annotations}
    return CocoDataset(described.categories, tuple(images.values()), tuple(objects.values()))


def _with_objects(coco: CocoDataset, category_id: int | None) -> set[int]:
    return {a.image_id for a in _of_class(coco, category_id)}


def _of_class(coco: CocoDataset, category_id: int | None) -> list[CocoAnnotation]:
    """Objects of a class, or all; an object with several possible classes counts for none."""
    return [
        a
        for a in coco.annotations
        if category_id is None or (a.category_id == category_id and not a.is_coarse)
    ]


def _counts(coco: CocoDataset, category_id: int | None, group_of: Mapping[str, str]) -> SplitCounts:
    chosen = _of_class(coco, category_id)
    areas = np.array([a.area for a in chosen if not a.iscrowd])
    sizes = np.bincount(np.digitize(areas, _SIZE_BORDERS), minlength=3) if len(areas) else np.zeros(3, int)
    images = {image.id for image in coco.images} if category_id is None else {a.image_id for a in chosen}
    groups = {group_of.get(image.file_name) for image in coco.images if image.id in images} - {None}
    small, medium, large = (int(count) for count in sizes)
    median = round(float(np.sqrt(np.median(areas))), 1) if len(areas) else 0.0
    return SplitCounts(
        len(areas), len(chosen) - len(areas), len(images), len(groups), small, medium, large, median
    )


def _together(coco: CocoDataset) -> Int64:
    index = {category.id: number for number, category in enumerate(coco.categories)}
    present = np.zeros((len(coco.images), len(index)), dtype=np.int64)
    for row, image in enumerate(coco.images):
        present[row, [index[a.category_id] for a in coco.annotations_of(image.id) if not a.is_coarse]] = 1
    return np.asarray(present.T @ present, dtype=np.int64)


def _objects_per_image(coco: CocoDataset) -> tuple[int, ...]:
    counts: Sequence[int] = [len(coco.annotations_of(image.id)) for image in coco.images]
    return tuple(np.bincount(counts).tolist()) if counts else (0,)


def describe(
    path: Path,
    *,
    labels: str | None = None,
    masks: str | None = None,
    scheme: str | None = None,
    images: Path | None = None,
    group: str | None = None,
) -> Described:
    """Read all splits.

    Args:
        path: a prepared folder, or a COCO .json (its only split has the file's name).
        labels: label set; None: the data set's default, as for the rest.
        masks: mask version.
        scheme: splitting scheme.
        images: folder of the images of a COCO file.
        group: regular expression for the group in a file name (None: the data set's own; "none": none).
    Raises:
        DatasetError: neither, an unknown name, or a group that does not fit.
    """
    if not path.exists():
        raise DatasetError(f"{path}: no such file or folder; expected a prepared data set or a COCO .json")
    if not path.is_dir():
        coco, folder = read_placed(path, images)
        names = [image.file_name for image in coco.images]
        group_of = {} if group in (None, "none") else groups_of(names, group)
        return Described(path.name, {path.stem: coco}, folder, group_of)
    prepared = open_prepared(path)
    whole = prepared.coco(labels, masks)
    own = prepared.scheme_name(scheme, labels)
    lists = prepared.schemes()[own]
    splits = {split: whole.subset(names) for split, names in lists.items()}
    if not splits:
        raise DatasetError(f"{path}: scheme {own} has no splits; expected lists of file names. Draw it again")
    stored = prepared.record.get("group")
    pattern = group or (stored if isinstance(stored, str) else "none")
    names = [image.file_name for image in whole.images]
    group_of = {} if pattern == "none" else groups_of(names, pattern)
    title = (
        f"{prepared.record['name']}, {labels or prepared.default('labels')} labels, "
        f"{masks or prepared.default('masks')} masks, scheme {own}"
    )
    return Described(title, splits, prepared.images_dir, group_of)
