"""Opening zip archives of strangers: the directory is bounded while it is read, and no two entries share bytes."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seasift.core.errors import InputError, LimitError

_HEADER, _LOCAL_HEADER = 46, 30  # bytes of an entry in the directory and before its data, without names
_ENTRY_BYTES = 512  # of the directory for each image, and a megabyte for what else it lists
_ENTRIES_AN_IMAGE, _MORE_ENTRIES = 3, 1000  # folders, notes, and what macOS adds for each file
_START = b"PK\1\2"
_DAMAGED = (zipfile.BadZipFile, struct.error, OSError, ValueError, NotImplementedError, OverflowError)


@contextmanager
def open_archive(upload: Path, name: str, most_images: int) -> Iterator[zipfile.ZipFile]:
    """An archive whose directory has been read and checked.

    Raises:
        InputError: damaged, or entries overlap. LimitError: it lists too many entries.
    """
    with upload.open("rb") as file:
        bounded = _BoundedFile(file, most_images)
        wrong: InputError | None = None
        try:
            archive = zipfile.ZipFile(bounded)
        except _TooManyError:
            wrong = LimitError(f"{name}: lists too many files; expected at most {most_images:,} images.")
        except _DAMAGED as error:
            wrong = InputError(f"{name}: not a whole zip archive ({error}). Make the archive again.")
        if wrong:
            raise wrong  # not inside `except`: the first error holds what was read of the directory
        with archive:
            bounded.opened = True
            _check_overlap(archive, name)
            yield archive


def _check_overlap(archive: zipfile.ZipFile, name: str) -> None:
    """Entries that share bytes unpack to far more than was sent (Fifield 2019, A better zip bomb)."""
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise InputError(
                f"{name}: the entry {info.filename[:100]!r} overlaps another. Make the archive again."
            )
        end = info.header_offset + _LOCAL_HEADER + len(info.orig_filename) + info.compress_size
    if end > archive.start_dir:
        raise InputError(f"{name}: an entry reaches into the list of files. Make the archive again.")


class _TooManyError(Exception):
    """The directory is larger than an archive of that many images needs."""


class _BoundedFile(io.RawIOBase):
    """A file for `zipfile`, which reads the whole directory at once, wherever the end records say that it is.

    Those records can disagree with each other, so nothing is taken from them: what zipfile reads is counted.
    """

    def __init__(self, file: io.BufferedReader, most_images: int) -> None:
        self._file = file
        self._most_bytes = most_images * _ENTRY_BYTES + (1 << 20)
        self._most_entries = most_images * _ENTRIES_AN_IMAGE + _MORE_ENTRIES
        self._length = file.seek(0, io.SEEK_END)
        self.opened = False

    def read(self, size: int = -1) -> bytes:
        """Bytes; while the archive is opened, no more than a directory may have."""
        if self.opened:
            return self._file.read(size)
        left = max(0, self._length - self._file.tell())  # a buffer of the size asked for is made at once
        most = min(left, self._most_bytes + 1)
        data = self._file.read(most if size < 0 else min(size, most))
        if len(data) > self._most_bytes or _entries(data, self._most_entries) > self._most_entries:
            raise _TooManyError
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readable(self) -> bool:
        """Yes."""
        return True


def _entries(data: bytes, most: int) -> int:
    """How many entries of a directory follow each other from the first byte on, counted up to one more than `most`."""
    index, count = 0, 0
    while count <= most and data.startswith(_START, index) and index + _HEADER <= len(data):
        index += _HEADER + sum(struct.unpack_from("<HHH", data, index + 28))
        count += 1
    return count
