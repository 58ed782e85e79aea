"""Reads the published TrashCan archive: two label sets, each with published and with exact masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from seasift.data import trashcan
from seasift.data.coco import CocoAnnotation, CocoDataset, read_coco
from seasift.data.content import Content, Progress
from seasift.data.dives import shipped_facts
from seasift.data.locate import find_in_source
from seasift.data.source import Source
from seasift.data.splits import shipped_splits
from seasift.data.supervisely import read_original
from seasift.data.trashcan_exact import exact_annotations

_MARK = "instance_version/instances_train_trashcan.json"


def root_of(source: Source) -> str | None:
    """Folder inside the source that holds TrashCan ("" or ending with `/`); None if it does not."""
    mark = source.find(_MARK)
    return None if mark is None else mark.removesuffix(_MARK)


def read_trashcan(source: Source, root: str, tell: Progress) -> Content:
    """Read all annotations and hold their counts to the published tables.

    Raises:
        BadDataset: something is missing, or not as published.
    """
    published = {label_set: _polygons(source, root, label_set) for label_set in trashcan.LABEL_SETS}
    exact = _exact(source, root, published, tell)
    annotations = {f"{label_set}-polygons": coco for label_set, coco in published.items()}
    annotations |= {f"{label_set}-exact": coco for label_set, coco in exact.items()}
    names = [image.file_name for image in published["instance"].images]
    return Content(
        "trashcan-1.0",
        annotations,
        source,
        {name: located.path for name, located in find_in_source(names, source).items()},
        shipped_splits("trashcan"),
        {"labels": "instance", "masks": "exact", "split": "dive-free"},
        {"licence": trashcan.LICENCE, "citation": trashcan.CITATION, "group": trashcan.VIDEO},
        shipped_facts("trashcan", trashcan.VIDEO),
    )


def _polygons(source: Source, root: str, label_set: str) -> CocoDataset:
    parts = []
    for part in ("train", "val"):
        path = f"{root}{label_set}_version/instances_{part}_trashcan.json"
        coco = read_coco(f"{source.name}/{path}", source.read(path))
        trashcan.check_counts(coco, label_set, part)
        parts.append(coco)
    train, val = parts
    return CocoDataset(train.categories, train.images + val.images, train.annotations + val.annotations)


def _exact(
    source: Source, root: str, published: Mapping[str, CocoDataset], tell: Progress
) -> dict[str, CocoDataset]:
    """Both label sets in one go: decoding the bitmaps is most of the work."""
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
