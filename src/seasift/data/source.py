"""Files of a data set in a zip or a folder, by their path inside it."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from seasift.core.errors import DatasetError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".bmp")


@dataclass(frozen=True)
class Source:
    """A zip or a folder, opened.

    Attributes:
        name: for messages.
        sizes: path inside (with `/`) to bytes.
        timestamps: path inside to a number that changes with the content: CRC-32 in a zip, time in a folder.
        holds: whether the file of that path inside has the bytes of a file elsewhere.
    """

    name: str
    sizes: Mapping[str, int]
    timestamps: Mapping[str, int]
    holds: Callable[[str, Path], bool]
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
        except (
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            EOFError,
        ) as error:
            raise DatasetError(
                f"{self.name}: {path} cannot be read ({error}); expected a whole file. Unpack or download it again"
            ) from None

    def find(self, ending: str) -> str | None:
        """The shortest path that ends with these parts."""
        parts = PurePosixPath(ending).parts
        found = [path for path in self.sizes if PurePosixPath(path).parts[-len(parts) :] == parts]
        return min(found, key=len, default=None)

    def digest(self, *options: str) -> str:
        """Changes if any file does, or an option."""
        listing = json.dumps([options, sorted(self.sizes.items()), sorted(self.timestamps.items())])
        return hashlib.sha256(listing.encode("utf-8", "surrogatepass")).hexdigest()

    def locate(self, names: Collection[str]) -> dict[str, str]:
        """Where each image lies, by the end of its path; repeated images are taken once.

        Raises:
            DatasetError: images that are not there.
        """
        by_name: dict[str, list[str]] = {}
        for path in self.sizes:
            if path.lower().endswith(IMAGE_SUFFIXES):
                by_name.setdefault(PurePosixPath(path).name, []).append(path)
        found, missing = {}, []
        for name in names:
            parts = PurePosixPath(name).parts
            locations = [
                p for p in by_name.get(parts[-1], []) if PurePosixPath(p).parts[-len(parts) :] == parts
            ]
            if locations:
                found[name] = min(locations, key=lambda location: (len(location), location))
            else:
                missing.append(name)
        if missing:
            raise DatasetError(
                f"{self.name}: {len(missing)} of {len(names)} images are missing, first {missing[0]!r}; expected all. "
                "Unpack the archive again, or name their folder with --images"
            )
        return found


@contextmanager
def open_source(path: Path, *, without: Path | None = None) -> Iterator[Source]:
    """Open a zip or a folder.

    Args:
        path: of it.
        without: a folder inside whose files do not count.
    Raises:
        DatasetError: neither.
    """
    if path.is_dir():
        apart = without.resolve() if without else None
        files = [p for p in sorted(path.rglob("*")) if p.is_file() and apart not in p.resolve().parents]
        yield folder_source(path, [file.relative_to(path).as_posix() for file in files])
    elif path.is_file() and zipfile.is_zipfile(path):
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
            raise DatasetError(f"{path}: a damaged zip ({error}). Download it again") from None
        with archive:
            entries = {entry.filename: entry for entry in archive.infolist() if not entry.is_dir()}
            yield Source(
                str(path),
                {name: entry.file_size for name, entry in entries.items()},
                {name: entry.CRC for name, entry in entries.items()},
                lambda name, file: (
                    file.stat().st_size == entries[name].file_size
                    and zlib.crc32(file.read_bytes()) == entries[name].CRC
                ),
                archive.read,
            )
    else:
        what = "no such file or folder" if not path.exists() else "neither a zip nor a folder"
        raise DatasetError(
            f"{path}: {what}; expected the published archive (zip or unpacked), a folder with COCO files and images, "
            "or one COCO .json"
        )


def folder_source(folder: Path, paths: Collection[str]) -> Source:
    """Some files of a folder."""
    stats = {path: (folder / path).stat() for path in paths}
    return Source(
        str(folder),
        {path: stat.st_size for path, stat in stats.items()},
        {path: stat.st_mtime_ns for path, stat in stats.items()},
        lambda path, file: (
            file.stat().st_size == stats[path].st_size and file.read_bytes() == (folder / path).read_bytes()
        ),
        lambda path: (folder / path).read_bytes(),
    )
