"""Find the image files that a COCO file names.

Tools write names differently: with a leading folder, with `\\`, as an absolute path of another computer, with `%20` for a
space, with composed (NFC) or separate (NFD) accents, and on Windows and macOS in upper or lower case.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path, PurePosixPath
from unicodedata import normalize
from urllib.parse import unquote

from seasift.core.errors import DatasetError
from seasift.data.coco import CocoDataset, read_coco
from seasift.data.source import DatasetFiles

_Parts = tuple[str, ...]


@dataclass(frozen=True)
class Located:
    """An image that was found.

    Attributes:
        name: a relative path with `/`: the part of the name in the file that led to it.
        path: in the source or folder.
    """

    name: str
    path: str


@dataclass(frozen=True)
class ImageFolder:
    """Images that a COCO file in a folder names.

    Attributes:
        folder: the paths are relative to it.
        found: file name in the COCO file to its path, without names that lead nowhere.
    """

    folder: Path
    found: Mapping[str, Located]

    def name(self, file_name: str) -> str:
        """The path of an image relative to the folder, or its own name if it is not in it."""
        located = self.found.get(file_name)
        return located.path if located else file_name


def images_folder(path: Path, images: Path | None) -> Path:
    """The folder of a COCO file's images: the given one, else `images` beside it, else its own."""
    if images is not None:
        return images
    beside = path.parent / "images"
    return beside if beside.is_dir() else path.parent


def find_beside(
    names: Collection[str], path: Path, images: Path | None, *, inside: bool = False
) -> ImageFolder:
    """Find the images of a COCO file in `images_folder`, or relative to the file's own folder.

    Args:
        names: file names in the COCO file.
        path: the COCO file.
        images: the folder of the images (None: see `images_folder`).
        inside: a name that leads out of the folder, such as `/a/b.jpg`, is only searched by its end.
    Raises:
        DatasetError: two names lead to one file.
    """
    main = _Folder(images_folder(path, images))
    own = _Folder(path.parent)
    found: dict[str, tuple[_Folder, Located]] = {}
    for name in names:
        if not inside and _is_file(main.path / name):
            found[name] = main, Located(name, name)
            continue
        readings = ((_whole, main), (_whole, own), (_shortened, main))
        for find, (ways, folder) in product((_Folder.find, _Folder.find_in_any_case), readings):
            if folder is own and images is not None:
                continue
            located = next(filter(None, (find(folder, parts) for parts in ways(name))), None)
            if located:
                found[name] = folder, located
                break
    _check_shared({name: str(folder.path / each.path) for name, (folder, each) in found.items()}, str(path))
    if all(folder is main for folder, _ in found.values()):
        return ImageFolder(main.path, {name: each for name, (_, each) in found.items()})
    # Some are outside `images`: make all paths relative to a common folder.
    front = Path(os.path.relpath(main.path, own.path)).as_posix()
    moved = {
        name: each if folder is own else Located(each.name, f"{front}/{each.path}")
        for name, (folder, each) in found.items()
    }
    return ImageFolder(own.path, moved)


def read_placed(path: Path, images: Path | None) -> tuple[CocoDataset, Path]:
    """Read a COCO file and find its images.

    Returns:
        The data set, in which file names are paths relative to the folder, and the folder. A missing file keeps its name.
    Raises:
        DatasetError: not COCO, or two names lead to one file.
    """
    coco = read_coco(path)
    folder = find_beside([image.file_name for image in coco.images], path, images)
    if all(folder.name(image.file_name) == image.file_name for image in coco.images):
        return coco, folder.folder
    placed = [replace(image, file_name=folder.name(image.file_name)) for image in coco.images]
    return replace(coco, images=tuple(placed)), folder.folder


def find_in_source(names: Collection[str], source: DatasetFiles, near: str = "") -> dict[str, Located]:
    """Find images in a source by the ends of their paths.

    Of several files with one name, the usual folders come first: `images` beside the COCO file, its own folder, and for
    `annotations/instances_train.json` also `images`, `images/train` and `train` one folder up.

    Args:
        names: file names in the COCO file.
        source: searched for the images.
        near: the COCO file's path in the source.
    Raises:
        DatasetError: missing images, a name that fits different files, or two names for one file.
    """
    index: dict[str, list[tuple[str, _Parts]]] = {}  # the last part in lower case
    for path in source.sizes:
        parts = _parts_of(path)
        index.setdefault(parts[-1].casefold(), []).append((path, parts))
    found, missing = {}, []
    for name in names:
        for alike, parts in product((_unchanged, _folded), (*_whole(name), *_shortened(name))):
            wanted = _parts_of("/".join(parts))
            same = index.get(wanted[-1].casefold(), [])
            indices = [p for p, have in same if alike(have[-len(wanted) :]) == alike(wanted)]
            if indices:
                found[name] = Located(_written(parts), _choose(indices, wanted, source, near))
                break
        else:
            missing.append(name)
    if missing:
        raise missing_images(source.name, missing, len(names))
    _check_shared({name: located.path for name, located in found.items()}, source.name)
    return found


def missing_images(index: str, missing: Sequence[str], total: int) -> DatasetError:
    """The error for missing images."""
    return DatasetError(
        f"{index}: {len(missing)} of {total} images are missing, first {missing[0]!r}; expected all. "
        "Unpack the archive again, or name their folder with --images"
    )


def _choose(indices: list[str], parts: _Parts, source: DatasetFiles, near: str) -> str:
    """Choose among several files for a name."""
    seen = [index for index in indices if not any(part.startswith((".", "@")) for part in _parts_of(index))]
    indices = seen or indices  # not a thumbnail of a file browser
    first = min(indices, key=lambda index: (len(index), index))
    if len(indices) == 1:
        return first
    by_parts = {_parts_of(index): index for index in indices}
    for folder in _usual_folders(near):
        index = by_parts.get((*folder, *parts))
        if index:
            return index
    other = next((index for index in indices if not source.alike(first, index)), None)
    if other is not None:
        raise DatasetError(
            f"{source.name}: {'/'.join(parts)} could be {first} or {other}, and they differ; expected one. Remove the other "
            f"folder, or prepare the COCO file alone: seasift data prepare FILE.json OUT --images FOLDER"
        )
    return first


def _usual_folders(near: str) -> list[_Parts]:
    if not near:
        return []
    *folder, file = _parts_of(near)
    own, above = tuple(folder), tuple(folder[:-1])
    part = PurePosixPath(file).stem.removeprefix("instances_")
    folders: list[_Parts] = [(*own, "images", part), (*own, "images"), own]
    if own:
        folders += [(*above, "images", part), (*above, part), (*above, "images")]
        # images/train beside annotations/train/instances.json
        folders.append((*above[:-1], "images", own[-1]))
    return folders


def _check_shared(paths: Mapping[str, str], index: str) -> None:
    """Refuse two names that lead to one image: it would get the objects of both, or of another image."""
    names: dict[str, str] = {}
    for name, path in paths.items():
        other = names.setdefault(path, name)
        if other != name:
            raise DatasetError(
                f"{index}: {other!r} and {name!r} both lead to {path}; expected a file for each. Correct file_name, "
                "or move the images into the folders that it names"
            )


def _forms(name: str) -> Iterator[tuple[_Parts, bool]]:
    """Readings of a file name as parts, and whether it leads out of its folder (such parts are left out)."""
    texts = [name] if os.sep == "/" else []
    texts.append(name.replace("\\", "/"))
    texts += [text.split("?d=", 1)[1] for text in texts if "?d=" in text]  # Label Studio's local files
    for text in list(texts):
        if "%" in text:
            try:
                texts.append(unquote(text, errors="strict").replace("\\", "/"))
            except UnicodeDecodeError:
                continue
    for text in dict.fromkeys(texts):
        drive = re.match(r"[A-Za-z]:(?=[\\/])|[A-Za-z][A-Za-z+.-]+:(?=//)", text)
        rest = text[drive.end() :] if drive else text
        out = bool(drive) or rest.startswith("/")
        parts = [part for part in rest.split("/") if part not in ("", ".")]
        if ".." in parts:
            out = True
            parts = parts[len(parts) - parts[::-1].index("..") :]
        if parts and "\0" not in text:
            yield tuple(parts), out


def _parts_of(path: str) -> _Parts:
    """A path for comparison: with composed letters, and with `\\` in file names as folders."""
    return PurePosixPath(normalize("NFC", path).replace("\\", "/")).parts


def _unchanged(parts: _Parts) -> _Parts:
    return parts


def _folded(parts: _Parts) -> _Parts:
    """Parts to compare without case."""
    return tuple(normalize("NFC", part).casefold() for part in parts)


def _written(parts: _Parts) -> str:
    return PurePosixPath("/".join(parts).replace("\\", "/")).as_posix()


def _whole(name: str) -> list[_Parts]:
    """A file name as parts, in each reading that stays inside its folder."""
    return list(dict.fromkeys(parts for parts, out in _forms(name) if not out))


def _shortened(name: str) -> list[_Parts]:
    """The ends of a file name, longest first."""
    ends = [parts[cut:] for parts, out in _forms(name) for cut in range(0 if out else 1, len(parts))]
    return sorted(dict.fromkeys(ends), key=len, reverse=True)


@dataclass(frozen=True)
class _Folder:
    """A folder with cached listings."""

    path: Path
    _listings: dict[Path, dict[str, str]] = field(default_factory=dict)
    _folded_listings: dict[Path, dict[str, list[str]]] = field(default_factory=dict)

    def find(self, parts: _Parts) -> Located | None:
        """The file with these parts, whether its name is composed or not."""
        name = "/".join(parts)
        if _is_file(self.path / name):
            return Located(_written(parts), name)
        if name.isascii():
            return None
        here = self.path
        for part in parts:
            own = self._listing(here).get(normalize("NFC", part))
            if own is None:
                return None
            here = here / own
        return Located(_written(parts), here.relative_to(self.path).as_posix()) if _is_file(here) else None

    def find_in_any_case(self, parts: _Parts) -> Located | None:
        """The only file with these parts in upper or lower case."""
        here = self.path
        for part in _folded(parts):
            alike = self._listing_in_any_case(here).get(part, [])
            if len(alike) != 1:
                return None
            here = here / alike[0]
        return Located(_written(parts), here.relative_to(self.path).as_posix()) if _is_file(here) else None

    def _listing(self, folder: Path) -> dict[str, str]:
        if folder not in self._listings:
            try:
                names = [path.name for path in folder.iterdir()]
            except OSError:
                names = []
            self._listings[folder] = {normalize("NFC", name): name for name in names}
        return self._listings[folder]

    def _listing_in_any_case(self, folder: Path) -> dict[str, list[str]]:
        if folder not in self._folded_listings:
            folded: dict[str, list[str]] = {}
            for form, name in self._listing(folder).items():
                folded.setdefault(form.casefold(), []).append(name)
            self._folded_listings[folder] = folded
        return self._folded_listings[folder]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
