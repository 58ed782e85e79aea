"""The application: model in, ASGI app out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio.to_thread
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from seasift import __version__
from seasift.isolation.pool import DecoderPool, DecodingLimits
from seasift.service import routes_about, routes_jobs, routes_page, routes_predict
from seasift.service.access_log import AccessLog, ServiceMetrics
from seasift.service.image_queue import ImageQueue, Served
from seasift.service.jobs import Jobs
from seasift.service.refusals import add_refusals
from seasift.service.request_limits import RequestLimits
from seasift.service.settings import ServiceSettings
from seasift.service.state import Service

_FOR_JOBS = 2  # decoders beside those of the workers: one for a video in work, one for an upload
_ABOUT = "Finds, outlines and counts trash, animals, plants and vehicle parts in underwater images."


def create_app(
    predictor: Served,
    settings: ServiceSettings | None = None,
    *,
    card: str | None = None,
    decoders: DecoderPool | None = None,
) -> FastAPI:
    """Make the service around a model.

    Args:
        predictor: the model, ready to run; `inference.predictor.load_predictor` gives one.
        settings: limits and the like; without them the defaults.
        card: the model card, Markdown, if the model has one.
        decoders: decode what clients send; by default processes with the limits of the settings, which end with the app.
    Raises:
        InputError: the folder for jobs cannot be used.
    """
    settings = settings or ServiceSettings()
    metrics = ServiceMetrics()
    limits = DecodingLimits(settings.image_pixels, settings.decode_s, settings.decode_bytes)
    pool = decoders or DecoderPool(settings.workers + _FOR_JOBS, limits)
    queue = ImageQueue(
        predictor,
        workers=settings.workers,
        batch=settings.batch,
        delay_s=settings.batch_delay_ms / 1000,
        room=settings.queue_images,
        decode=partial(pool.image, max_pixels=settings.image_pixels),
        on_seen=metrics.seen,
    )
    jobs = Jobs(settings.jobs, predictor, queue, settings, pool) if settings.jobs else None
    service = Service(predictor, settings, queue, metrics, jobs, card)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        pool.start(settings.workers)
        queue.start()
        if jobs:
            jobs.start()
        yield
        await anyio.to_thread.run_sync(service.stop)
        if decoders is None:
            await anyio.to_thread.run_sync(pool.close)

    app = FastAPI(
        title="seasift", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None, lifespan=life
    )
    app.state.service = service
    for module in (routes_predict, routes_jobs, routes_about, routes_page):
        app.include_router(module.router)
    add_refusals(app)
    app.add_middleware(RequestLimits, settings=settings, queue=queue, jobs=jobs)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    app.add_middleware(AccessLog, metrics=metrics)
    return app
