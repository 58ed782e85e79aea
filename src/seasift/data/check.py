"""List every defect of a data set: annotation files, images, splitting schemes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seasift.core.errors import DatasetError, ImageError
from seasift.core.image import page_count, read_image, read_orientation
from seasift.core.types import SizeHW
from seasift.data.check_document import check_document
from seasift.data.coco import read_document
from seasift.data.defects import FATAL, WARNING, Defect
from seasift.data.dives import (
    VIDEOS_FILE,
    Leak,
    VideoFacts,
    check_lists,
    defects_of,
    find_leaks,
    find_twins,
    groups_of,
)
from seasift.data.locate import find_beside, images_folder
from seasift.data.packed import PACK_FILE
from seasift.data.prepared import DATASET_FILE, open_prepared


def check_images(
    folder: Path,
    sizes: Mapping[str, SizeHW | None],
    file: str,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Defect], dict[str, str]]:
    """Decode every image and compare its size.

    Args:
        folder: of the images.
        sizes: file name to the size in the annotations; None if unusable, then not compared.
        file: annotation file, for the defects.
        progress: called with (images done, in all).
    Returns:
        The defects, and file name to a digest of its pixels: equal for equal images, however they are stored.
    """
    defects: list[Defect] = []
    digests: dict[str, str] = {}
    turned: dict[str, int] = {}
    for number, (name, size_hw) in enumerate(sizes.items(), 1):
        if progress:
            progress(number, len(sizes))
        path = folder / name
        if not _is_file(path):
            what = f"no such image in {folder}; expected it there, as {file} lists it"
            defects.append(
                Defect(FATAL, "missing image", name, "", what, "Add it, or name the folder with --images")
            )
            continue
        try:
            image = read_image(path)
            orientation = read_orientation(path)
            pages = page_count(path)
        except ImageError as error:
            what = str(error).removeprefix(f"{path}: ").rstrip(".")
            defects.append(Defect(FATAL, "bad image", name, "", what, "Replace the file"))
            continue
        if pages > 1:
            what = f"has {pages} pages, only the first is used"
            defects.append(Defect(WARNING, "several pages", name, "", what, "Save the wanted page alone"))
        digest = hashlib.blake2b(image.tobytes(), digest_size=16, salt=str(image.shape).encode()[:16])
        digests[name] = digest.hexdigest()
        height, width = image.shape[:2]
        if size_hw is not None and (height, width) != size_hw:
            what = f"is {width}x{height} px but {file} says {size_hw[1]}x{size_hw[0]}; expected the same"
            remedy = "Put the right image there, or scale its objects and correct the size"
            if orientation != 1 and size_hw == (width, height):
                what = f"{what}. Its EXIF orientation is {orientation}, and the file gives the stored size"
                remedy = "Turn the objects as EXIF says, or remove the orientation from the image"
            defects.append(Defect(FATAL, "size differs", name, "", what, remedy))
        elif orientation != 1:
            turned[name] = orientation
    if turned:
        first, orientation = next(iter(turned.items()))
        what = (
            f"{len(turned):,} of {len(sizes):,} images have an EXIF orientation other than 1, first {first} with "
            f"{orientation}. Readers apply it; outlines drawn on the image as stored would be misplaced"
        )
        remedy = f"Check one: seasift data stats {file} -o stats.html shows images with their objects"
        defects.append(Defect(WARNING, "EXIF orientation", file, "images", what, remedy))
    return defects, digests


def size_differs(path: Path, size_hw: SizeHW, noted_hw: SizeHW) -> DatasetError:
    """The error for an image whose size is not that in its annotations.

    Args:
        path: of the image.
        size_hw: its size, upright.
        noted_hw: the size in the annotation file.
    """
    turned = size_hw == noted_hw[::-1] and read_orientation(path) != 1
    why = " (it has an EXIF orientation, and the file gives the stored size)" if turned else ""
    return DatasetError(
        f"{path}: {size_hw[1]}x{size_hw[0]} px; the annotation file says {noted_hw[1]}x{noted_hw[0]}{why}. "
        "Run `seasift data check` for all defects"
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


Progress = Callable[[str, int, int], None]


@dataclass
class CheckReport:
    """The result of a check.

    Attributes:
        defects: all of them, fatal ones first.
        leaks: pairs of splits that share something.
        files: checked annotation files.
        images: number of checked images.
        grouped: whether groups (videos) were known.
        dated: whether dives or clock times of videos were known.
    """

    defects: list[Defect] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    images: int = 0
    grouped: bool = False
    dated: bool = False

    @property
    def fatal(self) -> int:
        """Number of fatal defects."""
        return sum(defect.severity == FATAL for defect in self.defects)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "files": self.files,
            "pictures": self.images,
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
    """Check a prepared data set, or COCO files; each file is a split of one scheme.

    Args:
        paths: one prepared folder, or COCO .json files.
        images: folder of the images of COCO files (None: `images` beside each, or its own).
        group: regular expression for the group in a file name (None: the prepared data set's own; "none": none).
        progress: called with (what, done, in all).
    Raises:
        DatasetError: nothing to check, or a group that does not fit.
    """
    tell = progress or (lambda _what, _done, _total: None)
    report = CheckReport()
    if len(paths) == 1 and paths[0].is_dir():
        if not any((paths[0] / name).is_file() for name in (DATASET_FILE, PACK_FILE)):
            raise DatasetError(
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
    folder = prepared.folder  # of a packed data set: its unpacked folder
    sizes: dict[str, SizeHW | None] = {}
    for path in sorted((folder / "annotations").glob("*.json")):
        sizes |= _document(path, f"annotations/{path.name}", report, tell)
    if not report.files:
        report.defects.append(
            Defect(
                FATAL, "no annotations", "annotations", "", "holds no COCO file", "Prepare the data set again"
            )
        )
    digests = _images(prepared.images_dir, sizes, "the annotations", report, tell)
    group_of = _groups(sizes, group or prepared.group, report)
    try:
        videos = prepared.videos() if group in (None, prepared.group) else {}
    except DatasetError as error:
        videos = {}
        report.defects.append(
            Defect(FATAL, "damaged table", VIDEOS_FILE, "", str(error), "Prepare the data set again")
        )
    report.dated = bool(videos)
    schemes = prepared.schemes()
    for scheme, splits in schemes.items():
        report.defects += check_lists(scheme, splits, sizes)
    _leaks(schemes, group_of, digests, report, videos)
    report.defects += find_twins(digests)


def _check_files(
    paths: Sequence[Path], images: Path | None, group: str | None, report: CheckReport, tell: Progress
) -> None:
    splits: dict[str, list[str]] = {}
    digests: dict[str, str] = {}
    folders = {path: images_folder(path, images) for path in paths}
    for path, expected in folders.items():
        if not path.exists():
            raise DatasetError(f"{path}: no such file; expected a COCO .json or a prepared data set")
        # Files with the same name in two folders are two images.
        prefix = "" if len(set(folders.values())) == 1 else f"{expected.as_posix()}/"
        sizes = _document(path, str(path), report, tell)
        folder, placed = _placed(path, images, sizes, report)
        found = _images(folder, placed, path.name, report, tell)
        digests |= {
            prefix + name: found[own] for name, own in zip(sizes, placed, strict=True) if own in found
        }
        split = path.stem if len({p.stem for p in paths}) == len(paths) else str(path)
        splits[split] = [prefix + name for name in sizes]
    group_of = _groups({name: None for names in splits.values() for name in names}, group, report)
    if len(splits) > 1:
        _leaks({"the files given": splits}, group_of, digests, report)
    report.defects += find_twins(digests, splits)


def _placed(
    path: Path, images: Path | None, sizes: Mapping[str, SizeHW | None], report: CheckReport
) -> tuple[Path, dict[str, SizeHW | None]]:
    """The folder of the images, and for each of them its path in it and its size."""
    try:
        folder = find_beside(list(sizes), path, images)
    except DatasetError as error:
        what, _, remedy = str(error).removeprefix(f"{path}: ").partition("; ")
        report.defects.append(Defect(FATAL, "shared image", str(path), "", what, remedy.capitalize()))
        return images_folder(path, images), dict(sizes)
    return folder.folder, {folder.name(name): size for name, size in sizes.items()}


def _document(path: Path, name: str, report: CheckReport, tell: Progress) -> dict[str, SizeHW | None]:
    tell("checking annotations", len(report.files), len(report.files) + 1)
    report.files.append(name)
    try:
        content = read_document(path)
    except DatasetError as error:
        what = str(error).removeprefix(f"{path}: ").rstrip(".")
        report.defects.append(Defect(FATAL, "not COCO", name, "", what, "Replace the file"))
        return {}
    defects, sizes = check_document(content, name)
    report.defects += defects
    tell("checking annotations", len(report.files), len(report.files))
    return sizes


def _images(
    folder: Path, sizes: Mapping[str, SizeHW | None], file: str, report: CheckReport, tell: Progress
) -> dict[str, str]:
    defects, digests = check_images(
        folder, sizes, file, lambda done, total: tell("checking images", done, total)
    )
    report.defects += defects
    report.images += len(sizes)
    return digests


def _groups(names: Mapping[str, Any], group: str | None, report: CheckReport) -> dict[str, str]:
    if group is None or group == "none":
        return {}
    report.grouped = True
    return groups_of(list(names), group)


def _leaks(
    schemes: Mapping[str, Mapping[str, Sequence[str]]],
    group_of: Mapping[str, str],
    digests: Mapping[str, str],
    report: CheckReport,
    videos: Mapping[str, VideoFacts] | None = None,
) -> None:
    for scheme, splits in schemes.items():
        report.leaks += find_leaks(scheme, splits, group_of, digests, videos)
    for leak in report.leaks:
        report.defects += defects_of(leak)
