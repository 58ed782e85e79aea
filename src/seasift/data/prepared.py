"""A prepared data set on disk, and its splits by the names in commands."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seasift.core.errors import DatasetError, expected
from seasift.core.files import read_regular
from seasift.data.coco import CocoDataset, read_coco
from seasift.data.dives import VIDEOS_FILE, VideoFacts, dives_of, groups_of, read_facts
from seasift.data.locate import read_placed
from seasift.data.packed import PACK_FILE, unpack

DATASET_FILE = "dataset.json"
SCHEMA = "seasift-dataset/1"
_DEFAULTS = ("labels", "masks", "split")
_USUAL_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class DataSplit:
    """Images with their truth.

    Attributes:
        coco: categories, images, objects.
        images_dir: folder of the images; file names are relative to it.
        name: for tables and records.
        fingerprint: of its data set, or of the COCO file.
        chosen: of a prepared data set: full names of labels, masks, splitting scheme and split, which give the same split
            again, and the regular expression of the group, if any.
        dives: file name to dive, where it is known.
    """

    coco: CocoDataset
    images_dir: Path
    name: str
    fingerprint: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    dives: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PreparedDataset:
    """A folder that `seasift data prepare` made.

    Layout: images/, annotations/{labels}-{masks}.json (all images in one COCO document),
    splits/{scheme}/{split}.txt (file names), videos.csv (date, clock and dive of each video, if known), dataset.json
    (the record).

    Attributes:
        folder: its path.
        record: content of dataset.json.
    """

    folder: Path
    record: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """Digest of annotations and images."""
        return str(self.record["fingerprint"])

    @property
    def images_dir(self) -> Path:
        """The images."""
        return self.folder / "images"

    def coco(self, labels: str | None = None, masks: str | None = None) -> CocoDataset:
        """All images with the objects of one label set and mask version; None: the data set's default."""
        labels, masks = labels or self.default("labels"), masks or self.default("masks")
        known = [path.stem for path in sorted((self.folder / "annotations").glob("*.json"))]
        _choose(f"{labels}-{masks}", known, "labels and masks", self.folder)
        return read_coco(self.folder / "annotations" / f"{labels}-{masks}.json")

    @property
    def group(self) -> str | None:
        """Regular expression that finds the video in a file name."""
        own = self.record.get("group")
        return own if isinstance(own, str) else None

    def videos(self) -> dict[str, VideoFacts]:
        """Date, clock and dive of each video, by the name that the group finds; empty if nothing is known.

        Raises:
            DatasetError: the table cannot be read.
        """
        path = self.folder / VIDEOS_FILE
        if not path.is_file():
            return {}
        try:
            text = read_regular(path, DatasetError).decode("utf-8")
        except (OSError, ValueError) as error:
            raise DatasetError(
                f"{path}: cannot be read ({error}); expected a CSV table. Prepare again"
            ) from None
        return read_facts(text, str(path))

    def dives(self, file_names: Collection[str]) -> dict[str, str]:
        """File name to dive, where it is known."""
        facts = self.videos() if self.group else {}
        return dives_of(groups_of(file_names, self.group), facts) if facts else {}

    def schemes(self) -> dict[str, dict[str, list[str]]]:
        """Scheme name to split name to file names."""
        return {
            scheme: {split: self.names(scheme, split) for split in self._splits(scheme)}
            for scheme in self._scheme_names()
        }

    def _scheme_names(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "splits").glob("*") if path.is_dir())

    def _splits(self, scheme: str) -> list[str]:
        found = {path.stem for path in (self.folder / "splits" / scheme).glob("*.txt")}
        return [split for split in _USUAL_SPLITS if split in found] + sorted(found - set(_USUAL_SPLITS))

    def names(self, scheme: str, split: str) -> list[str]:
        """File names of one split.

        Raises:
            DatasetError: the list cannot be read.
        """
        path = self.folder / "splits" / scheme / f"{split}.txt"
        try:
            lines = read_regular(path, DatasetError).decode("utf-8").split("\n")
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path}: cannot be read ({error}); expected one file name per line") from None
        return [line for line in lines if line]

    def split(
        self,
        labels: str | None = None,
        masks: str | None = None,
        scheme: str | None = None,
        split: str | None = None,
    ) -> DataSplit:
        """One split of one scheme.

        The short name of a scheme that exists for each label set, such as `official`, is enough.

        Raises:
            DatasetError: an unknown name; the nearest known one is named.
        """
        labels, masks = labels or self.default("labels"), masks or self.default("masks")
        own = self.scheme_name(scheme, labels)
        splits = self._splits(own)
        split = split or ("val" if "val" in splits else next(iter(splits), "val"))
        _choose(split, splits, f"split of scheme {own}", self.folder)
        names = self.names(own, split)
        coco = self.coco(labels, masks).subset(names)
        if len(coco.images) != len(names):
            raise DatasetError(
                f"{self.folder / 'splits' / own / split}.txt: {len(names)} names, but {len(coco.images)} of them are in the "
                "data set; expected all, each once. Run: seasift data check"
            )
        name = f"{self.record['name']} {labels} {masks} {own}/{split}"
        chosen = {"labels": labels, "masks": masks, "scheme": own, "split": split}
        if self.group:
            chosen["group"] = self.group
        return DataSplit(coco, self.images_dir, name, self.fingerprint, chosen, self.dives(names))

    def scheme_name(self, scheme: str | None = None, labels: str | None = None) -> str:
        """The scheme's full name: `official` is `official-material` where the labels are of the set material.

        Raises:
            DatasetError: an unknown name; the nearest known one is named.
        """
        scheme, labels = scheme or self.default("scheme"), labels or self.default("labels")
        known = self._scheme_names()
        own = f"{scheme}-{labels}" if f"{scheme}-{labels}" in known else scheme
        _choose(own, known, "scheme", self.folder)
        return own

    def default(self, what: str) -> str:
        """The default for "labels", "masks" or "scheme"."""
        key = "split" if what == "scheme" else what
        return str(self.record["defaults"][key])


def open_prepared(folder: Path, *, cache: Path | None = None) -> PreparedDataset:
    """Open a prepared data set, or one that `seasift data pack` made.

    Args:
        folder: of the data set.
        cache: folder into which a packed one is unpacked; None: `cache` in the folder.
    Raises:
        DatasetError: not such a folder, or one of another schema.
    """
    if (folder / PACK_FILE).is_file() and not (folder / DATASET_FILE).exists():
        folder = unpack(folder, cache)
    path = folder / DATASET_FILE
    try:
        record = json.loads(read_regular(path, DatasetError))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(
            f"{folder}: not a prepared data set ({DATASET_FILE}: {type(error).__name__}); expected a folder made by "
            "`seasift data prepare SOURCE OUT`, or a COCO .json file"
        ) from None
    schema = record.get("schema") if isinstance(record, dict) else None
    if schema != SCHEMA:
        raise DatasetError(f"{path}: of schema {schema!r}; expected {SCHEMA!r}. Prepare it again")
    defaults = record.get("defaults")
    texts = [record.get("name"), record.get("fingerprint")]
    texts += [defaults.get(what) if isinstance(defaults, dict) else None for what in _DEFAULTS]
    if not all(isinstance(text, str) for text in texts):
        raise DatasetError(
            f"{path}: without name, fingerprint or defaults; expected a record by seasift. Prepare again"
        )
    return PreparedDataset(folder, record)


def resolve_split(
    data: Path,
    *,
    images: Path | None = None,
    labels: str | None = None,
    masks: str | None = None,
    scheme: str | None = None,
    split: str | None = None,
    cache: Path | None = None,
) -> DataSplit:
    """The split that the arguments of a command name.

    Args:
        data: a prepared or packed folder, or a COCO .json file (then the other names are not used).
        images: folder of the images of a COCO file (None: its own, or `images` beside it).
        labels: label set; None: the data set's default, as for the rest.
        masks: mask version.
        scheme: splitting scheme.
        split: of the scheme (None: val).
        cache: folder into which a packed data set is unpacked.
    Raises:
        DatasetError: neither, or an unknown name.
    """
    if not data.exists():
        raise DatasetError(
            f"{data}: no such file or folder; expected a prepared data set or a COCO .json file"
        )
    if data.is_dir():
        return open_prepared(data, cache=cache).split(labels, masks, scheme, split)
    coco, folder = read_placed(data, images)
    return DataSplit(coco, folder, data.name)


def _choose(name: str, known: Iterable[str], what: str, where: Path) -> None:
    known = list(known)
    if name not in known:
        raise DatasetError(f"{where}: no {what} {name!r}; {expected(name, known)}")
