"""CSV files: rows with their numbers, written whole or not at all."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from seasift.core.errors import BadInput
from seasift.core.files import replacing

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # the points of a long track are one field


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of each row that is not empty; a byte order mark is skipped."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for row in reader:
                if any(field.strip() for field in row):
                    yield reader.line_num, row
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}).") from None
    except csv.Error as error:
        raise BadInput(f"{path}: not CSV ({error}).") from None


def records(path: Path, needed: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and fields by column name, lower case.

    Raises:
        BadInput: a column is missing, or a row has another number of fields than the header.
    """
    lines = rows(path)
    _, first = next(lines, (0, []))
    names = [name.strip().lower() for name in first]
    missing = [name for name in needed if name not in names]
    if missing:
        raise BadInput(
            f"{path}: no column {', '.join(missing)}; its first line is {','.join(first)[:120]!r}."
        )
    for line, row in lines:
        if len(row) != len(names):
            raise BadInput(
                f"{path}: line {line}: {len(row)} fields; expected {len(names)} as in the first line."
            )
        yield line, dict(zip(names, row, strict=True))


def write(path: Path, lines: Iterable[Sequence[Any]]) -> None:
    """Write rows as UTF-8, by RFC 4180 but with `\\n`."""
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
