"""Mutated uploads: whatever comes, the answer is below 500, and the server is ready afterwards."""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from seasift.core.image import encode_image
from tests.service.conftest import ONE, THREE, Serve
from tests.service.server_process import ServerProcess
from tests.service.test_jobs import archive, lying
from tests.service.test_limits import png_of
from tests.tiny_model import save_tiny

# A form that breaks off leaves its unfinished part to the garbage collector, inside of Starlette.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
NOISE = np.random.default_rng(1).integers(0, 255, (30, 40, 3), dtype=np.uint8)
SEEDS = [
    *(encode_image(NOISE, suffix) for suffix in (".jpg", ".png", ".tif", ".webp", ".bmp")),
    *(ONE, THREE, b"", b"GIF89a", b"%PDF", png_of(2**31 - 1, 2**31 - 1), png_of(0, 0)),
    *(
        archive(**{"a.png": ONE, "b.png": bytes(300_000)}),
        lying(100, 5_000_000),
        bytes(5000),
        b"\0\0\0\x18ftypisom" + bytes(100),
    ),
]
WORDS = [
    "nan",
    "-inf",
    "1e999",
    "0.5",
    "",
    "NULL",
    "\u202e",
    "é" * 500,
    "red thing",
    ",",
    "json",
    "zip",
    "9" * 5000,
]
HEADERS = [
    {"X-Request-ID": "x" * 100_000},
    {"Cookie": "a=b; " * 20_000, "Authorization": "Bearer " + "é" * 9000},
    {f"X-{number}": "y" * 50 for number in range(500)},
    {"Content-Length": "9" * 50},
    {"Accept": "\u202e", "Range": "bytes=0-" + "9" * 400},
]
NAMES = ["a.png", "../../x", "a\\b", "", "x" * 5000, "\u202e.png", "con", "%00.png", '"', "a;b=c"]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Cut, overwritten, repeated or swapped bytes."""
    out = bytearray(data)
    for _ in range(chance.randrange(4)):
        index = chance.randrange(len(out) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            del out[index:]
        elif kind == 1:
            out[index : index + 4] = chance.randbytes(4)
        elif kind == 2:
            out[index:index] = out[: chance.randrange(200)]
        elif kind == 3:
            out[: min(40, len(out))] = bytes(chance.choices(out[:40] or b"x", k=min(40, len(out))))
        else:
            out[index : index + 4] = b"\xff\xff\xff\x7f"
    return bytes(out)


def fire(client: TestClient, chance: random.Random) -> Any:
    """One odd request."""
    upload = [
        (chance.choice(NAMES), mutated(chance.choice(SEEDS), chance)) for _ in range(chance.randrange(1, 4))
    ]
    fields = {
        name: chance.choice(WORDS)
        for name in ("threshold", "classes", "format", "overlay_type", "every", "overlays")
        if chance.random() < 0.2
    }
    odd = chance.choice(HEADERS) if chance.random() < 0.1 else {}
    headers = {name: value.encode() for name, value in odd.items()}
    kind = chance.randrange(8)
    if kind == 0:
        body = mutated(
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nx\r\n--b--\r\n', chance
        )
        kinds = ["multipart/form-data; boundary=b", "multipart/form-data", "a/b"]
        headers = {**headers, "Content-Type": chance.choice(kinds).encode()}
        return client.post(
            chance.choice(["/v1/predict", "/v1/jobs", "/detection"]), content=body, headers=headers
        )
    if kind == 1:
        return client.post("/v1/jobs", files={"file": upload[0]}, data=fields, headers=headers)
    if kind == 2:
        masks = chance.choice(["rle", "bitmap", "polygons", "x"])
        return client.post(
            f"/detection?masks={masks}&threshold={chance.choice(WORDS)[:50]}",
            files={"file": upload[0]},
            headers=headers,
        )
    if kind == 3:
        return client.request(
            chance.choice(["PUT", "GET", "DELETE", "PATCH"]), "/v1/" + chance.choice(NAMES + WORDS)[:90]
        )
    return client.post(
        "/v1/predict", files=[("files", each) for each in upload], data=fields, headers=headers
    )


def bombard(client: TestClient, count: int, seed: int) -> set[int]:
    chance, statuses = random.Random(seed), set()
    for number in range(count):
        answer = fire(client, chance)
        assert answer.status_code < 500, f"seed {seed}, request {number}: {answer.text}"
        statuses.add(answer.status_code)
        if answer.status_code >= 400:
            assert answer.json()["request_id"], answer.text
    assert client.get("/readyz").json()["ready"]
    return statuses


def test_some_odd_uploads(serve: Serve, folder: Path) -> None:
    limits = {"request_bytes": 200_000, "image_pixels": 100_000, "jobs_per_client": 1000}
    assert {200, 400, 422} <= bombard(serve(jobs=folder, **limits), 100, seed=1)


@pytest.mark.slow
def test_many_odd_uploads(serve: Serve, folder: Path) -> None:
    limits = {"request_bytes": 200_000, "image_pixels": 100_000, "jobs_per_client": 1000}
    bombard(serve(jobs=folder, **limits), 2000, seed=2)


def huge() -> Iterator[bytes]:
    """Requests with heads that no honest client sends."""
    post = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"
    yield post + b"X-Big: " + b"x" * 5_000_000 + b"\r\n\r\n"
    yield post + b"".join(b"X-%d: y\r\n" % number for number in range(200_000)) + b"\r\n"
    yield b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n"
    yield b"x" * 1_000_000
    yield b"GET / HTTP/1.1\r\n" + b"\0\xff\r" * 1000 + b"\r\n\r\n"
    yield b"GET / HTTP/1.1\r\n\r\n"
    yield post + b"Content-Length: " + b"9" * 30_000 + b"\r\n\r\n"
    yield post + b"Content-Length: -1\r\n\r\n"
    yield post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"
    yield post + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 100_000 + b"\r\n"
    yield post + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 1_000_000


def status_of(port: int, data: bytes) -> int:
    """Of the answer to raw bytes; 0 where the server hung up without one, as it may on what is no HTTP."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as raw:
        try:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            head = raw.recv(100)
        except OSError:  # hung up on while we were sending
            return 0
        assert not head or head.startswith(b"HTTP/1.1 "), head
        return int(head[9:12] or 0)


@pytest.mark.slow
def test_huge_and_broken_heads(tmp_path: Path) -> None:
    with ServerProcess(save_tiny(tmp_path / "tiny.onnx"), tmp_path / "jobs") as server:
        statuses = [status_of(server.port, data) for data in huge()]
        assert all(status < 500 for status in statuses), statuses
        assert 400 in statuses
        assert server.get("/readyz")["ready"]
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
