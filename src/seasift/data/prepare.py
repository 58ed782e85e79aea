"""From an archive or a COCO data set to a prepared data set: images once, annotations, schemes, record."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seasift.core.errors import DatasetError
from seasift.core.files import write_bytes, write_json, write_text
from seasift.data.content import Content, Progress
from seasift.data.dives import VIDEOS_FILE, facts_table
from seasift.data.locate import images_folder
from seasift.data.prepare_coco import read_coco_file, read_coco_files
from seasift.data.prepare_trashcan import read_trashcan, root_of
from seasift.data.prepared import DATASET_FILE, SCHEMA, PreparedDataset, open_prepared
from seasift.data.source import Source, folder_source, open_source

# Raise it when the same source would be prepared to something else.
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
    """Prepare a data set. A second run does nothing, an interrupted one goes on.

    Args:
        source: the published TrashCan archive (zip or unpacked, with or without its repeated images), any
            folder or zip that holds COCO files and their images, or a COCO .json.
        out: folder to fill.
        images: folder of the images of a COCO .json (None: `images` beside it, or its own).
        force: write everything again, even over another data set.
        repair: mend what is mechanical in COCO files; see `repair.repair_document`. The record lists every repair.
        progress: called with (what, done, in all).
    Returns:
        The data set, and whether anything was done.
    Raises:
        DatasetError: not a data set we know, defects that make it useless, counts that are not the published
            ones, or another data set in `out`.
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
def _opened(source: Path, out: Path, images: Path | None, how: str) -> Iterator[tuple[Source, str]]:
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
        raise DatasetError(f"{source}: is a prepared data set already; expected its source. Use it as it is")
    with open_source(source, without=out) as opened:
        yield opened, opened.digest(_VERSION, SCHEMA, how)


def _read(path: Path, source: Source, images: Path | None, tell: Progress, *, repair: bool) -> Content:
    if path.is_file() and path.suffix.lower() == ".json":
        return read_coco_file(path, images, repair=repair)
    root = root_of(source)
    return read_coco_files(source, repair=repair) if root is None else read_trashcan(source, root, tell)


def write_prepared(content: Content, out: Path, digest: str, force: bool, tell: Progress) -> PreparedDataset:
    """Write a data set into a folder, in place of what an earlier run wrote there.

    Args:
        content: of the data set.
        out: folder to fill.
        digest: of its source, by which a second run knows that nothing is to be done.
        force: write images again that are there already.
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
    # Last of all: a folder without it is not a prepared data set, and the next run goes on.
    write_json(out / DATASET_FILE, record, indent=2)
    return PreparedDataset(out, record)


def _make_way(out: Path) -> None:
    """Take away what an earlier run wrote, except images (looked at one by one) and schemes drawn since."""
    schemes: list[str] = []
    with_videos = False
    if (out / DATASET_FILE).exists():
        try:
            before = open_prepared(out).record
            schemes, with_videos = list(before.get("splits", {})), bool(before.get("videos"))
        except DatasetError:  # damaged, or of another schema: what it wrote is unknown
            schemes = []
        (out / DATASET_FILE).unlink()
    shutil.rmtree(out / "annotations", ignore_errors=True)
    if with_videos:  # else a user put it there
        (out / VIDEOS_FILE).unlink(missing_ok=True)
    for torn in (out / "images").rglob(".*.part"):  # left by a run that was killed
        torn.unlink()
    for scheme in schemes:
        if Path(scheme).name == scheme:
            shutil.rmtree(out / "splits" / scheme, ignore_errors=True)


def _fingerprint(documents: Mapping[str, Any], sizes: Mapping[str, int]) -> str:
    text = json.dumps([documents, sorted(sizes.items())], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
