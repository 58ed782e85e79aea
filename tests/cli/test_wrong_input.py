"""Wrong input to any command: one line, exit code 2, nothing written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seasift.cli import main as entry
from tests.tiny_model import save_tiny
from tests.tiny_video import save_video

BYTES = b"\xff\xfe\x00\x81"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are not what their names say, a clip and a model. For reading only."""
    made = tmp_path_factory.mktemp("wrong")
    save_tiny(made / "tiny.onnx")
    save_video(made / "clip.mp4", count=2)
    (made / "d").mkdir()
    for name in ("x.onnx", "x.json", "x.yaml", "x.csv", "x.md", "x.ckpt", "x.zip", "x.png"):
        (made / name).write_bytes(BYTES)
    (made / "half.json").write_text("{")
    return made


CASES = {
    "predict x.png -m none": "model 'none': no such file",
    "predict x.png -m x.onnx": "x.onnx: not a whole ONNX file",
    "predict x.png -m d": "d: a folder; expected an ONNX file",
    "predict x.png -m tiny.onnx --classes whale": "classes 'whale'",
    "predict x.png --threshold nan": "--threshold",
    "predict x.png --every 0": "--every '0'",
    "predict x.png --threads 0": "--threads",
    "predict x.png -f overlay": "--format overlay needs a folder",
    "predict x.png -f coco --like d": "d: cannot be read",
    "survey none.mp4 -o out": "none.mp4: no such file",
    "survey x.png -o out": "x.png: not a video",
    "survey clip.mp4 -o x.csv": "-o x.csv: a file; expected a folder",
    "survey clip.mp4 -o out --navigation x.csv": "x.csv: ",
    "survey clip.mp4 -o out --navigation d": "d: cannot be read",
    "survey clip.mp4 -o out --start-utc 0001-01-01T00:00:00+14:00": "--start-utc '0001",
    "survey clip.mp4 -o out --engine bogus": "'bogus'; expected one of local, ",
    "survey clip.mp4 -o x.csv/out": "-o x.csv/out: x.csv is a file",
    "validate d": "d: a folder",
    "validate x.json": "x.json: not JSON",
    "convert x.json out.csv --to viame-csv": "x.json: unknown format",
    "convert x.json out --to bogus": "'bogus'; expected one of seasift-tracks",
    "evaluate default none": "none: no such file or folder",
    "evaluate default d": "d: not a prepared data set",
    "evaluate default half.json": "half.json: not JSON",
    "compare d": "d: no report.json",
    "data prepare x.zip out": "x.zip: neither a zip nor a folder",
    "data stats x.json": "x.json: not JSON",
    "data split d --name new": "d: not a prepared data set",
    "export x.ckpt -o m.onnx --mask-threshold 0.4 --expected-iou": "expected one of them",
    "export x.ckpt -o model": "-o model: expected a name that ends in .onnx",
    "quantize default none -o q.onnx": "none: no such file or folder",
    "quantize default d -o model": "-o model: expected a name that ends in .onnx",
    "models show x.onnx": "x.onnx: not a whole ONNX file",
    "models show none.onnx": "none.onnx: no such model file",
    "models show tiny.onnx --html d": "d: cannot be read or written (Is a directory)",
    "models show tiny.onnx --html x.md/card": "x.md: cannot be read or written (File exists)",
    "models complete tiny.onnx -o out.onnx": "nothing to add",
    "models complete tiny.onnx -o out.onnx --operating-points x.json": "x.json: not whole JSON",
    "models complete tiny.onnx -o out.onnx --calibrate x.json": "x.json: not whole JSON",
    "models complete tiny.onnx -o out.onnx --figures x.json": "x.json: not whole JSON",
    "models complete tiny.onnx -o out.onnx --operating-points x.json --about x.md": "written with --figures only",
    "train none": "none: no such recipe",
    "train x.yaml": "x.yaml: not a text file",
    "train sift-s --set a.b=1": "unknown key a",
    "lr-find sift-s --set x": "--set x: expected key=value",
    "review d": "d: holds no tracks.json",
    "serve --port 99999": "port: got 99999",
    "serve --set bogus=1": "--set bogus: no such setting",
    "client none.png": "none.png: cannot be read",
    "client d": "d: cannot be read (Is a directory)",
    "client x.png --url http://[": "--url 'http://['",
    "client x.png --job": "--job takes one archive or video",
    "bench tiny.onnx none.png": "none.png: no such file",
    "bench tiny.onnx --json d": "--json d: a folder",
    "bench tiny.onnx --json x.csv/b.json": "--json x.csv/b.json: x.csv is a file",
    "bogus": "No such command 'bogus'",
}


@pytest.mark.parametrize("line", CASES)
def test_one_line_and_exit_code_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], line: str
) -> None:
    before = sorted(folder.rglob("*"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["seasift", *line.split()])
    with pytest.raises(SystemExit) as done:
        entry.main()
    out, err = capfd.readouterr()
    assert (done.value.code, out) == (2, "")
    usage, message = err.splitlines()[:-1], err.splitlines()[-1]
    assert not usage or usage[0].startswith("Usage: seasift ")
    assert message.startswith("seasift: ")
    assert CASES[line] in message
    assert sorted(folder.rglob("*")) == before


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="a folder that takes no file")
def test_an_output_that_cannot_be_written_is_called_by_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["seasift", "models", "show", "tiny.onnx", "--html", "/proc/card.html"])
    with pytest.raises(SystemExit) as done:
        entry.main()
    _, err = capfd.readouterr()
    assert done.value.code == 2
    assert err.startswith("seasift: /proc/card.html: cannot be read or written")
