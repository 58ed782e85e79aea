"""A result in the forms that a client may ask for."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from seasift.formats import coco, document, table_csv
from seasift.formats.document import Document

DOCUMENTS = ("predictions.json", "predictions.coco.json", "predictions.csv")
MEDIA_TYPES = {
    "json": "application/json",
    "coco": "application/json",
    "csv": "text/csv; charset=utf-8",
    "overlay": "image/jpeg",
    "zip": "application/zip",
}
_LONGEST_NAME = 200
_LONGEST_STEM = 120


def document_bytes(name: str, result: Document) -> bytes:
    """One of `DOCUMENTS`."""
    if name == "predictions.csv":
        return table_csv.to_text(result).encode("utf-8-sig")
    if name == "predictions.coco.json":
        return coco.to_text(coco.to_coco(result)).encode()
    return document.to_text(result).encode()


def to_zip(result: Document, overlays: Mapping[str, bytes]) -> bytes:
    """All documents, and overlays by the names of their images, as an archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in DOCUMENTS:
            archive.writestr(name, document_bytes(name, result))
        for number, (file, overlay) in enumerate(overlays.items(), start=1):
            archive.writestr(f"overlays/{entry_name(number, file)}", overlay, zipfile.ZIP_STORED)
    return data.getvalue()


def entry_name(number: int, file: str, suffix: str = ".jpg") -> str:
    """A name for an overlay that is safe on any disk and unlike all others: `0001-fish.jpg`."""
    stem = re.sub(r"[^\w.-]+", "_", PurePosixPath(file.replace("\\", "/")).stem).strip("._") or "image"
    short = stem.encode()[:_LONGEST_STEM].decode("utf-8", "ignore")  # disks count bytes, not letters
    return f"{number:04d}-{short}{suffix}"


def shown_names(given: Iterable[str | None]) -> list[str]:
    """What results call uploads: as given, but printable, not endless, and each only once."""
    names: list[str] = []
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for number, name in enumerate(given, start=1):
        plain = (
            "".join(c if c.isprintable() else "_" for c in name or "")[-_LONGEST_NAME:] or f"image {number}"
        )
        unique = plain
        while unique in taken:
            counts[plain] = counts.get(plain, 1) + 1
            unique = f"{plain} ({counts[plain]})"
        taken.add(unique)
        names.append(unique)
    return names
