"""Every limit has a setting, and is answered with words and a status below 500 (503 where time runs out)."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from seasift.core.instances import Instances
from seasift.inference.predictor import OnnxPredictor
from seasift.service.app import create_app
from seasift.service.settings import ServiceSettings
from tests.isolation.test_pool import png_of as slow_png
from tests.service.conftest import HERE, NONE, ONE, THREE, Serve, files


class Held:
    """The tiny model behind a door."""

    def __init__(self, model: OnnxPredictor) -> None:
        self._model = model
        self.info, self.sha256, self.name = model.info, model.sha256, model.name
        self.categories, self.engine, self.precision = model.categories, model.engine, model.precision
        self.door, self.entered = threading.Event(), threading.Semaphore(0)
        self.calls: list[int] = []

    def predict(self, images_rgb_u8: Sequence[Any], **options: Any) -> list[Instances]:
        if options["max_objects"] > 1:  # not the image that warms up
            self.calls.append(len(images_rgb_u8))
            self.entered.release()
            assert self.door.wait(30)
        return self._model.predict(images_rgb_u8, **options)


@pytest.fixture
def held(tiny: OnnxPredictor) -> Iterator[Held]:
    model = Held(tiny)
    yield model
    model.door.set()


def png_of(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is so large."""

    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"")) + part(b"IEND", b"")


def test_bytes_of_an_upload_by_its_header(serve: Serve) -> None:
    answer = serve(request_bytes=1000).post("/v1/predict", files=files(b"x" * 2000))
    assert answer.status_code == 413
    assert "more than 1,000 bytes" in answer.json()["error"]


def test_bytes_of_an_upload_without_a_length(serve: Serve) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        while taken < 100:
            taken += 1
            yield b"x" * 1000

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = serve(request_bytes=5000).post("/v1/predict", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert "more than 5,000 bytes" in answer.json()["error"]


def test_pixels_are_counted_before_decoding(serve: Serve) -> None:
    client = serve(image_pixels=1000)
    answer = client.post("/v1/predict", files=files(png_of(100_000, 100_000)))
    assert answer.status_code == 413
    assert answer.json()["error"].startswith("0.png: 100,000 x 100,000 px; expected at most 1,000 pixels")
    mixed = client.post("/v1/predict", files=files(THREE, NONE[:0] + png_of(10, 10)))
    assert mixed.status_code == 413, "the first error: 40 x 40 px is more than 1,000"


def test_images_of_a_request(serve: Serve) -> None:
    client = serve(images_per_request=2)
    assert client.post("/v1/predict", files=files(NONE, NONE)).status_code == 200
    answer = client.post("/v1/predict", files=files(NONE, NONE, NONE))
    assert (answer.status_code, "at most 2" in answer.json()["error"]) == (413, True)


def test_a_full_queue_says_when_to_come_back(serve: Serve, held: Held) -> None:
    client = serve(held, queue_images=2, images_per_request=2)
    first: list[Any] = []
    thread = threading.Thread(
        target=lambda: first.append(client.post("/v1/predict", files=files(ONE, THREE)))
    )
    thread.start()
    assert held.entered.acquire(timeout=30)
    answer = client.post("/v1/predict", files=files(NONE))
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    held.door.set()
    thread.join()
    assert [len(i["objects"]) for i in first[0].json()["images"]] == [1, 3]
    assert client.post("/v1/predict", files=files(NONE)).status_code == 200, "room is given back"


def test_uploads_under_way_together(serve: Serve, held: Held) -> None:
    client = serve(held, request_bytes=3000, uploads_bytes=3000)
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(client.post("/v1/predict", files=files(ONE))))
    thread.start()
    assert held.entered.acquire(timeout=30)
    answer = client.post("/v1/predict", files=files(bytes(2500)))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    held.door.set()
    thread.join()
    assert first[0].status_code == 200
    assert client.post("/v1/predict", files=files(bytes(2500))).status_code == 400, "room is given back"


def test_time_of_a_request(serve: Serve, held: Held) -> None:
    client = serve(held, request_s=0.2, workers=1)
    answer = client.post("/v1/predict", files=files(ONE, ONE, ONE))
    assert answer.status_code == 503
    assert "the work was not finished within 0.2 s" in answer.json()["error"]
    held.door.set()
    assert client.app.state.service.queue._admitted == 0  # type: ignore[attr-defined]
    client.post("/detection", files={"file": ONE})
    assert len(held.calls) <= 2, "the images that nobody waits for are not looked at"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong-token", "Basic long-enough", "Bearer long-enougH"]
)
def test_a_wrong_token(serve: Serve, header: str) -> None:
    client = serve(token="long-enough")
    answer = client.post(
        "/v1/predict", files=files(NONE), headers={"Authorization": header} if header else {}
    )
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert client.get("/metrics").status_code == 401
    assert client.get("/healthz").status_code == 200


def test_the_right_token(serve: Serve) -> None:
    good = {"Authorization": "Bearer long-enough"}
    assert serve(token="long-enough").post("/v1/predict", files=files(NONE), headers=good).status_code == 200


def test_pages_of_other_origins_may_not_call_unless_named(serve: Serve) -> None:
    origin = {"Origin": "https://reef.example"}
    assert "access-control-allow-origin" not in serve().get("/healthz", headers=origin).headers
    named = serve(cors_origins=("https://reef.example",)).get("/healthz", headers=origin)
    assert named.headers["access-control-allow-origin"] == "https://reef.example"


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({}, "127.0.0.1:8000", 200),
        ({}, "LocalHost", 200),
        ({}, "[::1]:8000", 200),
        ({}, "evil.example", 400),
        ({}, "evil.example:8000", 400),
        ({}, "127.0.0.1.evil.example", 400),
        ({}, "localhost@evil.example", 400),
        ({}, "", 400),
        ({"hosts": "reef.example, lab"}, "Reef.example:80", 200),
        ({"hosts": "reef.example, lab"}, "localhost", 200),
        ({"hosts": "reef.example, lab"}, "evil.example", 400),
        ({"hosts": "*"}, "evil.example", 200),
        ({"host": "0.0.0.0"}, "lab.example", 200),
        ({"host": "0.0.0.0", "hosts": "lab.example"}, "evil.example", 400),
    ],
)
def test_names_that_the_server_answers_to(
    serve: Serve, settings: dict[str, str], host: str, status: int
) -> None:
    answer = serve(**settings).get("/v1/labels", headers={"Host": host})
    assert answer.status_code == status
    assert status == 200 or "does not answer to the name" in answer.json()["error"]


def test_no_stack_trace_leaves_the_server(serve: Serve, held: Held, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_images: Any, **options: Any) -> list[Instances]:
        if options["max_objects"] > 1:
            raise RuntimeError("secret of the engine")
        return []

    held.predict = broken  # type: ignore[method-assign]
    answer = serve(held).post("/v1/predict", files=files(NONE), headers={"X-Request-ID": "mine-1"})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (500, "mine-1")
    assert set(answer.json()) == {"error", "request_id"}
    assert "secret" not in answer.text
    assert "secret of the engine" in caplog.text


def test_a_request_id_from_a_client_must_be_plain(serve: Serve) -> None:
    client = serve()
    assert client.get("/healthz", headers={"X-Request-ID": "a" * 65}).headers["X-Request-ID"] != "a" * 65
    assert client.get("/healthz", headers={"X-Request-ID": 'a"b'}).headers["X-Request-ID"] != 'a"b'


def test_not_ready_while_all_workers_are_stuck(serve: Serve, held: Held) -> None:
    client = serve(held, workers=2, stuck_s=0.001)
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(client.post, "/v1/predict", files=files(ONE)) for _ in range(2)]
        assert all(held.entered.acquire(timeout=30) for _ in range(2))
        while client.app.state.service.queue.stuck_s <= 0.001:  # type: ignore[attr-defined]
            pass
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "all workers" in answer.json()["reason"]
        assert client.get("/healthz").status_code == 200
        held.door.set()
        assert [one.result().status_code for one in asked] == [200, 200]
    assert client.get("/readyz").status_code == 200


def test_a_decoder_that_takes_too_long_is_given_up(tiny: OnnxPredictor) -> None:
    with TestClient(create_app(tiny, ServiceSettings(decode_s=0.05, workers=1)), HERE) as client:
        answer = client.post("/v1/predict", files=files(slow_png(10_000, 9000)))
        assert answer.status_code == 413
        assert answer.json()["error"].startswith("0.png: not decoded within 0.05 s")
        assert client.get("/readyz").status_code == 200
