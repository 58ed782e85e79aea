"""Files of a data set in a zip or a folder, by their path inside it.

`DatasetContent` is a data set before it is written, from any source.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import stat
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from seasift.core.errors import DatasetError
from seasift.data.coco import CocoDataset
from seasift.data.dives import VideoFacts

_APPLE_DOUBLE = b"\x00\x05\x16"
_UTF8_FLAG, _UNICODE_PATH = 0x800, 0x7075
_READ_ERRORS = (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)


@dataclass(frozen=True)
class DatasetFiles:
    """An opened zip or folder, without the files that macOS adds (`__MACOSX/`, `._name`).

    Attributes:
        name: for messages.
        sizes: path inside (with `/`) to size in bytes.
        timestamps: path inside to a number that changes with the content: CRC-32 in a zip, time in a folder.
        holds: whether the file with that path inside has the same bytes as another file.
        alike: whether two paths inside hold the same bytes.
    """

    name: str
    sizes: Mapping[str, int]
    timestamps: Mapping[str, int]
    holds: Callable[[str, Path], bool]
    alike: Callable[[str, str], bool]
    _read: Callable[[str], bytes]

    def read(self, path: str) -> bytes:
        """One file.

        Raises:
            DatasetError: missing or damaged.
        """
        if path not in self.sizes:
            raise DatasetError(
                f"{self.name}: {path} is missing; expected the whole data set. Unpack or download it again"
            )
        try:
            return self._read(path)
        except _READ_ERRORS as error:
            raise DatasetError(
                f"{self.name}: {path} cannot be read ({error}); expected a whole file. Unpack or download it again"
            ) from None

    def find(self, ending: str) -> str | None:
        """The shortest path that ends with these parts."""
        parts = PurePosixPath(ending).parts
        found = [path for path in self.sizes if PurePosixPath(path).parts[-len(parts) :] == parts]
        return min(found, key=len, default=None)

    def digest(self, *options: str) -> str:
        """A digest that changes with any file or option."""
        listing = json.dumps([options, sorted(self.sizes.items()), sorted(self.timestamps.items())])
        return hashlib.sha256(listing.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def open_source(path: Path, *, without: Path | None = None) -> Iterator[DatasetFiles]:
    """Open a zip or a folder.

    Args:
        path: of the zip or folder.
        without: a folder inside whose files are ignored.
    Raises:
        DatasetError: neither, or a zip with two different files of one name.
    """
    if path.is_dir():
        yield folder_source(path, list(_walk(path, without.resolve() if without else None)))
    elif path.is_file() and zipfile.is_zipfile(path):
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
            raise DatasetError(f"{path}: a damaged zip ({error}). Download it again") from None
        with archive:
            yield _zip_source(path, archive)
    else:
        what = "no such file or folder" if not path.exists() else "neither a zip nor a folder"
        raise DatasetError(
            f"{path}: {what}; expected the published archive (zip or unpacked), a folder with COCO files and images, "
            "or one COCO .json"
        )


def folder_source(folder: Path, paths: Collection[str]) -> DatasetFiles:
    """Some files of a folder."""
    stats = {path: (folder / path).stat() for path in paths}

    def holds(path: str, file: Path) -> bool:
        return file.stat().st_size == stats[path].st_size and (
            file.read_bytes() == (folder / path).read_bytes()
        )

    return DatasetFiles(
        str(folder),
        {path: each.st_size for path, each in stats.items()},
        {path: each.st_mtime_ns for path, each in stats.items()},
        holds,
        lambda one, other: holds(one, folder / other),
        lambda path: (folder / path).read_bytes(),
    )


def _walk(folder: Path, apart: Path | None) -> Iterator[str]:
    """All files in sorted order; links to folders are followed, but no circle of links."""
    for parent, folders, files in os.walk(folder, followlinks=True):
        here = Path(parent)
        above = {here.resolve(), *here.resolve().parents}
        folders[:] = sorted(
            name
            for name in folders
            if name != "__MACOSX"
            and (here / name).resolve() != apart
            and not ((here / name).is_symlink() and (here / name).resolve() in above)
        )
        for name in sorted(files):
            file = here / name
            if file.is_file() and not (name.startswith("._") and _is_apple_double(file)):
                yield file.relative_to(folder).as_posix()


def _is_apple_double(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(3) == _APPLE_DOUBLE
    except OSError:
        return False


def _zip_source(path: Path, archive: zipfile.ZipFile) -> DatasetFiles:
    entries: dict[str, zipfile.ZipInfo] = {}
    links: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        name = _entry_name(entry)
        if entry.is_dir() or name.endswith("/") or _of_macos(archive, entry, name):
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            links[name] = entry
            continue
        before = entries.setdefault(name, entry)
        if (before.file_size, before.CRC) != (entry.file_size, entry.CRC):
            raise DatasetError(
                f"{path}: has two different files named {name} ({before.file_size:,} and {entry.file_size:,} bytes); "
                "expected each once. Pack it again"
            )
    entries |= _linked(archive, links, entries)
    return DatasetFiles(
        str(path),
        {name: entry.file_size for name, entry in entries.items()},
        {name: entry.CRC for name, entry in entries.items()},
        lambda name, file: (
            file.stat().st_size == entries[name].file_size
            and zlib.crc32(file.read_bytes()) == entries[name].CRC
        ),
        lambda one, other: (
            (entries[one].file_size, entries[one].CRC) == (entries[other].file_size, entries[other].CRC)
        ),
        lambda name: archive.read(entries[name]),
    )


def _entry_name(entry: zipfile.ZipInfo) -> str:
    """Its name with `/`, also if Windows packed it, and in the packer's encoding.

    macOS writes UTF-8 without its flag; Info-ZIP stores UTF-8 in an extra field.
    """
    name = entry.filename
    if not entry.flag_bits & _UTF8_FLAG and not name.isascii():
        raw = name.encode("cp437", "replace")
        try:
            name = (_unicode_path(entry.extra, raw) or raw).decode("utf-8")
        except UnicodeDecodeError:  # an own code page, usually cp437
            name = entry.filename
    return name.replace("\\", "/")


def _unicode_path(extra: bytes, raw: bytes) -> bytes | None:
    """The name in the Info-ZIP Unicode Path extra field, if it belongs to this name."""
    location = 0
    while location + 4 <= len(extra):
        kind, length = (int.from_bytes(extra[at : at + 2], "little") for at in (location, location + 2))
        value = extra[location + 4 : location + 4 + length]
        if kind == _UNICODE_PATH and int.from_bytes(value[1:5], "little") == zlib.crc32(raw):
            return value[5:]
        location += 4 + length
    return None


def _of_macos(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> bool:
    parts = name.split("/")
    if "__MACOSX" in parts:
        return True
    if not parts[-1].startswith("._"):
        return False
    try:
        with archive.open(entry) as opened:
            return opened.read(3) == _APPLE_DOUBLE
    except _READ_ERRORS:
        return False


def _linked(
    archive: zipfile.ZipFile,
    links: Mapping[str, zipfile.ZipInfo],
    entries: Mapping[str, zipfile.ZipInfo],
) -> dict[str, zipfile.ZipInfo]:
    """Symbolic links to files of the archive; other links are left out."""
    found = {}
    for name, link in links.items():
        try:
            aim = archive.read(link).decode("utf-8", "replace")
        except _READ_ERRORS:
            continue
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), aim))
        if target in entries:
            found[name] = entries[target]
    return found


Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class DatasetContent:
    """A data set before it is written.

    Attributes:
        name: of the data set.
        annotations: "{labels}-{masks}" to a COCO document over all images.
        source: where the images are.
        images: file name to path in the source.
        schemes: splitting scheme to split to file names.
        defaults: "labels", "masks" and "split" (the scheme) that are used if none is given.
        about: licence, citation, and the group (a regular expression) that schemes must keep in one split.
        videos: facts of videos by the name that the group finds.
    """

    name: str
    annotations: Mapping[str, CocoDataset]
    source: DatasetFiles
    images: Mapping[str, str]
    schemes: Mapping[str, Mapping[str, list[str]]]
    defaults: Mapping[str, str]
    about: Mapping[str, Any] = field(default_factory=dict)
    videos: Mapping[str, VideoFacts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.images:
            _check_name(name)
        for scheme, splits in self.schemes.items():
            strangers = [n for names in splits.values() for n in names if n not in self.images]
            if strangers:
                raise DatasetError(
                    f"scheme {scheme}: {len(strangers)} of its files are not in the data set, first {strangers[0]}; "
                    "expected only files that are. Use the whole published archive"
                )


def _check_name(name: str) -> None:
    """Refuse names outside the folder of images, and names that break lists of names."""
    as_windows = PureWindowsPath(name)
    if as_windows.anchor or PurePosixPath(name).is_absolute() or ".." in as_windows.parts or "\\" in name:
        raise DatasetError(
            f"{name!r}: an image's file_name that leads out of its folder; expected a relative name with '/'. "
            "Rename it in the COCO file"
        )
    if any(ord(letter) < 32 for letter in name):
        raise DatasetError(f"{name!r}: an image's file_name with a control character. Rename the file")
