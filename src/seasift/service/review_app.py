"""The application for the review of a survey: the same gate as the service's, and no model.

An export runs in its own thread, while the page asks for its progress.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anyio.to_thread
from fastapi import FastAPI

from seasift import __version__
from seasift.core.errors import BusyError, InputError, SeasiftError
from seasift.review.folder import Review
from seasift.service import routes_page, routes_review
from seasift.service.access_log import AccessLog, ServiceMetrics
from seasift.service.refusals import add_refusals
from seasift.service.request_limits import RequestLimits
from seasift.service.server import page_url, serve
from seasift.service.settings import ServiceSettings, check_reach, read_settings

FOLDER = "reviewed"


@dataclass(frozen=True)
class Export:
    """How far an export is.

    Attributes:
        done, total: images.
        words: what was written or what went wrong, a sentence a line.
        path: of the COCO file, once it is there.
    """

    state: Literal["none", "running", "done", "failed"] = "none"
    done: int = 0
    total: int = 0
    words: list[str] = field(default_factory=list)
    path: str | None = None


class Exporter:
    """One export at a time, into the folder `reviewed` of the survey, by a thread of its own."""

    def __init__(self, review: Review) -> None:
        self._review, self._thread = review, threading.Thread()
        self._lock = threading.Lock()
        self.state = Export()

    def start(self) -> None:
        """Begin.

        Raises:
            BusyError: one is under way.
        """
        with self._lock:
            if self.state.state == "running":
                raise BusyError("an export is under way. Wait until it is done.")
            self.state = Export("running")
            self._thread = threading.Thread(target=self._run)
            self._thread.start()

    def wait(self) -> None:
        """Until nothing is under way."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        def progress(done: int, total: int) -> None:
            self.state = Export("running", done, total)

        end = Export("failed", words=["The export failed; the server's log may say more."])
        try:
            self._review.write()
            made = self._review.export(Path(self._review.tracks.folder) / FOLDER, progress)
            end = Export("done", made.images, made.images, made.words(), str(made.path))
        except SeasiftError as error:
            end = Export("failed", words=[str(error)])
        except OSError as error:
            end = Export("failed", words=[f"{error.filename or 'a file'}: {error.strerror or error}"])
        finally:
            self.state = end


@dataclass
class Reviewing:
    """What all endpoints share.

    Attributes:
        reviewer: who decides, unless the page says another.
        draining: the server was told to stop.
        stuck: a thread never came back; there is none here.
    """

    review: Review
    exporter: Exporter
    reviewer: str = ""
    draining: bool = False
    stuck: bool = False


def create_review_app(
    review: Review, settings: ServiceSettings | None = None, *, reviewer: str = ""
) -> FastAPI:
    """Make the application around a survey's folder.

    Args:
        review: the folder, opened; the application closes it.
        settings: address, token and limits; without them the defaults.
        reviewer: who decides, unless the page says another.
    """
    service = Reviewing(review, Exporter(review), reviewer)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        yield
        service.draining = True
        await anyio.to_thread.run_sync(service.exporter.wait)
        await anyio.to_thread.run_sync(review.write)
        review.decisions.close()

    app = FastAPI(
        title="seasift review",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=life,
    )
    app.state.service = service
    app.include_router(routes_review.router)
    app.include_router(routes_page.review_router)
    add_refusals(app)
    app.add_middleware(RequestLimits, settings=settings or ServiceSettings())
    app.add_middleware(AccessLog, metrics=ServiceMetrics())
    return app


def serve_review(
    folder: Path,
    given: Mapping[str, Any],
    *,
    footage: Path | None = None,
    names: str | None = None,
    reviewer: str = "",
    listening: Callable[[Review, str], None],
) -> None:
    """Serve the page of a survey's folder until a signal.

    Args:
        given: host, port and other settings by name; None for the default.
        footage: current folder of the videos.
        names: "class" or "rollup", see `review.frames.Tracks`.
        reviewer: who decides, unless the page says another.
        listening: called with the review and the page's address once the server listens.
    Raises:
        InputError: folder or settings cannot be used, or something listens at the address already.
    """
    settings = read_settings({name: value for name, value in given.items() if value is not None})
    check_reach(settings)
    _check_free(settings.host, settings.port)
    review = Review(folder, footage=footage, names=names)
    serve(
        create_review_app(review, settings, reviewer=reviewer),
        settings,
        log=logging.WARNING,
        listening=lambda port: listening(review, page_url(settings, port)),
    )


def _check_free(host: str, port: int) -> None:
    """Raises InputError if something listens there already, such as `seasift serve`."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name == "posix":  # elsewhere it would let two listen
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"{host}:{port} cannot be listened on ({error.strerror}). Give another --port, or 0 for a free one."
            ) from None
