"""Endpoints that tell about the server: model, classes, health, metrics, and the API itself.

`/docs` describes the API on one plain page that works without a network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from seasift import __version__
from seasift.core.errors import NotFoundError
from seasift.service.access_log import CONTENT_TYPE
from seasift.service.refusals import ERRORS
from seasift.service.schemas import (
    Cuda,
    Health,
    Label,
    LabelsAnswer,
    ModelCard,
    Models,
    Readiness,
    RollUpCard,
)
from seasift.service.state import WithService
from seasift.viz.drawing import colour_of

_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
section{border-top:1px solid #8888;padding:.5rem 0}
code{font-family:ui-monospace,monospace}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;vertical-align:top}
"""


def api_page(description: dict[str, Any]) -> str:
    """HTML of an OpenAPI document: every endpoint, what it takes and what it answers."""
    info = description["info"]
    sections = [
        _section(method.upper(), path, operation, description)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])}</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info.get('description', ''))}</p>"
        "<p>For programs: <a href=openapi.json>openapi.json</a></p>" + "".join(sections) + "</html>"
    )


def _section(method: str, path: str, operation: dict[str, Any], description: dict[str, Any]) -> str:
    takes = [
        (p["name"], p["in"], p.get("description", ""), _kind(p.get("schema", {})))
        for p in operation.get("parameters", [])
    ]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        fields = _resolve(content["schema"], description).get("properties", {})
        takes += [(name, media, s.get("description", ""), _kind(s)) for name, s in fields.items()]
    gives = [
        (status, _contents(answer.get("content", {})), answer.get("description", ""))
        for status, answer in operation["responses"].items()
    ]
    return (
        f"<section><h2><code>{method} {escape(path)}</code></h2><p>{escape(operation.get('description', ''))}</p>"
        + _table(("takes", "in", "", "type"), takes)
        + _table(("answers", "content", ""), gives)
        + "</section>"
    )


def _contents(content: dict[str, Any]) -> str:
    return "; ".join(f"{media}: {_kind(entry.get('schema', {}))}" for media, entry in content.items())


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    top = "".join(f"<th scope=col>{head}</th>" for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _resolve(schema: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = description["components"]["schemas"][name] if name else schema
    return found


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words: `array of Label`, `number or null`, `json, coco`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"array of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("contentMediaType") or schema.get("type", ""))


router = APIRouter(tags=["about"], responses={status: ERRORS[status] for status in (400, 401, 403)})
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
                rollup=info.rollup and RollUpCard(**info.rollup.model_dump()),
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
        raise NotFoundError("this model has no card. /v1/models has what its file says.")
    return Response(service.card, media_type="text/markdown; charset=utf-8")


@router.get("/v1/labels")
async def labels(service: WithService) -> LabelsAnswer:
    """The classes of the model, in its order."""
    return LabelsAnswer(
        labels=[
            Label(
                class_id=i,
                category_id=c.id,
                name=c.name,
                colour="#{:02x}{:02x}{:02x}".format(*colour_of(i)),
                group=c.group,
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
    """Requests, latency, queue, images and objects by class, for Prometheus."""
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
