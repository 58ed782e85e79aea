"""Results as a CSV table for spreadsheets and statistics: one row per object.

A text from outside must not become a formula in a spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seasift.core.files import replacing
from seasift.formats.document import Document

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain_text(value: Any) -> Any:
    """The value of a cell; a text that a spreadsheet would compute gets an apostrophe before it. Numbers stay.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def plain_rows(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Rows of such values."""
    return (tuple(map(plain_text, row)) for row in rows)


def plain_records(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of such values by column."""
    return ({key: plain_text(value) for key, value in row.items()} for row in rows)


COLUMNS = (
    *("file", "frame", "time_s", "image_width", "image_height", "object"),
    *("category_id", "name", "score", "box_x", "box_y", "box_width", "box_height", "area_px"),
)

ROLLUP_COLUMNS = ("rollup_name", "rollup_level", "rollup_score")
"""Only in results with rolled-up names."""


def to_text(document: Document, *, raw: bool = False) -> str:
    """Header and rows by RFC 4180. Images without objects have no row.

    Args:
        raw: leave texts as they are, which a spreadsheet may take for formulas.
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows(_rows(document) if raw else plain_rows(_rows(document)))
    return text.getvalue()


def write(path: Path, document: Document, *, raw: bool = False) -> None:
    """Write UTF-8 with a byte order mark, without which spreadsheets garble letters like é; `raw` as in `to_text`."""
    with replacing(path) as part, part.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(_rows(document) if raw else plain_rows(_rows(document)))


def _rows(document: Document) -> Iterator[tuple[Any, ...]]:
    rolled = document.names == "rollup"
    yield (*COLUMNS, *ROLLUP_COLUMNS) if rolled else COLUMNS
    for image in document.images:
        for number, found in enumerate(image.objects, start=1):
            index = (image.file, image.frame, image.time_s, image.width, image.height, number)
            what = (found.category_id, found.name, found.score, *found.box_xywh, found.area_px)
            named = (
                (found.rollup.name, found.rollup.level, found.rollup.score) if found.rollup else (None,) * 3
            )
            yield (*index, *what, *(named if rolled else ()))
