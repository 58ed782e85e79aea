"""What a job's upload holds: an archive of images, or a video. Nothing is unpacked to the disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from seasift.core.errors import ImageError, InputError, LimitError, SeasiftError
from seasift.core.image import FORMATS, SUFFIXES
from seasift.core.types import UInt8
from seasift.isolation.pool import DecoderPool, VideoFrame
from seasift.service.archive import open_archive
from seasift.service.settings import Settings
from seasift.service.written import shown_names

Kind = Literal["archive", "video"]
# bzip2 and LZMA are left out: zipfile unpacks a block of theirs whole, however large it becomes.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_AT_ONCE = 1 << 20
# FFmpeg knows a file by its content, and some contents are lists of other files or addresses to open.
_VIDEO_STARTS = (b"\x1aE\xdf\xa3", b"RIFF", b"\0\0\1\xba", b"\0\0\1\xb3", b"G", b"0&\xb2u\x8ef\xcf\x11")
_MP4_PARTS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


@dataclass(frozen=True, eq=False)
class Entry:
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
    upload: Path, kind: Kind, name: str, every: str, settings: Settings, decoders: DecoderPool
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
    settings: Settings,
    decoders: DecoderPool,
    done: Collection[int],
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[Entry, None, None]:
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
                yield Entry(index, file, _read(archive, info, file, settings.request_bytes))


def _frames(running: Iterator[VideoFrame], name: str, most: int, done: Collection[int]) -> Iterator[Entry]:
    index, count = -1, 0
    try:
        for frame in running:
            index, count = frame.frame, count + 1
            if count > most:
                raise ImageError(f"{name}: more than {most:,} frames; the rest was left out.")
            if index not in done:
                file = f"{name}#frame={index}"
                yield Entry(index, file, frame.image_rgb_u8, index, round(frame.time_s, 6))
    except (ImageError, LimitError) as error:
        yield Entry(index + 1, name, error)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, most: int) -> bytes | SeasiftError:
    if info.file_size > most:
        return LimitError(f"{name}: {info.file_size:,} bytes; expected at most {most:,} in an image file.")
    try:
        # In pieces: asked for all, zipfile unpacks up to a gigabyte before it sees that the size was a lie.
        with archive.open(info) as file:
            return b"".join(iter(lambda: file.read(_AT_ONCE), b""))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        return ImageError(f"{name}: damaged in the archive ({error}). Make the archive again.")


def _images_in(archive: zipfile.ZipFile, name: str, settings: Settings) -> list[zipfile.ZipInfo]:
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
