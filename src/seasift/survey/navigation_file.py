"""Navigation files: CSV with a header, GPX, NMEA 0183."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

import numpy as np

from seasift.core.errors import InputError
from seasift.core.files import read_regular
from seasift.survey.navigation import GAP_S, Navigation
from seasift.survey.navigation_csv import Fixes, read_csv
from seasift.survey.navigation_gps import is_nmea, read_gpx, read_nmea

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_navigation(path: Path, *, gap_s: float = GAP_S) -> Navigation:
    """Read positions by time: a CSV file, GPX, or NMEA 0183 (GGA, RMC, ZDA). The content decides, not the name.

    Columns of CSV have many accepted names, see docs/how-to/survey.md. The separator is a comma, semicolon or tab. Rows
    without a position are skipped.

    Raises:
        InputError: missing file, missing column, invalid value, or descending times.
    """
    try:
        text = _text(read_regular(path))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"{path}: cannot be read ({reason}); expected a CSV, GPX or NMEA file of positions."
        ) from None
    if re.match(r"\s*<", text):
        fixes = read_gpx(text, path)
    elif is_nmea(text):
        fixes = read_nmea(text, path)
    else:
        fixes = read_csv(text, path)
    return _navigation(fixes, path, gap_s)


def _text(data: bytes) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data.decode(encoding, errors="replace")
    if b"\0" in data[:200]:
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _navigation(fixes: Fixes, path: Path, gap_s: float) -> Navigation:
    values = np.array(fixes.rows, np.float64)
    falls = np.flatnonzero(np.diff(values[:, 0]) < 0)
    if len(falls):
        raise InputError(
            f"{path}: times fall after position {falls[0] + 1}; expected them in order. Sort the file."
        )
    values = values[np.append(np.diff(values[:, 0]) > 0, True)]  # the last of equal times
    if np.nanmax(np.append(values[:, 3], -np.inf)) <= 0:  # heights above the surface
        values[:, 3] *= -1
    return Navigation(
        values[:, 0],
        values[:, 1:],
        on_dive_clock=fixes.on_dive_clock,
        of_day=fixes.of_day,
        gap_s=gap_s,
        notes=fixes.notes,
    )
