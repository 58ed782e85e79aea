"""Packs a prepared data set small: images encoded again, everything in zip parts of limited size."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from seasift.core.choices import ImageEncoding, choose
from seasift.core.errors import DatasetError
from seasift.core.files import write_bytes, write_json
from seasift.core.image import read_image
from seasift.data.packed import PACK_FILE, PACK_SCHEMA, read_pack
from seasift.data.prepared import DATASET_FILE, PreparedDataset, open_prepared
from seasift.data.source import Progress

MB = 1_000_000
_STAMP = (1980, 1, 1, 0, 0, 0)
# Of each entry beside its name (twice) and data, and of the archive's end, in bytes.
_ENTRY, _END = 30 + 46, 22


def pack(
    data: Path,
    out: Path,
    *,
    max_mb: float = 60,
    quality: int = 75,
    encoding: str = ImageEncoding.JPEG,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write a prepared data set as zip parts, for machines without a network.

    Annotations, splitting schemes and file names stay as they are. Images are encoded again under their old names, endings
    included; one that would not become smaller keeps its bytes. Training takes the folder as its data.

    Args:
        data: a prepared data set.
        out: folder to fill.
        max_mb: megabytes (1,000,000 bytes) of a part at most.
        quality: of the encoding, 1 to 100.
        encoding: "jpeg" or "webp".
        force: write over another pack.
        progress: called with (what, done, in all).
    Returns:
        The parts.
    Raises:
        DatasetError: no prepared data set, a file that does not fit into a part, or another pack in `out`.
    """
    kind = ImageEncoding(choose("--encoding", encoding, list(ImageEncoding)))
    tell = progress or (lambda _what, _done, _total: None)
    prepared = open_prepared(data)
    if out.resolve() == data.resolve():
        raise DatasetError(f"{out}: is the data set itself; expected another folder for the pack. Choose one")
    old = [part["file"] for part in read_pack(out)["parts"]] if (out / PACK_FILE).exists() else []
    if old and not force:
        raise DatasetError(
            f"{out}: holds a pack already; expected an empty folder. Choose another, or pass --force"
        )
    (out / PACK_FILE).unlink(missing_ok=True)
    limit, parts = int(max_mb * MB), []
    for number, content in enumerate(_archives(_files(prepared, (kind, quality), tell), limit)):
        path = out / f"part-{number:03d}.zip"
        write_bytes(path, content)
        parts.append(
            {"file": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        )
    for name in {Path(name).name for name in old} - {part["file"] for part in parts}:
        (out / name).unlink(missing_ok=True)
    record = {
        "schema": PACK_SCHEMA,
        "name": prepared.record["name"],
        "fingerprint": prepared.fingerprint,
        "quality": quality,
        "encoding": kind,
        "parts": parts,
    }
    # Last of all: a folder without it is not a pack.
    write_json(out / PACK_FILE, record, indent=2)
    return [out / str(part["file"]) for part in parts]


def _files(
    prepared: PreparedDataset, encoding: tuple[ImageEncoding, int], tell: Progress
) -> Iterator[tuple[str, bytes, int]]:
    """Path in the archive, bytes, and how to store them; the record comes first."""
    folder, (kind, quality) = prepared.folder, encoding
    record: dict[str, Any] = {
        **prepared.record,
        "fingerprint": _fingerprint(prepared.fingerprint, kind, quality),
        "packed": {"from": prepared.fingerprint, "quality": quality, "encoding": kind},
    }
    yield DATASET_FILE, json.dumps(record, indent=2, ensure_ascii=False).encode(), zipfile.ZIP_DEFLATED
    patterns = ("annotations/*.json", "*.csv", "splits/*/*.txt")
    for path in (found for pattern in patterns for found in sorted(folder.glob(pattern))):
        yield path.relative_to(folder).as_posix(), path.read_bytes(), zipfile.ZIP_DEFLATED
    names = sorted({image.file_name for image in prepared.coco().images})
    for number, name in enumerate(names, 1):
        yield f"images/{name}", _encoded(prepared.images_dir / name, kind, quality), zipfile.ZIP_STORED
        tell("packing images", number, len(names))


def _fingerprint(own: str, kind: ImageEncoding, quality: int) -> str:
    return hashlib.sha256(f"{own} packed as {kind} at {quality}".encode()).hexdigest()[:16]


_WRITERS = {
    ImageEncoding.JPEG: (".jpg", cv2.IMWRITE_JPEG_QUALITY, 65_500),
    ImageEncoding.WEBP: (".webp", cv2.IMWRITE_WEBP_QUALITY, 16_383),
}


def _encoded(path: Path, kind: ImageEncoding, quality: int) -> bytes:
    image = read_image(path)
    ending, flag, limit = _WRITERS[kind]
    if max(image.shape[:2]) > limit:
        raise DatasetError(
            f"{path}: {image.shape[1]} x {image.shape[0]} px; expected sides of at most {limit:,} px for {kind}. "
            "Make it smaller, or choose another encoding"
        )
    _, encoded = cv2.imencode(ending, image[..., ::-1], [flag, quality])
    own = path.read_bytes()
    return own if len(own) <= len(encoded) else encoded.tobytes()


def _archives(files: Iterator[tuple[str, bytes, int]], limit: int) -> Iterator[bytes]:
    """Archives of at most `limit` bytes, filled one after the other."""
    waiting: list[tuple[str, bytes, int]] = []
    size = _END
    for name, data, method in files:
        length = _length(name, data, method)
        if length + _END > limit:
            raise DatasetError(
                f"{name}: takes {length / MB:.1f} MB for parts of {limit / MB:g} MB; expected it to fit. Raise --max-mb"
            )
        if size + length > limit:
            yield _archive(waiting)
            waiting, size = [], _END
        waiting.append((name, data, method))
        size += length
    yield _archive(waiting)


def _length(name: str, data: bytes, method: int) -> int:
    if method == zipfile.ZIP_STORED:
        return len(data) + _ENTRY + 2 * len(name.encode())
    return len(_archive([(name, data, method)])) - _END


def _archive(files: list[tuple[str, bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data, method in files:
            entry = zipfile.ZipInfo(name, _STAMP)
            entry.compress_type = method
            archive.writestr(entry, data)
    return buffer.getvalue()
