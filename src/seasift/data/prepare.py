"""From an archive or a COCO data set to a prepared data set: pictures once, annotations, splits, record."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from seasift.core.errors import BadDataset
from seasift.core.files import write_bytes, write_json, write_text
from seasift.data import trashcan
from seasift.data.coco import CocoDataset, read_coco
from seasift.data.prepared import DATASET_FILE, SCHEMA, PreparedDataset, open_prepared
from seasift.data.source import Source, open_source
from seasift.data.splits import shipped_splits

Progress = Callable[[str, int, int], None]
_PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
_TRASHCAN_MARK = "instance_version/instances_train_trashcan.json"


@dataclass(frozen=True)
class _Content:
    """What a prepared data set will hold.

    Attributes:
        name: of the data set.
        annotations: "{labels}-{masks}" to a COCO document over all pictures.
        pictures: file name to path in the source.
        splits: split to part to file names.
        defaults: labels, masks and split taken when none is asked for.
        about: licence, citation and the like.
    """

    name: str
    annotations: Mapping[str, CocoDataset]
    pictures: Mapping[str, str]
    splits: Mapping[str, Mapping[str, list[str]]]
    defaults: Mapping[str, str]
    about: Mapping[str, str]


def prepare(source: Path, out: Path, *, force: bool = False, progress: Progress | None = None) -> tuple[PreparedDataset, bool]:
    """Prepare a data set. A second run does nothing, an interrupted one goes on.

    Args:
        source: the published TrashCan archive (zip or unpacked, with or without its repeated images), any
            folder or zip that holds COCO files and their pictures, or a COCO .json beside its pictures.
        out: folder to fill.
        force: write everything again.
        progress: called with (what, done, in all).
    Returns:
        The data set, and whether anything was done.
    Raises:
        BadDataset: not a data set we know, defects that make it useless, or counts that are not the
            published ones.
    """
    only = source.name if source.is_file() and source.suffix == ".json" else None
    tell = progress or (lambda _what, _done, _total: None)
    with open_source(source.parent if only else source) as opened:
        digest = _source_digest(opened, only)
        if not force and (out / DATASET_FILE).exists():
            ready = open_prepared(out)
            if ready.record.get("source_digest") == digest:
                return ready, False
        mark = opened.find(_TRASHCAN_MARK)
        if mark and not only:
            content = _read_trashcan(opened, mark.removesuffix(_TRASHCAN_MARK), tell)
        else:
            content = _read_coco_files(opened, only)
        return _write(opened, content, out, digest, force, tell), True


def _source_digest(source: Source, only: str | None) -> str:
    listing = json.dumps([SCHEMA, only, sorted(source.sizes.items())])
    return hashlib.sha256(listing.encode()).hexdigest()


def _read_trashcan(source: Source, root: str, tell: Progress) -> _Content:
    annotations: dict[str, CocoDataset] = {}
    for label_set in trashcan.LABEL_SETS:
        parts = []
        for part in ("train", "val"):
            name = f"{root}{label_set}_version/instances_{part}_trashcan.json"
            coco = _read_json(source, name)
            trashcan.check_counts(coco, label_set, part)
            parts.append(coco)
        polygons = CocoDataset(
            parts[0].categories, parts[0].images + parts[1].images, parts[0].annotations + parts[1].annotations
        )
        annotations[f"{label_set}-polygons"] = polygons
        annotations[f"{label_set}-exact"] = _exact(source, root, polygons, label_set, tell)
    names = [image.file_name for image in annotations["instance-polygons"].images]
    return _Content(
        "trashcan-1.0",
        annotations,
        _locate(source, names),
        shipped_splits("trashcan"),
        {"labels": "instance", "masks": "exact", "split": "official"},
        {"licence": trashcan.LICENCE, "citation": trashcan.CITATION, "group": "vid_(\\d+)_frame"},
    )


def _exact(source: Source, root: str, polygons: CocoDataset, label_set: str, tell: Progress) -> CocoDataset:
    names = {category.id: category.name for category in polygons.categories}
    found = []
    for number, image in enumerate(polygons.images):
        path = f"{root}original_data/annotations/{image.file_name}.json"
        originals = trashcan.read_original(json.loads(source.read(path)), path)
        group = polygons.annotations_of(image.id)
        found += trashcan.exact_annotations(group, names, originals, image.size_hw, label_set)
        tell(f"exact masks, {label_set}", number + 1, len(polygons.images))
    return replace(polygons, annotations=tuple(found))


def _read_coco_files(source: Source, only: str | None) -> _Content:
    files = [only] if only else sorted(p for p in source.sizes if p.endswith(".json") and _looks_like_coco(source, p))
    if not files:
        raise BadDataset(f"{source.name}: no COCO file in it; expected one or several .json with images, annotations, categories")
    parts = {PurePosixPath(file).stem.removeprefix("instances_"): _read_json(source, file) for file in files}
    if len(parts) < len(files):
        raise BadDataset(f"{source.name}: two COCO files of one name ({', '.join(files)}); expected distinct names. Rename one")
    return _Content(
        Path(source.name).stem,
        {"default-published": _joined(parts, source.name)},
        _locate(source, sorted({image.file_name for coco in parts.values() for image in coco.images})),
        {"published": {part: [image.file_name for image in coco.images] for part, coco in parts.items()}},
        {"labels": "default", "masks": "published", "split": "published"},
        {},
    )


def _joined(parts: Mapping[str, CocoDataset], name: str) -> CocoDataset:
    """Several files as one document; ids are given anew where files use the same."""
    first, *rest = parts.values()
    if any(coco.categories != first.categories for coco in rest):
        raise BadDataset(f"{name}: its COCO files have different categories; expected the same. Prepare them one by one")
    names = [image.file_name for coco in parts.values() for image in coco.images]
    twice = [file for file, count in Counter(names).items() if count > 1]
    if twice:
        raise BadDataset(f"{name}: {twice[0]} is in two of its COCO files ({len(twice)} such pictures); expected each once")
    images, annotations = [], []
    for coco in parts.values():
        new = {image.id: image.id if not rest else len(images) + place for place, image in enumerate(coco.images, 1)}
        images += [replace(image, id=new[image.id]) for image in coco.images]
        annotations += [replace(a, image_id=new[a.image_id]) for a in coco.annotations]
    if rest:
        annotations = [replace(a, id=number) for number, a in enumerate(annotations, 1)]
    return CocoDataset(first.categories, tuple(images), tuple(annotations))


def _looks_like_coco(source: Source, path: str) -> bool:
    if path.endswith(tuple(f"{ending}.json" for ending in _PICTURES)):
        return False
    try:
        content = json.loads(source.read(path))
    except ValueError:
        return False
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def _read_json(source: Source, path: str) -> CocoDataset:
    if path not in source.sizes:
        raise BadDataset(f"{source.name}: {path} is missing; expected the whole published archive. Download it again")
    return read_coco(f"{source.name}/{path}", source.read(path))


def _locate(source: Source, names: list[str]) -> dict[str, str]:
    """Where in the source each picture lies, by the end of its path; repeated pictures are taken once."""
    by_name: dict[str, list[str]] = {}
    for path in source.sizes:
        if path.lower().endswith(_PICTURES):
            by_name.setdefault(PurePosixPath(path).name, []).append(path)
    found, missing = {}, []
    for name in names:
        parts = PurePosixPath(name).parts
        places = [p for p in by_name.get(parts[-1], []) if PurePosixPath(p).parts[-len(parts) :] == parts]
        if places:
            found[name] = min(places, key=lambda place: (len(place), place))
        else:
            missing.append(name)
    if missing:
        raise BadDataset(
            f"{source.name}: {len(missing)} pictures are missing, first {missing[0]}; expected all {len(names)}. "
            "Unpack the archive again, or run: seasift data check"
        )
    return found


def _write(
    source: Source, content: _Content, out: Path, digest: str, force: bool, tell: Progress
) -> PreparedDataset:
    (out / DATASET_FILE).unlink(missing_ok=True)
    for number, (name, path) in enumerate(content.pictures.items(), 1):
        target = out / "images" / name
        if force or not target.is_file() or target.stat().st_size != source.sizes[path]:
            write_bytes(target, source.read(path))
        tell("pictures", number, len(content.pictures))
    documents = {name: coco.to_json() for name, coco in content.annotations.items()}
    for name, document in documents.items():
        write_json(out / "annotations" / f"{name}.json", document)
    for split, parts in content.splits.items():
        for part, names in parts.items():
            write_text(out / "splits" / split / f"{part}.txt", "\n".join(sorted(names)) + "\n")
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "name": content.name,
        **content.about,
        "defaults": dict(content.defaults),
        "pictures": len(content.pictures),
        "fingerprint": _fingerprint(documents, {n: source.sizes[p] for n, p in content.pictures.items()}),
        "source_digest": digest,
    }
    write_json(out / DATASET_FILE, record, indent=2)
    return PreparedDataset(out, record)


def _fingerprint(documents: Mapping[str, Any], sizes: Mapping[str, int]) -> str:
    text = json.dumps([documents, sorted(sizes.items())], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
