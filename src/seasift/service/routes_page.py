"""The page for people: files of the package, sent as they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from seasift.core.errors import NotFoundError
from seasift.service.refusals import ERRORS

PAGE_PREFIX, REVIEW_PREFIX = "/page/", "/review/"
_HERE = Path(__file__).parent
_FOLDERS = {PAGE_PREFIX: _HERE / "page", REVIEW_PREFIX: _HERE / "review_page"}
# Named here, since what a system says of an ending differs, and a browser runs no script of a wrong type.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}
# The page loads from its own server alone, runs no inline script, sends no form and sits in no frame.
# Images of the user are shown from `blob:` addresses.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": _TEXT}},
    304: {"description": "Not changed since it had the tag of If-None-Match."},
}
_FILE: dict[int | str, dict[str, Any]] = {
    **_PAGE,
    200: {
        "content": {
            **dict.fromkeys(("text/html", "text/css", "text/javascript", "image/svg+xml"), _TEXT),
            "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
        }
    },
    404: ERRORS[404],
    422: ERRORS[422],
}
router = APIRouter(tags=["page"], responses={400: ERRORS[400]})
review_router = APIRouter()


@dataclass(frozen=True)
class _File:
    data: bytes
    media_type: str
    tag: str


@cache
def _files(prefix: str) -> dict[str, _File]:
    """All files of a page by name; a name from a request is looked up here and never becomes a path."""
    found = {}
    for path in _FOLDERS[prefix].iterdir():
        if path.suffix in _TYPES:
            data = path.read_bytes()
            found[path.name] = _File(data, _TYPES[path.suffix], f'"{hashlib.sha256(data).hexdigest()[:32]}"')
    return found


@router.head("/", include_in_schema=False)
@router.get("/", response_class=Response, responses=_PAGE)
async def page(request: Request) -> Response:
    """The page. Needs no token: it asks for one when the server wants it."""
    return _answer(request, "index.html")


@review_router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def review(request: Request) -> Response:
    """The page for the review of a survey. Needs no token, as above."""
    return _answer(request, "review.html", REVIEW_PREFIX)


@review_router.api_route(REVIEW_PREFIX + "{name}", methods=["GET", "HEAD"], include_in_schema=False)
async def review_file(request: Request, name: str) -> Response:
    """A style or script of that page.

    Raises:
        NotFoundError: the page has no such file.
    """
    return _answer(request, name, REVIEW_PREFIX)


@review_router.api_route(PAGE_PREFIX + "{name}", methods=["GET", "HEAD"], include_in_schema=False)
@router.head(PAGE_PREFIX + "{name}", include_in_schema=False)
@router.get(PAGE_PREFIX + "{name}", response_class=Response, responses=_FILE)
async def page_file(request: Request, name: str) -> Response:
    """A style, script or example image of the page. Needs no token."""
    return _answer(request, name)


def _answer(request: Request, name: str, prefix: str = PAGE_PREFIX) -> Response:
    file = _files(prefix).get(name)
    if file is None:
        raise NotFoundError(f"the page has no file {name[:80]!r}. The page is at /.")
    headers = {
        "ETag": file.tag,
        "Cache-Control": "no-cache",  # kept, but asked about each time: a new version shows at once
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",
    }
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.data, media_type=file.media_type, headers=headers)
