"""Files of a data set in a zip or a folder, by their path inside it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from seasift.core.errors import BadDataset


@dataclass(frozen=True)
class Source:
    """A zip or a folder, opened.

    Attributes:
        name: for messages.
        sizes: path inside (with `/`) to bytes.
    """

    name: str
    sizes: dict[str, int]
    _place: Path | zipfile.ZipFile

    def read(self, path: str) -> bytes:
        """One file.

        Raises:
            BadDataset: damaged.
        """
        try:
            if isinstance(self._place, Path):
                return (self._place / path).read_bytes()
            return self._place.read(path)
        except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
            raise BadDataset(f"{self.name}: {path} cannot be read ({error}). Download the archive again") from None

    def find(self, ending: str) -> str | None:
        """The shortest path that ends with these parts."""
        parts = PurePosixPath(ending).parts
        found = [path for path in self.sizes if PurePosixPath(path).parts[-len(parts) :] == parts]
        return min(found, key=len, default=None)


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a zip or a folder.

    Raises:
        BadDataset: neither.
    """
    if path.is_dir():
        files = {file.relative_to(path).as_posix(): file.stat().st_size for file in path.rglob("*") if file.is_file()}
        yield Source(str(path), files, path)
    elif path.is_file() and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            files = {entry.filename: entry.file_size for entry in archive.infolist() if not entry.is_dir()}
            yield Source(str(path), files, archive)
    else:
        what = "no such file or folder" if not path.exists() else "neither a zip nor a folder"
        raise BadDataset(f"{path}: {what}; expected the published archive (zip or unpacked) or a COCO data set")
