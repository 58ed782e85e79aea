"""Picks what `seasift data stats` describes: a scheme of a prepared data set, or a COCO file."""

from __future__ import annotations

from pathlib import Path

from seasift.core.errors import DatasetError
from seasift.data.dives import groups_of
from seasift.data.locate import read_placed
from seasift.data.prepared import open_prepared
from seasift.data.stats import Described


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
        path: a prepared folder, or a COCO .json (then its one split is called by the file's name).
        labels: label set (None: the data set's default, as with the rest).
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
