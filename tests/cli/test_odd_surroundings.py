"""Closed streams, links in a circle, empty names, numbers of hundreds of digits: one line, and no file is spoilt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seasift.core.errors import InputError
from seasift.core.image import write_image
from seasift.inference.engines import open_engine
from seasift.inference.inputs import Failure, expand
from seasift.video.frames import FrameSampling, parse_time
from tests.tiny_model import quarters, save_tiny

DIGITS = "9" * 400
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells and links")


def shell(folder: Path, line: str) -> tuple[int, str]:
    """Exit code and error output of a line of `sh`, with `seasift` for the command."""
    command = f"{sys.executable} -m seasift"
    log = folder / "log"
    done = subprocess.run(
        ["sh", "-c", line.replace("seasift", command, 1).replace("LOG", str(log))],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stderr.decode() + (log.read_text() if log.exists() else "")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    save_tiny(folder / "tiny.onnx")
    write_image(folder / "a.png", quarters(250, 0, 160, 200))
    (folder / "loop.png").symlink_to("loop.png")
    return folder


def test_results_for_a_closed_stream_are_refused(place: Path) -> None:
    code, text = shell(place, "seasift predict a.png --model tiny.onnx -f json >&-")
    assert (code, text.count("\n")) == (2, 1)
    assert "standard output is closed" in text


def test_nothing_printed_lands_in_a_file_when_all_streams_are_closed(place: Path) -> None:
    code, _ = shell(place, "seasift predict a.png --model tiny.onnx -o out -f json,csv,overlay <&- >&- 2>&-")
    assert code == 0
    assert (place / "out" / "predictions.json").read_bytes().startswith(b'{\n "schema"')
    assert (place / "out" / "predictions.csv").read_bytes().startswith(b"\xef\xbb\xbffile,")


@pytest.mark.slow
def test_a_closed_standard_input(place: Path) -> None:
    code, text = shell(place, "seasift predict - --model tiny.onnx <&-")
    assert (code, text.count("\n")) == (2, 1)
    assert "standard input is closed" in text


@pytest.mark.slow
@pytest.mark.parametrize("line", ["predict loop.png", "predict a.png -o loop.png", "validate loop.png"])
def test_links_in_a_circle_end_in_one_line(place: Path, line: str) -> None:
    code, text = shell(place, f"seasift {line}" + " --model tiny.onnx" * line.startswith("predict"))
    assert code in (1, 2)
    assert "Traceback" not in text
    assert "seasift: " in text


def test_links_in_a_circle_are_inputs_that_fail_later(tmp_path: Path) -> None:
    (tmp_path / "loop.png").symlink_to("loop.png")
    (source,) = expand([str(tmp_path / "loop.png")], leave_out=tmp_path / "loop.png")
    assert not isinstance(source, Failure)


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png", quarters(0, 0, 0, 0))
    monkeypatch.chdir(tmp_path)
    (found,) = expand([name])
    assert isinstance(found, Failure)
    assert "empty name" in found.error


@pytest.mark.parametrize("text", [DIGITS, DIGITS + "s", "9" * 5000, f"{DIGITS}:00"])
def test_numbers_of_hundreds_of_digits(text: str) -> None:
    with pytest.raises(InputError, match="characters"):
        parse_time(text, "--start")
    if ":" not in text:
        with pytest.raises(InputError, match="characters"):
            FrameSampling.parse(text)


@pytest.mark.parametrize("threads", [0, -1, 1025, 10**400])
def test_threads_that_no_machine_has(threads: int) -> None:
    with pytest.raises(InputError, match="threads; expected 1 to"):
        open_engine(b"", "x", engine="openvino", precision="f32", threads=threads)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
def test_a_pipe_as_a_video(place: Path) -> None:
    pipe = place / "pipe.mp4"
    os.mkfifo(pipe)
    code, text = shell(place, "seasift predict pipe.mp4 --model tiny.onnx")
    assert (code, "a pipe" in text) == (2, True)
