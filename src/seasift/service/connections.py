"""Bounds on connections themselves: how many, how long one waits for a request, how long for its reader.

Also here: A log that strangers cannot fill.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import Any, Literal

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from seasift.service.settings import Settings

LOG = logging.getLogger("seasift.service")
_FULL = b'{"error": "too many connections are open. Try again later.", "request_id": ""}'
_REFUSALS = {
    503: b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_FULL), _FULL),
    408: b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
}
_SPARE_FILES = 100  # descriptors for models, jobs, uploads
_CLOSING_S = 1.0
_Waiting = Literal["nothing", "request", "rest", "next"]


def most_connections(settings: Settings) -> int:
    """The setting, or fewer where the system does not give that many file descriptors."""
    try:
        import resource
    except ImportError:  # Windows
        return settings.connections
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return settings.connections if soft < 0 else max(8, min(settings.connections, soft - _SPARE_FILES))


def protocol_of(settings: Settings) -> type[asyncio.Protocol]:
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
