"""`seasift serve` and `seasift client`, as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI

from seasift.cli import main as entry
from seasift.core.image import read_image, write_image
from seasift.service import server as listening
from seasift.service.settings import ServiceSettings
from tests.service.server_process import ServerProcess
from tests.service.test_jobs import archive
from tests.tiny_model import quarters, save_tiny

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run the command line in an empty folder; gives exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["seasift", *arguments])
        with pytest.raises(SystemExit) as done:
            entry.main()
        signal.signal(signal.SIGTERM, before)  # `serve` has taken it
        out, err = capfdbinary.readouterr()
        return int(done.value.code or 0), out.decode(), err.decode()

    return call


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "0.0.0.0"), "say --open-to-all"),
        (("--set", "request_byte=1"), "did you mean request_bytes?"),
        (("--set", "request_bytes"), "expected NAME=VALUE"),
        (("--port", "70000"), "port: got 70000"),
        (("--model", "nowhere.onnx"), "no such model file"),
    ],
)
def test_what_serve_refuses_before_it_listens(run: Run, arguments: tuple[str, ...], words: str) -> None:
    code, _, err = run("serve", *arguments)
    assert (code, words in err) == (2, True), err
    assert len(err.splitlines()) == 1


def test_options_of_serve_reach_the_server(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[FastAPI, ServiceSettings]] = []
    monkeypatch.setattr(listening, "serve", lambda app, settings, **_: served.append((app, settings)))
    monkeypatch.setenv("SEASIFT_WORKERS", "5")
    model = str(save_tiny(tmp_path / "tiny.onnx"))
    code, _, err = run("serve", "-m", model, "--workers", "3", "--set", "request_s=7", "--jobs", "kept")
    ((app, settings),) = served
    assert (code, app.state.service.queue.workers, settings.request_s) == (0, 3, 7), err
    assert (tmp_path / "kept" / "jobs.sqlite").exists()
    app.state.service.stop()


@pytest.mark.parametrize(
    ("host", "page"),
    [
        ("127.0.0.1", "http://127.0.0.1:8123/"),
        ("0.0.0.0", "http://127.0.0.1:8123/"),
        ("::", "http://127.0.0.1:8123/"),
        ("::1", "http://[::1]:8123/"),
        ("rov.lab", "http://rov.lab:8123/"),
    ],
)
def test_serve_prints_the_address_of_the_page(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, page: str
) -> None:
    monkeypatch.setattr(listening, "serve", lambda *_, listening: listening(8123))
    model = str(save_tiny(tmp_path / "tiny.onnx"))
    code, out, err = run("serve", "-m", model, "--host", host, "--open-to-all")
    assert (code, out.splitlines()) == (0, [f"open {page} (Ctrl+C ends)"]), err


def test_a_client_without_a_server(run: Run, tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", quarters(250, 0, 0, 0))
    code, _, err = run("client", "a.png", "--url", "http://127.0.0.1:9")
    assert (code, "Is `seasift serve` running there?" in err) == (1, True)
    assert run("client", "missing.png")[0] == 2
    assert "expected an address" in run("client", "a.png", "--url", "file:///etc/passwd")[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "a.pdf"), "unknown ending '.pdf'"),
        (("-o", "a"), "unknown ending ''"),
        (("-f", "csv", "-o", "a.json"), "ends in .csv"),
        (("-f", "overlay", "-o", "a.json"), "ends in .jpg or .jpeg or .png"),
        (("-f", "jsn"), "did you mean 'json'"),
    ],
)
def test_what_the_client_refuses_before_it_asks(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    write_image(tmp_path / "a.png", quarters(250, 0, 0, 0))
    code, out, err = run("client", "a.png", "--url", "http://127.0.0.1:9", *arguments)
    assert (code, out, words in err) == (2, "", True), err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.slow
def test_a_client_and_a_server(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png", quarters(250, 0, 160, 200))
    (tmp_path / "dive.zip").write_bytes(
        archive(**{"a.png": (tmp_path / "a.png").read_bytes(), "b.png": b"hello"})
    )
    with ServerProcess(save_tiny(tmp_path / "tiny.onnx"), tmp_path / "jobs") as server:
        code, out, err = run("client", "a.png", "--url", server.url, "--threshold", "0.7")
        assert (code, [len(image["objects"]) for image in json.loads(out)["images"]]) == (0, [2]), err
        assert run("client", "a.png", "--url", server.url, "-f", "overlay", "-o", "x.png")[0] == 0
        assert read_image(tmp_path / "x.png").shape == (480, 480, 3)
        for name, begin in (
            ("y.jpg", b"\xff\xd8"),
            ("t.csv", b"\xef\xbb\xbffile,"),
            ("d.json", b"{"),
            ("z.zip", b"PK"),
        ):
            assert run("client", "a.png", "--url", server.url, "-o", name)[0] == 0
            assert (tmp_path / name).read_bytes().startswith(begin)
        with monkeypatch.context() as terminal:
            terminal.setattr("sys.stdout.isatty", lambda: True)
            code, out, err = run("client", "a.png", "--url", server.url, "--threshold", "0.7")
            assert (code, out, "1 image, 2 objects" in err) == (0, "", True), err
        code, _, err = run("client", "--job", "dive.zip", "--overlays", "-o", "found", "--url", server.url)
        assert (code, "1 of 2 images gave no result" in err) == (2, True)
        names = sorted(path.name for path in (tmp_path / "found").iterdir())
        assert names == ["overlays.zip", "predictions.coco.json", "predictions.csv", "predictions.json"]
        with (tmp_path / "large.png").open("wb") as large:
            large.truncate(70 << 20)
        code, _, err = run("client", "large.png", "--url", server.url)
        assert (code, "more than 67,108,864 bytes" in err) == (2, True), err
        code, _, err = run("client", "tiny.onnx", "--url", server.url)
        assert (code, "tiny.onnx: not an image" in err) == (2, True), "the server's words"


@pytest.mark.slow
def test_an_engine_that_cannot_run_ends_the_server_in_one_line(tmp_path: Path) -> None:
    """oneDNN can be told to take the processor for an older one, on which OpenVINO fails."""
    program = [sys.executable, "-m", "seasift", "serve", "--port", "0", "--precision", "f32"]
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "SSE41", "SEASIFT_CACHE": "off"}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 1
    *log, error = done.stderr.splitlines()
    assert "--engine onnxruntime" in error
    assert all(isinstance(json.loads(line), dict) for line in log)
