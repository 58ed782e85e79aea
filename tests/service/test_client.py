"""What a hostile or strange server can do to `seasift client`: nothing beyond the folder and the address named."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from seasift.cli.client import _run_job
from seasift.core.errors import InputError, SeasiftError
from seasift.service.client import RESULT_FILES, Client
from seasift.service.job_runner import OVERLAYS
from seasift.service.written import DOCUMENTS

ID = "0" * 32
TOKEN = "secret-of-the-user"
Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def answering(answer: Callable[[str], Answer]) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """A server that answers as told; gives its address, and path and headers of each request it got."""
    got: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append((self.path, dict(self.headers)))
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_arguments: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


def job(**changes: Any) -> Answer:
    value = {"id": ID, "state": "done", "done": 1, "total": 1, "failures": 0, "error": "", "files": []}
    return 200, {}, json.dumps({**value, **changes}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"files": ["../stolen"]},
        {"files": ["predictions.json", "/tmp/stolen"]},
        {"files": ["a/../predictions.json"]},
        {"files": [["predictions.json"]]},
        {"files": None},
        {"id": "../../v1/labels"},
        {"id": 7},
        {"done": "many"},
    ],
)
def test_only_known_names_are_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    upload, out = tmp_path / "a.zip", tmp_path / "deep" / "found"
    upload.write_bytes(b"PK")
    with answering(lambda _path: job(**changes)) as (url, _), pytest.raises(SeasiftError):
        _run_job(Client(url), upload, out, {})
    assert [path.name for path in tmp_path.rglob("*")] == ["a.zip"]


def test_the_known_names_are_those_that_jobs_leave() -> None:
    assert (*DOCUMENTS, OVERLAYS) == RESULT_FILES


def test_a_name_from_the_caller_is_held_to_the_same() -> None:
    with pytest.raises(InputError, match="no file of a job"):
        Client("http://127.0.0.1:9").fetch(ID, "../jobs.sqlite")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_neither_token_nor_image_follows_a_redirect(tmp_path: Path, status: int) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"image")
    with answering(lambda _path: (200, {}, b"{}")) as (elsewhere, stolen):
        moved: Answer = (status, {"Location": elsewhere.replace("127.0.0.1", "localhost") + "/v1/x"}, b"")
        with answering(lambda _path: moved) as (url, asked):
            client = Client(url, TOKEN)
            with pytest.raises(SeasiftError, match="redirects to"):
                client.text("/v1/labels")
            with pytest.raises(SeasiftError, match="redirects to"):
                client.predict([image])
    assert [headers["Authorization"] for _, headers in asked] == [f"Bearer {TOKEN}"] * 2
    assert stolen == []


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, b"\xff\x00"),
        (429, {"Retry-After": "soon"}, b'{"error": "full"}'),
        (400, {}, b'{"error": "\\u001b[2Jgone"}'),
        (404, {}, b"[]"),
    ],
)
def test_strange_answers_are_one_plain_line(answer: Answer) -> None:
    with answering(lambda _path: answer) as (url, _), pytest.raises(SeasiftError) as caught:
        Client(url).text("/v1/labels")
    assert str(caught.value).isprintable()
