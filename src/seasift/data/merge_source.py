"""One source of a merge: its images by their names in the merged set, its documents, facts about its videos."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from seasift.core.errors import DatasetError
from seasift.core.files import read_regular
from seasift.data.coco import CocoDataset, read_coco
from seasift.data.dives import VideoFacts, groups_of, read_facts
from seasift.data.locate import images_folder
from seasift.data.merge_map import SourceMap
from seasift.data.prepared import open_prepared
from seasift.data.source import DatasetFiles, folder_source

_ALL = "all"


@dataclass(frozen=True)
class MergeImage:
    """An image of a source.

    Attributes:
        file_name: in the source.
        new_name: in the merged set.
        video: its name in the source; "" if unknown.
    """

    file_name: str
    new_name: str
    video: str


@dataclass(frozen=True)
class MergeSource:
    """A source, read.

    Attributes:
        path: of the source.
        name: from the map.
        background: from the map.
        images: the used ones.
        documents: "{labels}-{masks}" to all its images; only one for other sources than the first.
        document: with its default labels and masks.
        schemes: splitting scheme to split to new names.
        defaults: labels, masks and split.
        group: regular expression of its videos.
        facts: video to its facts.
        folder: of its images.
        files: its images.
        about: licence and citation.
        digest: changes if the source does.
    """

    path: Path
    name: str
    background: str
    images: tuple[MergeImage, ...]
    documents: Mapping[str, CocoDataset]
    document: CocoDataset
    schemes: Mapping[str, Mapping[str, list[str]]]
    defaults: Mapping[str, str]
    group: str | None
    facts: Mapping[str, VideoFacts]
    folder: Path
    files: DatasetFiles
    about: Mapping[str, Any]
    digest: str

    @property
    def objects(self) -> int:
        """Number of annotations of the used images."""
        ids = {image.file_name: image.id for image in self.document.images}
        return sum(len(self.document.annotations_of(ids[image.file_name])) for image in self.images)

    def without(self, file_names: Collection[str]) -> MergeSource:
        """The source without some images."""
        gone = set(file_names)
        if not gone:
            return self
        new = {image.new_name for image in self.images if image.file_name in gone}
        return replace(
            self,
            images=tuple(image for image in self.images if image.file_name not in gone),
            schemes={
                scheme: {split: [n for n in names if n not in new] for split, names in splits.items()}
                for scheme, splits in self.schemes.items()
            },
        )

    def named_facts(self) -> dict[str, VideoFacts]:
        """Facts by the names that the merged set's group finds."""
        if self.group_keeps_names:
            return dict(self.facts)
        videos = {image.video: str(PurePosixPath(image.new_name).parent) for image in self.images}
        return {
            "/".join(PurePosixPath(folder).parts[:2]): self.facts[video]
            for video, folder in videos.items()
            if video in self.facts
        }

    def undated(self) -> set[str]:
        """Videos without a known date or dive; "" stands for all images without a known video."""
        known = {
            video for video, facts in self.facts.items() if facts.date or facts.dive or facts.dive_number
        }
        return {image.video for image in self.images} - known

    @property
    def group_keeps_names(self) -> bool:
        """Whether images keep their names, as in the first source."""
        return all(image.new_name == image.file_name for image in self.images)


def open_merge_source(path: Path, given: SourceMap, *, first: bool) -> MergeSource:
    """Read a source.

    Args:
        path: a prepared folder or a COCO .json.
        given: its map.
        first: whether its classes, label sets and file names stay.
    Raises:
        DatasetError: it cannot be used.
    """
    if not path.exists():
        raise DatasetError(
            f"{path}: no such file or folder; expected a prepared data set or a COCO .json file"
        )
    read = _prepared(path, given, first) if path.is_dir() else _coco_file(path, given)
    coco: CocoDataset = read["document"]
    group, facts = given.group or read["group"], read["facts"]
    videos = _videos(coco, group)
    if given.facts is not None:
        facts = _facts(given.facts)
    wanted = _wanted(given, set(videos.values()))
    images = tuple(
        MergeImage(
            image.file_name,
            image.file_name if first else _new_name(given.name, image.file_name, video),
            video,
        )
        for image in coco.images
        if (video := videos.get(image.file_name, "")) in wanted or not wanted
    )
    new = {image.file_name: image.new_name for image in images}
    names = [image.file_name for image in images]
    missing = [name for name in names if not (read["folder"] / name).is_file()]
    if missing:
        raise DatasetError(
            f"{path}: {len(missing)} of {len(names)} images are missing, first {missing[0]}; expected all in "
            f"{read['folder']}. Add them"
        )
    files = folder_source(read["folder"], names)
    about = {key: text for key in ("licence", "citation") if (text := getattr(given, key) or read.get(key))}
    return MergeSource(
        path,
        given.name,
        given.background,
        images,
        read["documents"],
        coco,
        {
            scheme: {split: [new[n] for n in listed if n in new] for split, listed in splits.items()}
            for scheme, splits in read["schemes"].items()
        },
        read["defaults"],
        group,
        facts,
        read["folder"],
        files,
        about,
        hashlib.sha256(
            repr([read["digest"], names, sorted(files.sizes.items()), sorted(facts.items())]).encode()
        ).hexdigest(),
    )


def _prepared(path: Path, given: SourceMap, first: bool) -> dict[str, Any]:
    prepared = open_prepared(path)
    labels, masks = given.labels or prepared.default("labels"), given.masks or prepared.default("masks")
    document = prepared.coco(labels, masks)
    documents = {f"{labels}-{masks}": document}
    if first and given.labels is None and given.masks is None:
        documents = {file.stem: read_coco(file) for file in sorted((path / "annotations").glob("*.json"))}
    return {
        "document": document,
        "documents": documents,
        "schemes": prepared.schemes(),
        "defaults": {"labels": labels, "masks": masks, "split": prepared.default("scheme")},
        "group": prepared.group,
        "facts": prepared.videos(),
        "folder": prepared.images_dir,
        "digest": prepared.fingerprint,
        "licence": prepared.record.get("licence"),
        "citation": prepared.record.get("citation"),
    }


def _coco_file(path: Path, given: SourceMap) -> dict[str, Any]:
    if given.labels or given.masks:
        raise DatasetError(
            f"map of {given.name}: labels and masks are for a prepared data set; {path} is a COCO file"
        )
    coco = read_coco(path)
    return {
        "document": coco,
        "documents": {"default-published": coco},
        "schemes": {"published": {_ALL: [image.file_name for image in coco.images]}},
        "defaults": {"labels": "default", "masks": "published", "split": "published"},
        "group": None,
        "facts": {},
        "folder": images_folder(path, None),
        "digest": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _videos(coco: CocoDataset, group: str | None) -> dict[str, str]:
    """File name to video, where it is known."""
    if group is not None:
        return groups_of([image.file_name for image in coco.images], group)
    return {image.file_name: image.video for image in coco.images if image.video}


def _facts(path: Path) -> dict[str, VideoFacts]:
    try:
        text = read_regular(path, DatasetError).decode("utf-8")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); expected a CSV table of videos") from None
    return read_facts(text, str(path))


def _wanted(given: SourceMap, known: set[str]) -> set[str]:
    """The used videos; empty for all."""
    if given.videos is None:
        return set()
    listed = given.videos
    if isinstance(listed, Path):
        try:
            listed = read_regular(listed, DatasetError).decode("utf-8").split()
        except (OSError, ValueError) as error:
            raise DatasetError(
                f"{given.videos}: cannot be read ({error}); expected one video per line"
            ) from None
    strangers = sorted(set(listed) - known)
    if strangers or not listed:
        shown = (
            f"{len(strangers)} of its videos are unknown, first {strangers[0]!r}"
            if strangers
            else "no videos"
        )
        raise DatasetError(f"map of {given.name}: {shown}; expected videos of the source. Correct the list")
    return set(listed)


def _new_name(source: str, file_name: str, video: str) -> str:
    """`SOURCE/VIDEO/...`; an image without a known video is its own video."""
    folder = (video or PurePosixPath(file_name).stem).replace("/", "_")
    return f"{source}/{folder}/{file_name}"
