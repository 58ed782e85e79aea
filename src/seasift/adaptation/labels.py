"""Labelled images with the classes of the base model first, and the turns in which they are held out."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from seasift.core.errors import InputError, hint
from seasift.core.instances import Category
from seasift.data.coco import CocoDataset, CocoImage
from seasift.data.prepared import DataSplit, resolve_split

FEWEST = 2
"""Labelled images with objects, below which nothing can be held out."""
_NUMBER = re.compile(r"([\s_.-]*(frame|img|image)?[\s_.-]*\d+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Labels:
    """Labelled images.

    Attributes:
        split: images and objects; the base model's classes come first, in its order.
        new: classes that the base model does not know, and that have objects.
        base_classes: number of the base model's classes.
        notes: lines that the user should see.
    """

    split: DataSplit
    new: tuple[str, ...]
    base_classes: int
    notes: tuple[str, ...] = ()

    @property
    def new_ids(self) -> tuple[int, ...]:
        """class_ids of the new classes."""
        return tuple(range(self.base_classes, self.base_classes + len(self.new)))


def read_labels(path: Path, base: Sequence[Category], images: Path | None = None) -> Labels:
    """Read a COCO file and join its classes with those of a model by name.

    Args:
        path: the COCO file.
        base: the model's classes.
        images: folder of the images; default: `images` beside the file, or its own folder.
    Raises:
        InputError: not a COCO file, fewer than two labelled images, or a class of two ids.
    """
    if path.is_dir():
        raise InputError(f"{path}: a folder; expected a COCO annotation file (.json). Give the file in it")
    split = resolve_split(path, images=images)
    own = split.coco.categories
    twice = sorted({each.name for each in own if [other.name for other in own].count(each.name) > 1})
    if twice:
        raise InputError(f"{path}: two categories are named {twice[0]!r}; expected one. Join them")
    used = {annotation.category_id for annotation in split.coco.annotations}
    used |= {other for annotation in split.coco.annotations for other in annotation.class_set}
    known = {category.name for category in base}
    new = [each.name for each in own if each.name not in known and each.id in used]
    joined = _joined(split.coco, base, new)
    busy = sum(bool(joined.annotations_of(image.id)) for image in joined.images)
    if busy < FEWEST:
        raise InputError(
            f"{path}: {busy} images with objects; expected at least {FEWEST}, of which some are held out. Label more"
        )
    notes = [f"new class: {name}{hint(name, known)}" for name in new]
    empty = [each.name for each in own if each.name not in known and each.id not in used]
    if empty:
        notes.append(f"left out, for no object has them: {', '.join(empty)}")
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    whole = replace(split, coco=joined, fingerprint=fingerprint)
    return Labels(whole, tuple(new), len(base), tuple(notes))


def _joined(coco: CocoDataset, base: Sequence[Category], new: Sequence[str]) -> CocoDataset:
    start = max((category.id for category in base), default=0) + 1
    categories = (*base, *(Category(start + index, name) for index, name in enumerate(new)))
    by_name = {category.name: category.id for category in categories}
    moved = {each.id: by_name[each.name] for each in coco.categories if each.name in by_name}
    annotations = tuple(
        replace(
            each,
            category_id=moved[each.category_id],
            class_set=tuple(sorted(moved[other] for other in each.class_set)),
        )
        for each in coco.annotations
    )
    return CocoDataset(categories, coco.images, annotations)


def video_of(image: CocoImage) -> str:
    """The video of an image: as the file says, else its folder and its name without the frame's number."""
    if image.video:
        return image.video
    path = PurePosixPath(image.file_name)
    return f"{path.parent}/{_NUMBER.sub('', path.stem)}"


@dataclass(frozen=True)
class Turns:
    """Which images are held out together.

    Attributes:
        folds: file names held out in each turn.
        group_of: file name to video, or to itself.
        unit: "video" or "image".
    """

    folds: tuple[tuple[str, ...], ...]
    group_of: dict[str, str]
    unit: str


def turns_of(images: Sequence[CocoImage], count: int) -> Turns:
    """Divide images into turns of about equal size.

    Whole videos stay together if there are at least as many as turns. Else neighbouring images, by name, stay together.
    """
    videos = {image.file_name: video_of(image) for image in images}
    count = min(count, len(videos))
    names = sorted(videos)
    if len(set(videos.values())) < count:
        bounds = [index * len(names) // count for index in range(count + 1)]
        blocks = tuple(tuple(names[start:stop]) for start, stop in itertools.pairwise(bounds))
        return Turns(blocks, {name: name for name in names}, "image")
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(videos[name], []).append(name)
    folds: list[list[str]] = [[] for _ in range(count)]
    for group in sorted(groups.values(), key=len, reverse=True):
        min(folds, key=len).extend(group)
    unit = (
        "video"
        if any(len(group) > 1 for group in groups.values()) or any(i.video for i in images)
        else "image"
    )
    return Turns(tuple(tuple(fold) for fold in folds), videos, unit)


def part(split: DataSplit, names: Sequence[str], what: str) -> DataSplit:
    """Some images of a split."""
    return replace(split, coco=split.coco.subset(names), name=f"{split.name} ({what})")
