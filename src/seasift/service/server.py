"""Running the app: listening, logging, and stopping without losing what is under way."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from seasift.service.records import LOG, JsonLines
from seasift.service.settings import Settings, check_reach


class DrainingServer(uvicorn.Server):
    """At SIGTERM or SIGINT `/readyz` says no at once; after a while no connection is taken, and what is under
    way is finished. A second signal ends it now.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        app: FastAPI,
        drain_s: float,
        listening: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(config)
        self._service, self._drain_s, self._listening = app.state.service, drain_s, listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say at which port."""
        await super().startup(sockets)
        if self._listening and self.started:
            self._listening(self.servers[0].sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal; the process then ends with code 0."""
        if self._service.draining:
            self.should_exit = self.force_exit = True
            return
        self._service.draining = True
        timer = threading.Timer(self._drain_s, self._stop)
        timer.daemon = True
        timer.start()

    def _stop(self) -> None:
        self.should_exit = True


def log_as_json(level: int = logging.INFO) -> None:
    """Send this process's log to standard error, one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    LOG.setLevel(level)
    logging.getLogger("python_multipart").setLevel(
        logging.ERROR
    )  # a broken upload is answered, not our trouble


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
        BadInput: an address beyond this machine without a token.
    """
    warning = check_reach(settings)
    log_as_json(log)
    if warning:
        LOG.warning(warning)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.request_s) + 1,
        h11_max_incomplete_event_size=32 << 10,
    )
    LOG.info("listening", extra={"fields": {"host": settings.host, "port": settings.port}})
    DrainingServer(config, app, settings.drain_s, listening).run()
