"""`seasift review`: what is typed, what is said."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from seasift.cli.main import main
from seasift.review.folder import Review


def type_in(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["seasift", "review", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_export(
    surveyed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "tracks.json").write_bytes((surveyed / "tracks.json").read_bytes())
    assert type_in(monkeypatch, out, "--export", tmp_path / "set") == 2
    assert "no track is accepted yet" in capsys.readouterr().err
    review = Review(out)
    review.decide(4, "accept")
    review.decisions.close()
    assert type_in(monkeypatch, out, "--export", tmp_path / "set") == 0
    said = capsys.readouterr()
    assert "annotations.json: 11 images with 11 objects." in said.out
    assert "4 tracks: 1 accepted, 0 relabelled, 0 rejected, 3 undecided" in said.err
    assert len(json.loads((tmp_path / "set/annotations.json").read_text("utf-8"))["images"]) == 11
    assert (out / "reviewed_counts.csv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "expected a folder that `seasift survey DIVE -o FOLDER` has written"),
        ([".", "--host", "0.0.0.0"], "without a token would let anyone"),
        ([".", "--port", "99999"], "99999"),
    ],
)
def test_what_cannot_be(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert type_in(monkeypatch, *words) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken(
    surveyed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert type_in(monkeypatch, surveyed, "--port", port, "--no-open") == 2
    assert f"127.0.0.1:{port} cannot be listened on" in capsys.readouterr().err
