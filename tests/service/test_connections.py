"""Connections that say nothing, little, or too much, against a server on a free port."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

from seasift.inference.predictor import OnnxPredictor
from seasift.service.app import create_app
from seasift.service.server import RateLimit, config_of, most_connections
from seasift.service.settings import ServiceSettings
from tests.service.conftest import HERE

Listen = Callable[..., tuple[str, int]]
OK = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def listen(tiny: OnnxPredictor) -> Iterator[Listen]:
    """Start a server with these settings; gives its address."""
    with ExitStack() as stack:

        def start(**settings: Any) -> tuple[str, int]:
            given = ServiceSettings(port=0, **settings)
            config = config_of(create_app(tiny, given), given)
            server, door = uvicorn.Server(config), config.bind_socket()
            door.listen()
            thread = threading.Thread(target=server.run, args=([door],))
            thread.start()

            def stop() -> None:
                server.should_exit = True
                thread.join()

            stack.callback(stop)
            host, port = door.getsockname()
            return host, port

        yield start


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=30)


def rest(caller: socket.socket) -> bytes:
    """All that comes until the server hangs up; an error if it does not."""
    got = b""
    with suppress(ConnectionResetError):
        while block := caller.recv(65536):
            got += block
    return got


def status(caller: socket.socket) -> int:
    """Of an answer on a connection that stays open."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += caller.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    (length,) = (
        line.split(b":")[1] for line in head.lower().splitlines() if line.startswith(b"content-length:")
    )
    while len(body) < int(length):
        body += caller.recv(65536)
    return int(head.split()[1])


@pytest.mark.parametrize("head", [b"", b"G", b"GET / HTTP/1.1\r\n", OK[:-2] + b"X-Slow: "])
def test_a_head_that_does_not_end_is_hung_up_on(listen: Listen, head: bytes) -> None:
    with connect(listen(header_s=0.2)) as caller:
        caller.sendall(head)
        assert rest(caller).startswith(b"HTTP/1.1 408 ")


def test_a_head_in_drops_has_no_more_time(listen: Listen) -> None:
    """Each byte alone would keep a timer of idleness from running out."""
    with connect(listen(header_s=0.3)) as caller:
        ended = threading.Event()

        def drip() -> None:
            with suppress(OSError):
                while not ended.wait(0.02):
                    caller.sendall(b"X")

        dripping = threading.Thread(target=drip)
        dripping.start()
        got = rest(caller)
        ended.set()
        dripping.join()
    assert got.startswith(b"HTTP/1.1 408 ") or got == b""


def test_the_second_request_of_a_connection_is_held_to_it_too(listen: Listen) -> None:
    with connect(listen(header_s=0.3)) as caller:
        for _ in range(3):
            caller.sendall(OK)
            assert status(caller) == 200
        caller.sendall(OK[:20])
        assert b"HTTP/1.1 408 " in rest(caller)  # a body of before may come first


def test_a_body_that_nobody_asked_for_ends_too(listen: Listen) -> None:
    with connect(listen(header_s=0.2, request_s=0.3)) as caller:
        caller.sendall(OK[:-2] + b"Content-Length: 1000\r\n\r\n12345")
        assert rest(caller).startswith(b"HTTP/1.1 200 ")


def test_who_does_not_read_is_hung_up_on(listen: Listen) -> None:
    address = listen(request_s=0.3)
    with connect(address) as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        page = b"GET /page/example-1-shrimp.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        with suppress(ConnectionError, TimeoutError):
            for _ in range(20_000):
                caller.sendall(page)
        assert rest(caller)[:12] in (b"", b"HTTP/1.1 200"), "it ends"


def test_no_more_connections_than_are_set(listen: Listen) -> None:
    address = listen(connections=8, header_s=60)
    with ExitStack() as stack:
        held = [stack.enter_context(connect(address)) for _ in range(8)]
        for caller in held:
            caller.sendall(OK)
            assert status(caller) == 200
        with connect(address) as more:
            got = rest(more)
        assert got.startswith(b"HTTP/1.1 503 ")
        assert "too many connections" in json.loads(got.partition(b"\r\n\r\n")[2])["error"]
        held[0].sendall(OK)
        assert status(held[0]) == 200, "who was here before stays"
        held[1].close()
        held[0].sendall(OK)
        assert status(held[0]) == 200
        with connect(address) as again:
            again.sendall(OK)
            assert status(again) == 200


def test_connections_leave_descriptors_for_the_rest() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    try:
        assert most_connections(ServiceSettings(connections=5000)) == 200
        assert most_connections(ServiceSettings(connections=50)) == 50
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_flood_of_one_error_is_counted_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = written.append  # type: ignore[method-assign]
    handler.addFilter(RateLimit(most=3, within_s=10))
    log, now = logging.Logger("asyncio"), [0.0]
    log.addHandler(handler)
    monkeypatch.setattr("seasift.service.server.time.monotonic", lambda: now[0])
    for _ in range(100_000):
        log.error("socket.accept() out of system resource")
    log.error("another")
    for _ in range(10):
        log.info("request")
    assert len(written) == 3 + 1 + 10
    now[0] = 11.0
    log.error("socket.accept() out of system resource")
    assert written[-1].fields == {"left_out_before": 99_997}  # type: ignore[attr-defined]


def test_a_long_path_is_cut_in_the_log(tiny: OnnxPredictor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "seasift.service"), TestClient(create_app(tiny), HERE) as client:
        assert client.get("/" + "x" * 20_000).status_code == 404
    (fields,) = (record.fields for record in caplog.records if record.message == "request")  # type: ignore[attr-defined]
    assert len(fields["path"]) == 500
