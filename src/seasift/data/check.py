"""Lists every defect of a data set: annotation files, pictures, splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seasift.core.errors import BadDataset
from seasift.core.types import SizeHW
from seasift.data.check_document import check_document
from seasift.data.check_pictures import check_pictures
from seasift.data.coco import read_document
from seasift.data.defects import FATAL, WARNING, Defect
from seasift.data.dives import VIDEOS_FILE, VideoFacts
from seasift.data.groups import groups_of
from seasift.data.leakage import Leak, check_lists, defects_of, find_leaks, find_twins
from seasift.data.locate import find_beside, images_folder
from seasift.data.prepared import DATASET_FILE, open_prepared

Progress = Callable[[str, int, int], None]


@dataclass
class CheckReport:
    """What was found.

    Attributes:
        defects: all of them, fatal ones first.
        leaks: pairs of parts that share something.
        files: annotation files looked at.
        pictures: how many pictures were looked at.
        grouped: whether groups (videos) were known.
        dated: whether dives or clock times of videos were known.
    """

    defects: list[Defect] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    pictures: int = 0
    grouped: bool = False
    dated: bool = False

    @property
    def fatal(self) -> int:
        """How many defects are fatal."""
        return sum(defect.severity == FATAL for defect in self.defects)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "files": self.files,
            "pictures": self.pictures,
            "fatal": self.fatal,
            "warnings": len(self.defects) - self.fatal,
            "defects": [defect.to_json() for defect in self.defects],
            "leaks": [leak.to_json() for leak in self.leaks],
        }


def check(
    paths: Sequence[Path],
    *,
    images: Path | None = None,
    group: str | None = None,
    progress: Progress | None = None,
) -> CheckReport:
    """Check a prepared data set, or COCO files, of which each is taken for a part of one split.

    Args:
        paths: one prepared folder, or COCO .json files.
        images: folder of the pictures of COCO files (None: `images` beside each, or its own).
        group: regular expression for the group in a file name (None: the prepared data set's own; "none": none).
        progress: called with (what, done, in all).
    Raises:
        BadDataset: nothing there that could be checked, or a group that does not fit.
    """
    tell = progress or (lambda _what, _done, _total: None)
    report = CheckReport()
    if len(paths) == 1 and paths[0].is_dir():
        if not (paths[0] / DATASET_FILE).is_file():
            raise BadDataset(
                f"{paths[0]}: a folder that is no prepared data set; expected one, or COCO .json files. "
                "Name the files, or run: seasift data prepare"
            )
        _check_prepared(paths[0], group, report, tell)
    else:
        _check_files(paths, images, group, report, tell)
    order = {FATAL: 0, WARNING: 1}
    report.defects.sort(key=lambda defect: order[defect.severity])
    return report


def _check_prepared(folder: Path, group: str | None, report: CheckReport, tell: Progress) -> None:
    prepared = open_prepared(folder)
    sizes: dict[str, SizeHW | None] = {}
    for path in sorted((folder / "annotations").glob("*.json")):
        sizes |= _document(path, f"annotations/{path.name}", report, tell)
    if not report.files:
        report.defects.append(
            Defect(
                FATAL, "no annotations", "annotations", "", "holds no COCO file", "Prepare the data set again"
            )
        )
    digests = _pictures(prepared.images_dir, sizes, "the annotations", report, tell)
    group_of = _groups(sizes, group or prepared.group, report)
    try:
        videos = prepared.videos() if group in (None, prepared.group) else {}
    except BadDataset as error:
        videos = {}
        report.defects.append(
            Defect(FATAL, "damaged table", VIDEOS_FILE, "", str(error), "Prepare the data set again")
        )
    report.dated = bool(videos)
    splits = prepared.splits()
    for split, parts in splits.items():
        report.defects += check_lists(split, parts, sizes)
    _leaks(splits, group_of, digests, report, videos)
    report.defects += find_twins(digests)


def _check_files(
    paths: Sequence[Path], images: Path | None, group: str | None, report: CheckReport, tell: Progress
) -> None:
    parts: dict[str, list[str]] = {}
    digests: dict[str, str] = {}
    folders = {path: images_folder(path, images) for path in paths}
    for path, expected in folders.items():
        if not path.exists():
            raise BadDataset(f"{path}: no such file; expected a COCO .json or a prepared data set")
        # Files of one name in two folders are two pictures.
        prefix = "" if len(set(folders.values())) == 1 else f"{expected.as_posix()}/"
        sizes = _document(path, str(path), report, tell)
        folder, placed = _placed(path, images, sizes, report)
        found = _pictures(folder, placed, path.name, report, tell)
        digests |= {
            prefix + name: found[own] for name, own in zip(sizes, placed, strict=True) if own in found
        }
        part = path.stem if len({p.stem for p in paths}) == len(paths) else str(path)
        parts[part] = [prefix + name for name in sizes]
    group_of = _groups({name: None for names in parts.values() for name in names}, group, report)
    if len(parts) > 1:
        _leaks({"the files given": parts}, group_of, digests, report)
    report.defects += find_twins(digests, parts)


def _placed(
    path: Path, images: Path | None, sizes: Mapping[str, SizeHW | None], report: CheckReport
) -> tuple[Path, dict[str, SizeHW | None]]:
    """The folder of the images, and for each of them its path in there and its size."""
    try:
        folder = find_beside(list(sizes), path, images)
    except BadDataset as error:
        what, _, remedy = str(error).removeprefix(f"{path}: ").partition("; ")
        report.defects.append(Defect(FATAL, "shared image", str(path), "", what, remedy.capitalize()))
        return images_folder(path, images), dict(sizes)
    return folder.folder, {folder.name(name): size for name, size in sizes.items()}


def _document(path: Path, name: str, report: CheckReport, tell: Progress) -> dict[str, SizeHW | None]:
    tell("checking annotations", len(report.files), len(report.files) + 1)
    report.files.append(name)
    try:
        content = read_document(path)
    except BadDataset as error:
        what = str(error).removeprefix(f"{path}: ").rstrip(".")
        report.defects.append(Defect(FATAL, "not COCO", name, "", what, "Replace the file"))
        return {}
    defects, sizes = check_document(content, name)
    report.defects += defects
    tell("checking annotations", len(report.files), len(report.files))
    return sizes


def _pictures(
    folder: Path, sizes: Mapping[str, SizeHW | None], file: str, report: CheckReport, tell: Progress
) -> dict[str, str]:
    defects, digests = check_pictures(
        folder, sizes, file, lambda done, total: tell("checking pictures", done, total)
    )
    report.defects += defects
    report.pictures += len(sizes)
    return digests


def _groups(names: Mapping[str, Any], group: str | None, report: CheckReport) -> dict[str, str]:
    if group is None or group == "none":
        return {}
    report.grouped = True
    return groups_of(list(names), group)


def _leaks(
    splits: Mapping[str, Mapping[str, Sequence[str]]],
    group_of: Mapping[str, str],
    digests: Mapping[str, str],
    report: CheckReport,
    videos: Mapping[str, VideoFacts] | None = None,
) -> None:
    for split, parts in splits.items():
        report.leaks += find_leaks(split, parts, group_of, digests, videos)
    for leak in report.leaks:
        report.defects += defects_of(leak)
