"""Prepare a data set from an archive or a COCO file: images once, annotations, schemes, record.

TrashCan gets two label sets, each with the published masks and with exact masks: those of the original bitmaps.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seasift.core.errors import DatasetError
from seasift.core.files import write_bytes, write_json, write_text
from seasift.core.masks import MaskCrop
from seasift.core.types import SizeHW
from seasift.data import trashcan
from seasift.data.coco import CocoAnnotation, CocoDataset, read_coco
from seasift.data.dives import VIDEOS_FILE, facts_table, shipped_facts
from seasift.data.locate import find_in_source, images_folder
from seasift.data.prepare_coco import read_coco_file, read_coco_files
from seasift.data.prepared import DATASET_FILE, SCHEMA, PreparedDataset, open_prepared
from seasift.data.schemes import shipped_schemes
from seasift.data.source import DatasetContent, DatasetFiles, Progress, folder_source, open_source
from seasift.data.trashcan import OriginalObject, label_of, published_groups, read_original

# Published polygons extend a pixel too far right and down, were simplified, and lost small islands: of all objects
# the box changed most in one of vid_000437, to an IoU of 0.19.
_LEAST_BOX_IOU = 0.15


def exact_annotations(
    published: Sequence[CocoAnnotation],
    names: Mapping[int, str],
    originals: Sequence[OriginalObject],
    size_hw: SizeHW,
    label_set: str,
    location: str,
) -> list[CocoAnnotation]:
    """The published objects of one image, each with its id and class, and its exact mask, box and area.

    Args:
        published: objects of the image in the order of the file.
        names: of the categories, by id.
        originals: the annotators' bitmaps.
        size_hw: of the image.
        label_set: instance or material.
        place: the original annotation file, for errors.
    Raises:
        DatasetError: published and original objects do not match.
    """
    groups = published_groups(originals, label_set)
    drawn = [label_of(originals[g[0]].title, originals[g[0]].tags, label_set, location) for g in groups]
    listed = [names[annotation.category_id] for annotation in published]
    if drawn != listed:
        raise DatasetError(
            f"{location}: {label_set} objects are {_listed(drawn)}, but the COCO file has {_listed(listed)}; expected "
            "the same. Unpack the published archive again"
        )
    return [
        _with_mask(annotation, [originals[i].mask for i in group], size_hw, location)
        for annotation, group in zip(published, groups, strict=True)
    ]


def _with_mask(
    annotation: CocoAnnotation, masks: Sequence[MaskCrop], size_hw: SizeHW, location: str
) -> CocoAnnotation:
    bitmap = np.logical_or.reduce([mask.bitmap(size_hw) for mask in masks])
    mask = MaskCrop.from_bitmap(bitmap)
    x1, y1, x2, y2 = (float(edge) for edge in mask.box_xyxy)
    x, y, width, height = annotation.bbox_xywh
    both = np.array([[x1, y1, x2 + 1, y2 + 1], [x, y, x + width, y + height]])
    shared = np.clip(both[:, 2:].min(axis=0) - both[:, :2].max(axis=0), 0, None).prod()
    if shared < _LEAST_BOX_IOU * ((both[:, 2:] - both[:, :2]).prod(axis=1).sum() - shared):
        raise DatasetError(
            f"{location}: bitmaps at {x1:g}, {y1:g} to {x2:g}, {y2:g}, but annotation {annotation.id} has the box {x:g}, "
            f"{y:g} to {x + width:g}, {y + height:g}; expected the same place. Unpack the published archive again"
        )
    box = (x1, y1, x2 - x1, y2 - y1)
    return replace(annotation, bbox_xywh=box, area=float(mask.area), segmentation=mask.rle(size_hw))


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "none"


_MARK = "instance_version/instances_train_trashcan.json"


def root_of(source: DatasetFiles) -> str | None:
    """Folder of TrashCan inside the source ("" or ending with `/`); None without TrashCan."""
    mark = source.find(_MARK)
    return None if mark is None else mark.removesuffix(_MARK)


def read_trashcan(source: DatasetFiles, root: str, tell: Progress) -> DatasetContent:
    """Read all annotations and compare their counts with the published tables.

    Raises:
        DatasetError: something is missing or differs from the publication.
    """
    published = {label_set: _polygons(source, root, label_set) for label_set in trashcan.LABEL_SETS}
    exact = _exact(source, root, published, tell)
    annotations = {f"{label_set}-polygons": coco for label_set, coco in published.items()}
    annotations |= {f"{label_set}-exact": coco for label_set, coco in exact.items()}
    names = [image.file_name for image in published["instance"].images]
    return DatasetContent(
        "trashcan-1.0",
        annotations,
        source,
        {name: located.path for name, located in find_in_source(names, source).items()},
        shipped_schemes("trashcan"),
        {"labels": "instance", "masks": "exact", "split": "dive-free"},
        {"licence": trashcan.LICENCE, "citation": trashcan.CITATION, "group": trashcan.VIDEO},
        shipped_facts("trashcan", trashcan.VIDEO),
    )


def _polygons(source: DatasetFiles, root: str, label_set: str) -> CocoDataset:
    splits = []
    for split in ("train", "val"):
        path = f"{root}{label_set}_version/instances_{split}_trashcan.json"
        coco = read_coco(f"{source.name}/{path}", source.read(path))
        trashcan.check_counts(coco, label_set, split)
        splits.append(coco)
    train, val = splits
    return CocoDataset(train.categories, train.images + val.images, train.annotations + val.annotations)


def _exact(
    source: DatasetFiles, root: str, published: Mapping[str, CocoDataset], tell: Progress
) -> dict[str, CocoDataset]:
    """Read both label sets at once: decoding the bitmaps is most of the work."""
    images = {
        label_set: {image.file_name: image for image in coco.images} for label_set, coco in published.items()
    }
    names = {label_set: {c.id: c.name for c in coco.categories} for label_set, coco in published.items()}
    found: dict[str, dict[int, CocoAnnotation]] = {label_set: {} for label_set in published}
    files = sorted(set().union(*images.values()))
    for number, file in enumerate(files, 1):
        path = f"{root}original_data/annotations/{file}.json"
        originals = read_original(source.read(path), path)
        for label_set, coco in published.items():
            image = images[label_set].get(file)
            if image is None:
                continue
            group = coco.annotations_of(image.id)
            exact = exact_annotations(group, names[label_set], originals, image.size_hw, label_set, path)
            found[label_set].update({annotation.id: annotation for annotation in exact})
        tell("decoding exact masks", number, len(files))
    return {
        label_set: replace(coco, annotations=tuple(found[label_set][a.id] for a in coco.annotations))
        for label_set, coco in published.items()
    }


# Raise it when the same source would give another result.
_VERSION = "3"


def prepare(
    source: Path,
    out: Path,
    *,
    images: Path | None = None,
    force: bool = False,
    repair: bool = False,
    progress: Progress | None = None,
) -> tuple[PreparedDataset, bool]:
    """Prepare a data set. A second run does nothing; an interrupted run resumes.

    Args:
        source: the published TrashCan archive (zip or unpacked, with or without its repeated images), any
            folder or zip that holds COCO files and their images, or a COCO .json.
        out: folder to fill.
        images: folder of the images of a COCO .json (None: `images` beside it, or its own).
        force: write everything again, even over another data set.
        repair: repair mechanical defects of COCO files; see `repair.repair_document`. The record lists every repair.
        progress: called with (what, done, in all).
    Returns:
        The data set, and whether it was written.
    Raises:
        DatasetError: an unknown data set, fatal defects, counts that differ from the published ones, or another data set in
            `out`.
    """
    tell = progress or (lambda _what, _done, _total: None)
    with _opened(source, out, images, "repair" if repair else "") as (opened, digest):
        before = open_prepared(out) if (out / DATASET_FILE).exists() and not force else None
        if before is not None and before.record.get("source_digest") == digest:
            return before, False
        content = _read(source, opened, images, tell, repair=repair)
        if before is not None and before.record.get("name") != content.name:
            raise DatasetError(
                f"{out}: holds the data set {before.record.get('name')}; expected a new folder for {content.name}. "
                "Choose another, or pass --force to write over it"
            )
        return write_prepared(content, out, digest, force, tell), True


@contextmanager
def _opened(source: Path, out: Path, images: Path | None, how: str) -> Iterator[tuple[DatasetFiles, str]]:
    if source.is_file() and source.suffix.lower() == ".json":
        stat = source.stat()
        folder = images_folder(source, images).resolve()
        listing = folder_source(source.parent, [source.name])
        yield listing, listing.digest(_VERSION, SCHEMA, str(stat.st_size), str(folder), how)
        return
    if images is not None:
        raise DatasetError(
            f"{source}: --images goes with a COCO .json; expected such a file. Leave --images out"
        )
    if (source / DATASET_FILE).is_file():
        raise DatasetError(
            f"{source}: is a prepared data set already; expected its source. Use this folder directly"
        )
    with open_source(source, without=out) as opened:
        yield opened, opened.digest(_VERSION, SCHEMA, how)


def _read(
    path: Path, source: DatasetFiles, images: Path | None, tell: Progress, *, repair: bool
) -> DatasetContent:
    if path.is_file() and path.suffix.lower() == ".json":
        return read_coco_file(path, images, repair=repair)
    root = root_of(source)
    return read_coco_files(source, repair=repair) if root is None else read_trashcan(source, root, tell)


def write_prepared(
    content: DatasetContent, out: Path, digest: str, force: bool, tell: Progress
) -> PreparedDataset:
    """Write a data set into a folder, and replace the files of an earlier run.

    Args:
        content: of the data set.
        out: folder to fill.
        digest: of its source; a second run with the same digest does nothing.
        force: write existing images again.
        tell: called with (what, done, in all).
    """
    _make_way(out)
    for number, (name, path) in enumerate(content.images.items(), 1):
        target = out / "images" / name
        if force or not target.is_file() or not content.source.holds(path, target):
            write_bytes(target, content.source.read(path))
        tell("copying images", number, len(content.images))
    documents = {name: coco.to_json() for name, coco in content.annotations.items()}
    for number, (name, document) in enumerate(documents.items(), 1):
        write_json(out / "annotations" / f"{name}.json", document)
        tell("writing annotations", number, len(documents))
    for scheme, splits in content.schemes.items():
        for split, names in splits.items():
            write_text(
                out / "splits" / scheme / f"{split}.txt", "".join(f"{name}\n" for name in sorted(names))
            )
    if content.videos:
        write_text(out / VIDEOS_FILE, facts_table(content.videos.values()))
    sizes = {name: content.source.sizes[path] for name, path in content.images.items()}
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "name": content.name,
        **content.about,
        "defaults": dict(content.defaults),
        "pictures": len(content.images),
        **({"videos": len(content.videos)} if content.videos else {}),
        "objects": {name: len(coco.annotations) for name, coco in content.annotations.items()},
        "classes": {
            name: [category.name for category in coco.categories]
            for name, coco in content.annotations.items()
        },
        "splits": {
            scheme: {split: len(names) for split, names in splits.items()}
            for scheme, splits in content.schemes.items()
        },
        "fingerprint": _fingerprint(documents, sizes),
        "source_digest": digest,
    }
    # Written last: a folder without it is no prepared data set, and the next run resumes.
    write_json(out / DATASET_FILE, record, indent=2)
    return PreparedDataset(out, record)


def _make_way(out: Path) -> None:
    """Remove the files of an earlier run, except images (checked one by one) and schemes drawn since."""
    schemes: list[str] = []
    with_videos = False
    if (out / DATASET_FILE).exists():
        try:
            before = open_prepared(out).record
            schemes, with_videos = list(before.get("splits", {})), bool(before.get("videos"))
        except DatasetError:  # damaged, or of another schema: its files are unknown
            schemes = []
        (out / DATASET_FILE).unlink()
    shutil.rmtree(out / "annotations", ignore_errors=True)
    if with_videos:  # else it is the user's
        (out / VIDEOS_FILE).unlink(missing_ok=True)
    for torn in (out / "images").rglob(".*.part"):  # of a killed run
        torn.unlink()
    for scheme in schemes:
        if Path(scheme).name == scheme:
            shutil.rmtree(out / "splits" / scheme, ignore_errors=True)


def _fingerprint(documents: Mapping[str, Any], sizes: Mapping[str, int]) -> str:
    text = json.dumps([documents, sorted(sizes.items())], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
