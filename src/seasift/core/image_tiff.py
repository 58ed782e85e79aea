"""Read the directories of a TIFF, to tell an image, several pages, or a camera's RAW file in TIFF form."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_SUBFILE, _COMPRESSION, _PHOTOMETRIC, _MAKE, _SUB_IFDS, _EXTRA_SAMPLES = 254, 259, 262, 271, 330, 338
_CFA_PATTERNS, _DNG_VERSION = {33421, 33422}, 50706
_RAW_PHOTOMETRIC = {32803, 34892}  # colour filter array, linear RAW
_RAW_COMPRESSION = {32767, 32769, 32770, 34713, 65535}  # Sony, Samsung, Samsung, Nikon, Pentax
_UNASSOCIATED_ALPHA = 2
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 18: 8}
_MAKERS = {
    "NIKON": "Nikon NEF",
    "SONY": "Sony ARW",
    "PENTAX": "Pentax PEF",
    "RICOH": "Pentax PEF",
    "SAMSUNG": "Samsung SRW",
    "CANON": "Canon TIF",
    "HASSELBLAD": "Hasselblad 3FR",
    "PHASE ONE": "Phase One IIQ",
    "KODAK": "Kodak DCR",
    "EASTMAN": "Kodak DCR",
    "GOPRO": "GoPro GPR",
}
_MOST = 1000  # directories that are read; a cycle of them ends there
Tags = dict[int, tuple[int, ...]]


@dataclass(frozen=True)
class Tiff:
    """The directories of a TIFF.

    Attributes:
        pages: tags of each page, in order.
        inner: tags of directories inside the first page.
        make: make of the camera.
    """

    pages: list[Tags]
    inner: list[Tags]
    make: str

    @property
    def page_count(self) -> int:
        """Pages, without reduced copies and masks of others."""
        return sum(not page.get(_SUBFILE, (0,))[0] & 0b101 for page in self.pages) or 1

    @property
    def has_alpha(self) -> bool:
        """Whether the first page has an alpha channel that is not premultiplied."""
        return _UNASSOCIATED_ALPHA in (self.pages[0].get(_EXTRA_SAMPLES, ()) if self.pages else ())


def read_tiff(data: bytes) -> Tiff:
    """The readable directories; none for a damaged file."""
    reader = _TiffReader(data)
    pages = list(reader.chain(reader.first))
    inner = [
        tags for index in (pages[0].get(_SUB_IFDS, ()) if pages else ()) for tags in reader.chain(index, 1)
    ]
    return Tiff(pages, inner, reader.text(_MAKE))


def raw_kind(data: bytes) -> str | None:
    """Kind of a camera's RAW file, in words; None if not recognised."""
    if data[:15] == b"FUJIFILMCCD-RAW":
        return "Fujifilm RAF"
    for magic, words in _MAGIC.items():
        if data.startswith(magic):
            return words
    if data[4:8] == b"ftyp" and data[8:12] == b"crx ":
        return "Canon CR3"
    if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    if data[8:10] == b"CR":
        return "Canon CR2"
    if data[8:12] in (b"IIII", b"MMMM"):
        return "Phase One IIQ"
    tiff = read_tiff(data)
    maker = next((words for name, words in _MAKERS.items() if tiff.make.upper().startswith(name)), None)
    if tiff.pages and _DNG_VERSION in tiff.pages[0]:
        return "GoPro GPR" if maker == "GoPro GPR" else "DNG"
    every = [*tiff.pages, *tiff.inner]
    raw = any(
        not _RAW_PHOTOMETRIC.isdisjoint(tags.get(_PHOTOMETRIC, ()))
        or not _RAW_COMPRESSION.isdisjoint(tags.get(_COMPRESSION, ()))
        or not _CFA_PATTERNS.isdisjoint(tags)
        for tags in every
    )
    # The first page is a small copy that contains the real image: only a thumbnail would be read.
    thumbnail = bool(tiff.inner) and tiff.pages[0].get(_SUBFILE, (0,))[0] == 1
    return (maker or "of a camera") if raw or (thumbnail and tiff.make) else None


_MAGIC = {
    b"IIRO": "Olympus ORF",
    b"IIRS": "Olympus ORF",
    b"MMOR": "Olympus ORF",
    b"IIU\0": "Panasonic RW2",
    b"\0MRM": "Minolta MRW",
    b"FOVb": "Sigma X3F",
    b"II\x1a\0\0\0HEAPCCDR": "Canon CRW",
}


class _TiffReader:
    """Directories of a TIFF or BigTIFF in either order of bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order = "<" if data[:2] == b"II" else ">"
        self._big = 43 in (data[2], data[3])
        self._texts: dict[int, str] = {}
        try:
            self.first = self._number(8, 8) if self._big else self._number(4, 4)
        except struct.error:
            self.first = 0

    def chain(self, index: int, most: int = _MOST) -> Iterator[Tags]:
        """A directory and those that follow it."""
        seen: set[int] = set()
        while index and index not in seen and len(seen) < most:
            seen.add(index)
            try:
                tags, index = self._directory(index)
            except struct.error:
                return
            yield tags

    def text(self, tag: int) -> str:
        """A text of the directories read so far."""
        return self._texts.get(tag, "")

    def _directory(self, index: int) -> tuple[Tags, int]:
        counted, entry, at = (8, 20, 12) if self._big else (2, 12, 8)
        count = self._number(index, counted)
        tags: Tags = {}
        start = index + counted
        for each in range(start, start + entry * min(count, 4096), entry):
            tag, kind = self._number(each, 2), self._number(each + 2, 2)
            values = self._number(each + 4, at - 4)
            size = _BYTES.get(kind, 0)
            room = 8 if self._big else 4
            where = each + at if size * values <= room else self._number(each + at, room)
            if kind == 2:
                self._texts.setdefault(
                    tag, self._data[where : where + min(values, 64)].decode("latin-1").strip(" \0")
                )
                tags[tag] = ()
            elif size in (1, 2, 4, 8):
                tags[tag] = tuple(self._number(where + k * size, size) for k in range(min(values, 16)))
            else:
                tags[tag] = ()
        return tags, self._number(start + entry * count, 8 if self._big else 4)

    def _number(self, index: int, size: int) -> int:
        letter = {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
        return int(struct.unpack_from(self._order + letter, self._data, index)[0])
