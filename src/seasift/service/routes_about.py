"""Endpoints that tell about the server: model, classes, health, metrics, and the API itself."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from seasift import __version__
from seasift.core.errors import NotThere
from seasift.core.groups import group_of
from seasift.runtime.draw import colour_of
from seasift.service.answers import Cuda, Health, Label, Labels, ModelCard, Models, Readiness
from seasift.service.api_page import api_page
from seasift.service.metrics import CONTENT_TYPE
from seasift.service.refusals import ERRORS
from seasift.service.state import WithService

router = APIRouter(tags=["about"], responses={401: ERRORS[401]})
# Of a named class of answers FastAPI would give the errors the same media type, too.
_PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}
_CARD: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/markdown": {"schema": {"type": "string"}}}},
    404: ERRORS[404],
}
_PLAIN: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/v1/models")
async def models(service: WithService) -> Models:
    """The models that this server runs, and what their files say."""
    model, info = service.model, service.model.info
    return Models(
        models=[
            ModelCard(
                name=model.name,
                sha256=model.sha256,
                head=info.head,
                engine=model.engine,
                precision=model.precision,
                input_size_hw=list(info.input.size_hw),
                threshold=info.threshold,
                max_objects=info.max_objects,
                calibrated=info.calibration is not None,
                quantized=info.quantized,
                classes=len(model.categories),
                training=info.training,
                figures=info.figures,
                licence=info.licence,
                attribution=info.attribution,
            )
        ]
    )


@router.get("/v1/card", response_class=Response, responses=_CARD)
async def card(service: WithService) -> Response:
    """The model card in Markdown, if one lay beside the model file."""
    if service.card is None:
        raise NotThere("this model has no card. /v1/models has what its file says.")
    return Response(service.card, media_type="text/markdown; charset=utf-8")


@router.get("/v1/labels")
async def labels(service: WithService) -> Labels:
    """The classes of the model, in its order."""
    return Labels(
        labels=[
            Label(
                class_id=i,
                category_id=c.id,
                name=c.name,
                colour="#{:02x}{:02x}{:02x}".format(*colour_of(i)),
                group=group_of(c.name),
            )
            for i, c in enumerate(service.model.categories)
        ]
    )


@router.get("/healthz")
async def healthz() -> Health:
    """Whether the process lives. Needs no token."""
    return Health(seasift=__version__)


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready."}})
async def readyz(service: WithService, response: Response) -> Readiness:
    """Whether requests are taken: not before the model is warm, nor while shutting down. Needs no token."""
    reason = service.reason
    response.status_code = 503 if reason else 200
    return Readiness(ready=not reason, reason=reason)


@router.get("/metrics", response_class=Response, responses=_PLAIN)
async def metrics(service: WithService) -> Response:
    """Requests, latency, queue, pictures and objects by class, for Prometheus."""
    counts = await asyncio.to_thread(service.jobs.counts) if service.jobs else {}
    text = service.metrics.text(service.queue, counts, ready=not service.reason)
    return Response(text, media_type=CONTENT_TYPE)


@router.get("/cuda")
async def cuda(service: WithService) -> Cuda:
    """Whether a GPU does the work."""
    model = service.model
    return Cuda(cuda="cuda" in model.engine, engine=model.engine, precision=model.precision)


@router.get("/docs", response_class=Response, responses=_PAGE)
async def docs(request: Request) -> HTMLResponse:
    """This API as a page, made from /openapi.json; it loads nothing from elsewhere."""
    return HTMLResponse(api_page(request.app.openapi()))
