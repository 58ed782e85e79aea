"""Run the app: bounds on connections, log, and an end that loses no work.

Connections are bounded in number, in the time until a request, and in the time of a reader. Clients cannot fill the log.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Literal, NoReturn

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from seasift.service.access_log import LOG, JsonLines
from seasift.service.settings import ServiceSettings, check_reach
from seasift.service.state import STOP_S

_FULL = b'{"error": "too many connections are open. Try again later.", "request_id": ""}'
_REFUSALS = {
    503: b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_FULL), _FULL),
    408: b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
}
_SPARE_FILES = 100  # descriptors for models, jobs, uploads
_CLOSING_S = 1.0
_Waiting = Literal["nothing", "request", "rest", "next"]


def most_connections(settings: ServiceSettings) -> int:
    """The setting, or fewer where the system does not give that many file descriptors."""
    try:
        import resource
    except ImportError:  # Windows
        return settings.connections
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return settings.connections if soft < 0 else max(8, min(settings.connections, soft - _SPARE_FILES))


def protocol_of(settings: ServiceSettings) -> type[asyncio.Protocol]:
    """uvicorn's protocol with the bounds of some settings."""
    return type(
        "BoundedProtocol",
        (_BoundedProtocol,),
        {"most": most_connections(settings), "header_s": settings.header_s, "request_s": settings.request_s},
    )


class _BoundedProtocol(H11Protocol):
    """One connection. What it waits for decides how long: the head of a request, the rest of a body that is dropped,
    the next request (uvicorn's own timer), or nothing while a request is answered.
    """

    most: int
    header_s: float
    request_s: float

    def __init__(
        self, config: uvicorn.Config, server_state: Any, app_state: dict[str, Any], **more: Any
    ) -> None:
        super().__init__(config, server_state, app_state, **more)
        self._waits: _Waiting = "nothing"
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or turn it away."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            LOG.warning("too many connections")
            self._hang_up(503)
        else:
            self._wait_for("request")

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._wait_for("nothing" if self._answering() else "rest" if self._dropping() else "request")

    def on_response_complete(self) -> None:
        """An answer is out."""
        super().on_response_complete()
        self._wait_for("nothing" if self._answering() else "rest" if self._dropping() else "next")

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._wait_for("nothing")
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.request_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _dropping(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY

    def _wait_for(self, what: _Waiting) -> None:
        if what == self._waits:
            return
        self._waits = what
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if what in ("request", "rest") and not self.transport.is_closing():
            seconds = self.header_s if what == "request" else self.request_s
            self._timer = self.loop.call_later(seconds, self._hang_up, 408)

    def _hang_up(self, status: int) -> None:
        if not self.transport.is_closing():
            self.transport.write(_REFUSALS[status])
            self.transport.close()
            self.loop.call_later(_CLOSING_S, self.transport.abort)  # to who does not read


class RateLimit(logging.Filter):
    """Lets few warnings and errors of one kind through in a while; the next one says how many there were."""

    def __init__(self, most: int = 20, within_s: float = 10.0) -> None:
        super().__init__()
        self._most, self._within_s = most, within_s
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is written."""
        if record.levelno < logging.WARNING:
            return True
        kind, now = (record.name, str(record.msg)[:200]), time.monotonic()
        with self._lock:
            if len(self._kinds) > 1000:
                self._kinds.clear()
            since, count = self._kinds.get(kind, (now, 0))
            if now - since > self._within_s:
                more = count - self._most
                if more > 0:
                    record.fields = {**getattr(record, "fields", {}), "left_out_before": more}
                since, count = now, 0
            self._kinds[kind] = (since, count + 1)
        return count < self._most


_SPARE_S = 5.0
_BACKLOG = 256  # asyncio tries so many times at once to accept, also while the system has no descriptors left


class DrainingServer(uvicorn.Server):
    """At SIGTERM or SIGINT `/readyz` says no at once; after a while no connection is taken, and what is under
    way is finished. A second signal ends it now. The process ends with code 0, and in any case within
    `drain_s + request_s + STOP_S` and some seconds.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        app: FastAPI,
        settings: ServiceSettings,
        listening: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(config)
        self._service, self._settings, self._listening = app.state.service, settings, listening
        self._stop_at = math.inf

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port, and only then say so."""
        await super().startup(sockets)
        if not self.started:
            return
        port = self.servers[0].sockets[0].getsockname()[1]
        LOG.info("listening", extra={"fields": {"host": self._settings.host, "port": port}})
        if self._listening:
            self._listening(port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self._service.draining:
            end_now("ended by a second signal")
        self._service.draining = True
        self._stop_at = time.monotonic() + self._settings.drain_s
        longest = self._settings.drain_s + self._settings.request_s + STOP_S + _SPARE_S
        last_resort = threading.Timer(longest, end_now, ["ended without waiting longer"])
        last_resort.daemon = True
        last_resort.start()

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop. Looked up here, since uvicorn may skip the end of an app that is told to stop in its start."""
        failed = self._service.queue.failure is not None
        self.should_exit = self.should_exit or failed or time.monotonic() >= self._stop_at
        return await super().on_tick(counter)


def end_now(why: str) -> NoReturn:
    """End the process with code 0 whatever its threads do; what jobs have finished is on the disk."""
    LOG.error(why)
    os._exit(0)


def log_as_json(level: int = logging.INFO) -> None:
    """Send this process's log to standard error, one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(RateLimit())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    LOG.setLevel(level)
    logging.getLogger("python_multipart").setLevel(
        logging.ERROR
    )  # a broken upload is answered, not our trouble


def config_of(app: FastAPI, settings: ServiceSettings) -> uvicorn.Config:
    """How uvicorn runs the app: with bounds on heads, connections and times."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        http=protocol_of(settings),  # made from h11: of uvicorn's parsers it alone has a bound on headers
        ws="none",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=int(settings.request_s) + 1,
        h11_max_incomplete_event_size=32 << 10,
    )


def serve(
    app: FastAPI,
    settings: ServiceSettings,
    *,
    log: int = logging.INFO,
    listening: Callable[[int], None] | None = None,
) -> None:
    """Listen until a signal.

    Args:
        log: least level that is logged.
        listening: called with the port once there is one.
    Raises:
        InputError: an address beyond this machine without a token.
        SeasiftError: the model cannot run on this machine.
    """
    warning = check_reach(settings)
    log_as_json(log)
    if warning:
        LOG.warning(warning)
    config = config_of(app, settings)
    DrainingServer(config, app, settings, listening).run()
    if app.state.service.stuck:  # leaving Python would wait for the engine, which waits for its thread
        end_now("ended without waiting longer")
    if app.state.service.queue.failure is not None:
        raise app.state.service.queue.failure


def page_url(settings: ServiceSettings, port: int) -> str:
    """Address of the page on this machine.

    Args:
        port: where the server listens; `settings.port` may be 0.
    """
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
