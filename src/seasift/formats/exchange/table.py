"""Read and write CSV files, whole or not at all, and select one video of a document for formats that hold one."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from seasift.core.errors import InputError, hint
from seasift.core.files import replacing
from seasift.formats.exchange.content import Content, is_image
from seasift.formats.tracks import TrackEntry

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # the points of a long track are one field


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of each non-empty row; a byte order mark is skipped."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for row in reader:
                if any(field.strip() for field in row):
                    yield reader.line_num, row
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}).") from None
    except csv.Error as error:
        raise InputError(f"{path}: not CSV ({error}).") from None


def records(path: Path, needed: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and fields by column name, lower case.

    Raises:
        InputError: a column is missing, or a row has another number of fields than the header.
    """
    lines = rows(path)
    _, first = next(lines, (0, []))
    names = [name.strip().lower() for name in first]
    missing = [name for name in needed if name not in names]
    if missing:
        raise InputError(
            f"{path}: no column {', '.join(missing)}; its first line is {','.join(first)[:120]!r}."
        )
    for line, row in lines:
        if len(row) != len(names):
            raise InputError(
                f"{path}: line {line}: {len(row)} fields; expected {len(names)} as in the first line."
            )
        yield line, dict(zip(names, row, strict=True))


def write(path: Path, lines: Iterable[Sequence[Any]]) -> None:
    """Write rows as UTF-8, by RFC 4180 but with `\\n`."""
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def one_video(path: Path, content: Content, title: str) -> None:
    """Check that a document has one video, or only images.

    Raises:
        InputError: the document has several videos, or videos and images.
    """
    moving = [video.file for video in content.header.videos if not is_image(video)]
    if len(moving) > 1 or (moving and len(moving) < len(content.header.videos)):
        raise InputError(
            f"{path}: a file of {title} holds one video, or images; this document has "
            f"{len(content.header.videos)} files ({', '.join(moving[:3])}{', …' * (len(moving) > 3)}). Choose with --video NAME."
        )


@dataclass(frozen=True)
class _Of:
    content: Content
    indices: Mapping[int, int]  # index of a video in the document to its index in the new one

    def __iter__(self) -> Iterator[TrackEntry]:
        for track in self.content.tracks:
            kept = [
                seen.model_copy(update={"video": self.indices[seen.video]})
                for seen in track.observations
                if seen.video in self.indices
            ]
            best = track.best
            if best is not None:  # the best view may be in another file
                at = self.indices.get(best.video)
                best = None if at is None else best.model_copy(update={"video": at})
            if kept:
                yield track.model_copy(update={"observations": kept, "best": best})


def of_video(content: Content, name: str) -> Content:
    """Select one video or image, named by its path or the end of its path.

    Raises:
        InputError: no file, or several files, with this name.
    """
    files = [video.file for video in content.header.videos]
    fits = [index for index, file in enumerate(files) if file == name] or [
        index for index, file in enumerate(files) if PurePosixPath(file).name == name
    ]
    if len(fits) != 1:
        listed = ", ".join(files[:5])
        raise InputError(
            f"--video {name!r}{hint(name, files)}: {len(fits)} files with this name; expected one of {listed}."
        )
    return of_videos(content, fits)


def of_videos(content: Content, indices: Sequence[int]) -> Content:
    """Select some of the videos and images."""
    header = content.header.model_copy(update={"videos": [content.header.videos[index] for index in indices]})
    new = {index: number for number, index in enumerate(indices)}
    return replace(content, header=header, tracks=_Of(content, new))
