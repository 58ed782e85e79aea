"""Results as a CSV table for spreadsheets and statistics: one row an object."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from seasift.core.files import write_bytes
from seasift.formats.document import Document

COLUMNS = (
    *("file", "frame", "time_s", "image_width", "image_height", "object"),
    *("category_id", "name", "score", "box_x", "box_y", "box_width", "box_height", "area_px"),
)


def to_text(document: Document) -> str:
    """Header and rows by RFC 4180. Pictures without objects have no row."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for image in document.images:
        for number, found in enumerate(image.objects, start=1):
            place = (image.file, image.frame, image.time_s, image.width, image.height, number)
            what = (found.category_id, found.name, found.score, *found.box_xywh, found.area_px)
            rows.writerow((*place, *what))
    return text.getvalue()


def write(path: Path, document: Document) -> None:
    """Write UTF-8 with a byte order mark, without which spreadsheets garble letters like é."""
    write_bytes(path, to_text(document).encode("utf-8-sig"))
