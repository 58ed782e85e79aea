"""Read any COCO data set: a folder or zip with COCO files and images, or one file."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from seasift.core.errors import DatasetError
from seasift.core.image import SUFFIXES
from seasift.data.coco import (
    CocoDataset,
    checked_document,
    load_json,
    parse_coco,
    read_document,
    root_ids,
)
from seasift.data.json_form import REMEDY
from seasift.data.locate import Located, find_beside, find_in_source, missing_images
from seasift.data.repair import repair_document
from seasift.data.source import DatasetContent, DatasetFiles, folder_source

_DEFAULTS = {"labels": "default", "masks": "published", "split": "published"}
_KEYS = {"images", "annotations", "categories"}
_A_COCO_LIST = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')
# File names that tools give to every annotation file; the folder names the split.
_NAMELESS = {"_annotations.coco", "annotations", "annotations.coco", "coco", "coco_annotations"}
_NAMELESS |= {"instances", "labels", "result"}
_FOLDERS = {"annotations", "images", "labels", "coco"}
_PART_NAMES = {"valid": "val", "validation": "val"}


@dataclass(frozen=True)
class _Split:
    """One COCO file and the paths of its images."""

    coco: CocoDataset
    found: Mapping[str, Located]


def read_coco_file(path: Path, images: Path | None, *, repair: bool = False) -> DatasetContent:
    """Read one COCO file: the data set has one scheme with one split, `published/all`.

    Args:
        path: of the file.
        images: folder of its images (None: see `locate.images_folder`).
        repair: mend what is mechanical; see `repair.repair_document`.
    Raises:
        DatasetError: not COCO, or images that are missing.
    """
    content = read_document(path)
    repairs = repair_document(content, path.name) if repair else []
    roots = root_ids([content])
    coco = _parsed(content, path, roots, repair=repair)
    names = [image.file_name for image in coco.images]
    folder = find_beside(names, path, images, inside=True)
    missing = [name for name in names if name not in folder.found]
    if missing:
        raise missing_images(str(folder.folder), missing, len(names))
    source = folder_source(folder.folder, [located.path for located in folder.found.values()])
    splits = {"all": _Split(coco, folder.found)}
    return _content(path.stem, splits, source, str(path), _notes([content], roots), repairs)


def read_coco_files(source: DatasetFiles, *, repair: bool = False) -> DatasetContent:
    """Read all COCO files of a folder or zip; each becomes a split of the scheme `published`.

    Args:
        source: with the files and their images.
        repair: mend what is mechanical; see `repair.repair_document`.
    Raises:
        DatasetError: none, damaged ones, or several that do not fit together.
    """
    documents = {path: _document(source, path) for path in sorted(source.sizes) if _may_be_coco(path)}
    contents = {path: content for path, content in documents.items() if content is not None}
    if not contents:
        raise DatasetError(
            f"{source.name}: no COCO file; expected .json with images, annotations and categories. "
            "Name a folder with one"
        )
    repairs = (
        [line for file, each in contents.items() for line in repair_document(each, file)] if repair else []
    )
    roots = root_ids(list(contents.values()))
    splits = {}
    for split, (file, content) in zip(
        split_names(list(contents), source.name), contents.items(), strict=True
    ):
        coco = _parsed(content, f"{source.name}/{file}", roots, repair=repair)
        names = [image.file_name for image in coco.images]
        splits[split] = _Split(coco, find_in_source(names, source, file))
    notes = _notes(list(contents.values()), roots)
    return _content(Path(source.name).stem, splits, source, source.name, notes, repairs)


def _parsed(
    content: dict[str, Any], location: Path | str, roots: Collection[int], *, repair: bool
) -> CocoDataset:
    try:
        return parse_coco(content, location, roots)
    except DatasetError as error:
        if not repair:
            raise
        left = "--repair does not mend this: correct the file. `seasift data check` lists all defects"
        raise DatasetError(str(error).replace(REMEDY, left)) from None


def _may_be_coco(path: str) -> bool:
    lower = path.lower()
    hidden = any(part.startswith(".") for part in PurePosixPath(path).parts)
    return (
        lower.endswith(".json") and not hidden and not lower.removesuffix(".json").endswith(tuple(SUFFIXES))
    )


def _document(source: DatasetFiles, path: str) -> dict[str, Any] | None:
    """The document, or None if it is no COCO file.

    Raises:
        DatasetError: a COCO file that is damaged.
    """
    data = source.read(path)
    try:
        content = load_json(data)
    except (ValueError, RecursionError) as error:
        if not _A_COCO_LIST.search(data) or _is_json_lines(data):
            return None
        raise DatasetError(
            f"{source.name}/{path}: not JSON ({error}); expected a COCO file. Repair it or remove it from the folder"
        ) from None
    if not isinstance(content, dict) or not content.keys() >= _KEYS:
        return None
    return checked_document(content, f"{source.name}/{path}")


def _is_json_lines(data: bytes) -> bool:
    """Whether the first line is its own document, and no COCO file."""
    first, _, rest = data.partition(b"\n")
    try:
        content = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return bool(rest.strip()) and not (isinstance(content, dict) and content.keys() >= _KEYS)


def split_names(files: Sequence[str], location: str) -> list[str]:
    """Names of the splits in COCO files: `train` for instances_train.json and for train/_annotations.coco.json.

    Args:
        files: paths with `/`.
        location: of the files, for errors.
    Raises:
        DatasetError: two files with the same name of split.
    """
    stems = [PurePosixPath(file).stem.removeprefix("instances_") for file in files]
    folders = [""] * len(files)
    for stem, count in Counter(stems).items():
        if count > 1 or stem.lower() in _NAMELESS:
            group = [number for number, each in enumerate(stems) if each == stem]
            telling = _differing([PurePosixPath(files[number]).parent.parts for number in group])
            for number, folder in zip(group, telling, strict=True):
                folders[number] = folder if all(telling) else ""
    names = [folder or stem for folder, stem in zip(folders, stems, strict=True)]
    for number, (folder, count) in enumerate([(f, Counter(names)[f]) for f in folders]):
        if folder and count > 1:
            names[number] = f"{folder}-{stems[number]}"
    if len(files) == 1 and names[0].lower() in _NAMELESS:
        names = ["all"]
    names = [_PART_NAMES.get(n, n) if _PART_NAMES.get(n) not in names else n for n in names]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        listed = ", ".join(file for file, name in zip(files, names, strict=True) if name == twice)
        raise DatasetError(
            f"{location}: two COCO files for the split {twice!r} ({listed}); expected distinct names. "
            "Rename one, or prepare each alone"
        )
    return names


def _differing(folders: Sequence[tuple[str, ...]]) -> list[str]:
    """The parts that distinguish each folder from the others, as one name; of a single folder, its last telling part."""
    if len(folders) == 1:
        return [next((part for part in reversed(folders[0]) if part.lower() not in _FOLDERS), "")]
    lead = _shared(folders)
    tail = _shared([folder[lead:][::-1] for folder in folders])
    return ["-".join(folder[lead : len(folder) - tail]) for folder in folders]


def _shared(folders: Sequence[tuple[str, ...]]) -> int:
    """Number of leading parts that all share."""
    columns = zip(*folders, strict=False)
    return len(list(itertools.takewhile(lambda column: len(set(column)) == 1, columns)))


def _notes(contents: Sequence[Mapping[str, Any]], roots: Collection[int]) -> list[str]:
    """Facts about a data set besides its counts."""
    left_out = {
        item["name"]
        for content in contents
        for item in content["categories"]
        if isinstance(item, dict) and item.get("id") in roots
    }
    return [
        f"category {name!r} has no objects and is only the supercategory of the others, so it is left out"
        for name in sorted(left_out)
    ]


def _content(
    name: str,
    splits: Mapping[str, _Split],
    source: DatasetFiles,
    location: str,
    notes: Sequence[str],
    repairs: Sequence[str],
) -> DatasetContent:
    splits = _in_folders(splits, source)
    named = {split: _renamed(each) for split, each in splits.items()}
    joined = _joined(named, location)
    schemes = {
        "published": {split: [image.file_name for image in coco.images] for split, coco in named.items()}
    }
    images = {located.name: located.path for split in splits.values() for located in split.found.values()}
    about = {key: list(lines) for key, lines in (("notes", notes), ("repairs", repairs)) if lines}
    return DatasetContent(name, {"default-published": joined}, source, images, schemes, _DEFAULTS, about)


def _in_folders(splits: Mapping[str, _Split], source: DatasetFiles) -> Mapping[str, _Split]:
    """Where splits have different images with one name, put each split's images into a folder named like the split."""
    paths: dict[str, str] = {}
    for split in splits.values():
        for located in split.found.values():
            before = paths.setdefault(located.name, located.path)
            if before != located.path and not source.alike(before, located.path):
                return {
                    name: _Split(
                        each.coco, {n: Located(f"{name}/{i.name}", i.path) for n, i in each.found.items()}
                    )
                    for name, each in splits.items()
                }
    return splits


def _renamed(split: _Split) -> CocoDataset:
    images = [replace(image, file_name=split.found[image.file_name].name) for image in split.coco.images]
    return replace(split.coco, images=tuple(images))


def _joined(splits: Mapping[str, CocoDataset], location: str) -> CocoDataset:
    """Several files as one document. Ids stay if no two files share one; else all are new."""
    first, *rest = splits.values()
    if any(coco.categories != first.categories for coco in rest):
        raise DatasetError(
            f"{location}: its COCO files have different categories; expected the same. Prepare each alone"
        )
    counts = Counter(image.file_name for coco in splits.values() for image in coco.images)
    twice = [file for file, count in counts.items() if count > 1]
    if twice:
        raise DatasetError(
            f"{location}: {len(twice)} file names are used twice in its COCO files, first {twice[0]}; expected each "
            "image once. If they are different images, put the folder into file_name; if they are the same, "
            "prepare each file alone"
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
