"""Texts of strangers do not become formulas in a spreadsheet; numbers and other texts stay."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from seasift.formats import table_csv
from seasift.formats.table_csv import plain_records, plain_text
from seasift.prediction.options import PredictOptions
from seasift.prediction.run import run
from tests.tiny_model import quarters, save_tiny

FORMULA = "=HYPERLINK(1).png"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=", "-"])
def test_texts_that_would_be_computed(text: str) -> None:
    assert plain_text(text) == "'" + text
    assert list(plain_records([{"a": text, "b": -1.5}])) == [{"a": "'" + text, "b": -1.5}]


@pytest.mark.parametrize("value", ["", "a=1", "1", " =1", "é", -1, -0.5, None, True])
def test_all_else_stays(value: object) -> None:
    assert plain_text(value) is value


@pytest.mark.parametrize("raw", [False, True])
def test_predict(tmp_path: Path, raw: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from seasift.core.image import write_image

    monkeypatch.chdir(tmp_path)
    write_image(Path(FORMULA), quarters(250, 0, 0, 0))
    model = save_tiny(tmp_path / "tiny.onnx")
    result = run(PredictOptions(FORMULA, model=model, formats="csv", output="out", raw_csv=raw))
    shown = FORMULA if raw else "'" + FORMULA
    for text in (Path("out/predictions.csv").read_text("utf-8-sig"), "".join(result.text("csv"))):
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["file"] for row in rows] == [shown] * len(rows)
        assert rows
    assert result.images[0].file == FORMULA
    assert table_csv.to_text(result.document, raw=True).count("'=") == 0
