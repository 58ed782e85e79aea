"""`seasift convert` as a user types it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seasift.cli.main import main
from tests.formats.exchange.contents import write_dive


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["seasift", "convert", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_says_what_was_done_and_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = write_dive(tmp_path), tmp_path / "dive.csv"
    assert run(monkeypatch, str(source), str(target), "--to", "fathomnet-csv") == 0
    out, err = capsys.readouterr()
    assert out == f"{target}: fathomnet-csv, from seasift-tracks with 2 objects, 6 observations, 1 file\n"
    assert "cannot hold, so left out: which boxes belong to one track, outlines (boxes only), scores" in err
    assert target.read_text("utf-8").startswith("concept,image,x,y")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "dive"), "'dive'; expected one of seasift-tracks"),
        (("--to", "coco", "--from", "cvat"), "not XML"),
        (("--to", "coco", "--masks", "rel"), "did you mean 'rle'"),
        (("--to", "coco", "--size", "10"), "expected WIDTHxHEIGHT"),
        (("--to", "coco", "--fps", "0"), "above 0"),
        (("--to", "coco", "--simplify", "-1"), "--simplify -1"),
        (("--to", "coco", "--animal", "eel"), "expected CLASS=SCIENTIFIC_NAME"),
    ],
)
def test_wrong_options_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    source = write_dive(tmp_path)
    assert run(monkeypatch, str(source), str(tmp_path / "out.json"), *words) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("Usage: ") or err.count("\n") == 1
