"""The CSV table, read by Python's own reader."""

from __future__ import annotations

import csv
from pathlib import Path

from seasift.formats import table_csv
from tests.formats.documents import result


def test_rows(tmp_path: Path) -> None:
    table_csv.write(tmp_path / "t.csv", result())
    data = (tmp_path / "t.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbffile,"), "spreadsheets need the mark to read é"
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == table_csv.COLUMNS
    assert [(row["file"], row["object"], row["name"]) for row in rows] == [
        ("pics/größe, a.png", "1", "crab"),
        ("pics/größe, a.png", "2", "net, torn"),
        ("pics/größe, a.png", "3", "Müll"),
        ("pics/größe, a.png", "4", "crab"),
        ("clip.mp4#frame=12", "1", "Müll"),
    ]
    assert [rows[1][key] for key in ("box_x", "box_y", "box_width", "box_height")] == [
        "1.5",
        "29.25",
        "58.5",
        "8.75",
    ]
    assert (rows[0]["area_px"], rows[0]["frame"], rows[0]["time_s"]) == ("550", "", "")
    assert (rows[4]["frame"], rows[4]["time_s"], rows[4]["score"]) == ("12", "0.4", "0.55")
