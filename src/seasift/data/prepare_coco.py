"""Reads any COCO data set: a folder or zip with one or several COCO files and images, or one file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from seasift.core.errors import DatasetError
from seasift.data.coco import CocoDataset, read_coco
from seasift.data.content import Content
from seasift.data.source import IMAGE_SUFFIXES, Source, folder_source

_DEFAULTS = {"labels": "default", "masks": "published", "split": "published"}
_KEYS = {"images", "annotations", "categories"}


def images_folder(path: Path, images: Path | None) -> Path:
    """Where the images of a COCO file lie: the given folder, else `images` beside it, else its own."""
    if images is not None:
        return images
    beside = path.parent / "images"
    return beside if beside.is_dir() else path.parent


def read_coco_file(path: Path, images: Path | None) -> Content:
    """One COCO file: the data set has one scheme of one split, `published/all`.

    Raises:
        DatasetError: not COCO, or images that are missing.
    """
    coco = read_coco(path)
    folder = images_folder(path, images)
    names = [image.file_name for image in coco.images]
    loaded = folder_source(folder, [name for name in names if (folder / name).is_file()])
    return _content(path.stem, {"all": coco}, loaded, str(path))


def read_coco_files(source: Source) -> Content:
    """All COCO files of a folder or zip; each becomes a split of the scheme `published`.

    Raises:
        DatasetError: none, damaged ones, or several that do not go together.
    """
    files = [path for path in sorted(source.sizes) if _looks_like_coco(source, path)]
    if not files:
        raise DatasetError(
            f"{source.name}: no COCO file in it; expected .json with images, annotations and categories. "
            "Name the folder that holds one"
        )
    splits: dict[str, CocoDataset] = {}
    for file in files:
        split = PurePosixPath(file).stem.removeprefix("instances_")
        if split in splits:
            raise DatasetError(
                f"{source.name}: two COCO files for the split {split!r} ({', '.join(files)}); expected distinct names. "
                "Rename one, or prepare them one by one"
            )
        splits[split] = read_coco(f"{source.name}/{file}", source.read(file))
    return _content(Path(source.name).stem, splits, source, source.name)


def _content(name: str, splits: Mapping[str, CocoDataset], loaded: Source, location: str) -> Content:
    joined = _joined(splits, location)
    schemes = {
        "published": {split: [image.file_name for image in coco.images] for split, coco in splits.items()}
    }
    names = [image.file_name for image in joined.images]
    return Content(name, {"default-published": joined}, loaded, loaded.locate(names), schemes, _DEFAULTS, {})


def _joined(splits: Mapping[str, CocoDataset], location: str) -> CocoDataset:
    """Several files as one document. Ids stay if no two files share any, else all are given anew."""
    first, *rest = splits.values()
    if any(coco.categories != first.categories for coco in rest):
        raise DatasetError(
            f"{location}: its COCO files have different categories; expected the same. Prepare them one by one"
        )
    counts = Counter(image.file_name for coco in splits.values() for image in coco.images)
    twice = [file for file, count in counts.items() if count > 1]
    if twice:
        raise DatasetError(
            f"{location}: {len(twice)} file names are used twice in its COCO files, first {twice[0]}; expected each "
            "image once. If they are different images, put the folder into file_name; if they are the same, "
            "prepare the files one by one"
        )
    images = [image for coco in splits.values() for image in coco.images]
    annotations = [annotation for coco in splits.values() for annotation in coco.annotations]
    if len({i.id for i in images}) == len(images) and len({a.id for a in annotations}) == len(annotations):
        return CocoDataset(first.categories, tuple(images), tuple(annotations))
    images, annotations = [], []
    for coco in splits.values():
        new = {image.id: len(images) + number for number, image in enumerate(coco.images, 1)}
        images += [replace(image, id=new[image.id]) for image in coco.images]
        annotations += [
            replace(a, id=len(annotations) + number, image_id=new[a.image_id])
            for number, a in enumerate(coco.annotations, 1)
        ]
    return CocoDataset(first.categories, tuple(images), tuple(annotations))


def _looks_like_coco(source: Source, path: str) -> bool:
    if not path.lower().endswith(".json") or path.lower().removesuffix(".json").endswith(IMAGE_SUFFIXES):
        return False
    try:
        content = json.loads(source.read(path))
    except (ValueError, RecursionError) as error:
        raise DatasetError(
            f"{source.name}/{path}: not JSON ({error}); expected a COCO file. Repair it or take it out of the folder"
        ) from None
    return isinstance(content, dict) and content.keys() >= _KEYS
