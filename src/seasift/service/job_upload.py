"""The upload of a job: an archive of images, or a video. Nothing is unpacked to the disk.

Archives are untrusted: their directory is bounded while it is read, and no two entries share bytes.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from seasift.core.errors import ImageError, InputError, LimitError, SeasiftError
from seasift.core.image import FORMATS, SUFFIXES
from seasift.core.types import UInt8
from seasift.isolation.pool import DecoderPool, VideoFrame
from seasift.service.settings import ServiceSettings
from seasift.service.written import shown_names

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


Kind = Literal["archive", "video"]
# bzip2 and LZMA are left out: zipfile unpacks a block of theirs whole, however large it becomes.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_AT_ONCE = 1 << 20
# FFmpeg knows a file by its content, and some contents are lists of other files or addresses to open.
_VIDEO_STARTS = (b"\x1aE\xdf\xa3", b"RIFF", b"\0\0\1\xba", b"\0\0\1\xb3", b"G", b"0&\xb2u\x8ef\xcf\x11")
_MP4_PARTS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


@dataclass(frozen=True, eq=False)
class UploadEntry:
    """An image of a job.

    Attributes:
        index: in the archive, or the frame's number.
        image: its file's bytes, or decoded, or why there is none.
    """

    index: int
    file: str
    image: bytes | UInt8 | SeasiftError
    frame: int | None = None
    time_s: float | None = None


def kind_of(upload: Path, name: str) -> Kind:
    """Whether an upload is an archive or a video, by its first bytes.

    Raises:
        InputError: neither.
    """
    with upload.open("rb") as file:
        start = file.read(16)
    if start.startswith((b"PK\3\4", b"PK\5\6")):
        return "archive"
    if start.startswith(_VIDEO_STARTS) or start[4:8] in _MP4_PARTS:
        return "video"
    raise InputError(
        f"{name}: neither a zip archive nor a video; expected a .zip of images, or an MP4, MOV, MKV …"
    )


def count_images(
    upload: Path, kind: Kind, name: str, every: str, settings: ServiceSettings, decoders: DecoderPool
) -> int:
    """How many images a job has; of a video by its header.

    Raises:
        InputError: an archive that is damaged, locked, or reaches beyond itself; no images.
        LimitError: more images or bytes than the settings allow.
    """
    if kind == "video":
        facts = decoders.look(upload, name, every)
        if facts.size_hw is None:
            raise InputError(f"{name}: holds no image track, or is truncated; expected a whole video.")
        size = facts.size_hw
        if size[0] * size[1] > settings.image_pixels:
            limit = f"{settings.image_pixels:,} pixels"
            raise LimitError(f"{name}: frames of {size[1]:,} x {size[0]:,} px; expected at most {limit}.")
        count = facts.count
    else:
        with open_archive(upload, name, settings.job_images) as archive:
            count = len(_images_in(archive, name, settings))
    if count > settings.job_images:
        raise LimitError(f"{name}: {count:,} images; expected at most {settings.job_images:,} in a job.")
    return count


def entries(
    upload: Path,
    kind: str,
    name: str,
    every: str,
    settings: ServiceSettings,
    decoders: DecoderPool,
    done: Collection[int],
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[UploadEntry, None, None]:
    """The images of a job but those that are done, in order; a bad one does not stop the rest.

    Args:
        cancelled: asked several times a second while a video is decoded on the way to the next image; true ends it.
    """
    if kind == "video":
        running = decoders.frames(upload, name, every, cancelled)
        with closing(running):
            yield from _frames(running, name, settings.job_images, done)
        return
    with open_archive(upload, name, settings.job_images) as archive:
        images = _images_in(archive, name, settings)
        shown = shown_names(info.filename for info in images)  # a name may be endless, or there twice
        for index, (info, file) in enumerate(zip(images, shown, strict=True)):
            if index not in done:
                yield UploadEntry(index, file, _read(archive, info, file, settings.request_bytes))


def _frames(
    running: Iterator[VideoFrame], name: str, most: int, done: Collection[int]
) -> Iterator[UploadEntry]:
    index, count = -1, 0
    try:
        for frame in running:
            index, count = frame.frame, count + 1
            if count > most:
                raise ImageError(f"{name}: more than {most:,} frames; the rest was left out.")
            if index not in done:
                file = f"{name}#frame={index}"
                yield UploadEntry(index, file, frame.image_rgb_u8, index, round(frame.time_s, 6))
    except (ImageError, LimitError) as error:
        yield UploadEntry(index + 1, name, error)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, most: int) -> bytes | SeasiftError:
    if info.file_size > most:
        return LimitError(f"{name}: {info.file_size:,} bytes; expected at most {most:,} in an image file.")
    try:
        # In pieces: asked for all, zipfile unpacks up to a gigabyte before it sees that the size was a lie.
        with archive.open(info) as file:
            return b"".join(iter(lambda: file.read(_AT_ONCE), b""))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        return ImageError(f"{name}: damaged in the archive ({error}). Make the archive again.")


def _images_in(archive: zipfile.ZipFile, name: str, settings: ServiceSettings) -> list[zipfile.ZipInfo]:
    listed = archive.infolist()
    for info in listed:
        _check_entry(info, name)
    images = [info for info in listed if not info.filename.endswith("/") and _is_image(info.filename)]
    if not images:
        raise InputError(f"{name}: an archive without images; expected files of {FORMATS}.")
    unpacked = sum(info.file_size for info in images)
    if unpacked > settings.job_unpacked_bytes:
        limit = f"{settings.job_unpacked_bytes:,}"
        raise LimitError(f"{name}: {unpacked:,} bytes of images when unpacked; expected at most {limit}.")
    return images


def _check_entry(info: zipfile.ZipInfo, name: str) -> None:
    index = info.filename.replace("\\", "/")
    shown = repr(info.filename[:100])
    if index.startswith("/") or ":" in index[:2] or ".." in index.split("/"):
        raise InputError(
            f"{name}: the entry {shown} lies outside of the archive. Make it again with plain names."
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise InputError(f"{name}: the entry {shown} is a link; expected files. Make it again without links.")
    if info.flag_bits & 1:
        raise InputError(f"{name}: the entry {shown} needs a password. Make the archive again without one.")
    if info.compress_type not in _METHODS:
        raise InputError(
            f"{name}: the entry {shown} is packed in a way this server does not unpack. Use plain zip (deflate)."
        )


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden
