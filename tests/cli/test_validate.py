"""`seasift validate`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from seasift.cli import main as entry

DOCUMENT = {
    "schema": "seasift-predictions/1",
    "seasift": "0.1.0",
    "model": {"name": "m", "sha256": "0" * 64},
    "engine": "openvino",
    "precision": "f32",
    "threshold": 0.5,
    "max_objects": 10,
    "categories": [{"id": 1, "name": "net"}],
    "images": [{"file": "a.png", "width": 4, "height": 3, "objects": []}],
    "failures": [],
}


def validate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["seasift", "validate", *arguments])
    with pytest.raises(SystemExit) as done:
        entry.main()
    return int(done.value.code or 0), *capsys.readouterr()


def test_right(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.json").write_text(json.dumps(DOCUMENT))
    for extra in ([], ["--all"]):
        code, out, err = validate(capsys, monkeypatch, str(tmp_path / "r.json"), *extra)
        assert (code, err) == (0, "")
        assert "valid seasift-predictions/1; 1 images, 0 objects, 0 failures" in out


def test_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.json").write_text(json.dumps({**DOCUMENT, "threshold": 2, "engine": 1}))
    code, out, err = validate(capsys, monkeypatch, str(tmp_path / "r.json"))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "r.json: $.engine: got 1; input should be a valid string (1 more; " in err
    code, out, err = validate(capsys, monkeypatch, str(tmp_path / "r.json"), "--all")
    assert (code, out) == (2, "")
    assert [line.split(": ")[1] for line in err.splitlines()] == ["$.engine", "$.threshold"]


def test_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = validate(capsys, monkeypatch, str(tmp_path / "none.json"), "--all")
    assert code == 2
    assert "no such file" in err
