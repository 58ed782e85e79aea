"""The application for the review of a survey: the same gate as the service's, and no model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio.to_thread
from fastapi import FastAPI

from seasift import __version__
from seasift.review.folder import Review
from seasift.service import routes_page, routes_review
from seasift.service.gate import Gate
from seasift.service.metrics import Metrics
from seasift.service.records import Records
from seasift.service.refusals import add_refusals
from seasift.service.review_export import Exporter
from seasift.service.settings import Settings


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


def create_review_app(review: Review, settings: Settings | None = None, *, reviewer: str = "") -> FastAPI:
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
    app.add_middleware(Gate, settings=settings or Settings())
    app.add_middleware(Records, metrics=Metrics())
    return app
