"""Running the app: listening, logging, and stopping without losing what is under way."""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import uvicorn
from fastapi import FastAPI

from seasift.service.access_log import LOG, JsonLines
from seasift.service.connections import RateLimit, protocol_of
from seasift.service.settings import Settings, check_reach
from seasift.service.state import STOP_S

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
        settings: Settings,
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


def config_of(app: FastAPI, settings: Settings) -> uvicorn.Config:
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
    settings: Settings,
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


def page_url(settings: Settings, port: int) -> str:
    """Address of the page on this machine.

    Args:
        port: where the server listens; `settings.port` may be 0.
    """
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
