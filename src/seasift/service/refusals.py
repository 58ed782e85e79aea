"""From errors to answers: which status, in the same words as at the command line."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import compile_path
from starlette.types import Scope

from seasift.core.errors import (
    BusyError,
    EngineError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    SeasiftError,
    TimeLimitError,
)
from seasift.service.schemas import ErrorSchema


class ForeignPageError(InputError):
    """A page of another origin asks through somebody's browser."""


class StorageError(SeasiftError):
    """The server cannot write or read what it keeps: the disk is full or damaged.

    Attributes:
        full: there is no room left.
    """

    def __init__(self, message: str, *, full: bool = False) -> None:
        super().__init__(message)
        self.full = full


_STATUS: Mapping[type[SeasiftError], int] = {
    LimitError: 413,
    NotAllowedError: 401,
    ForeignPageError: 403,
    NotFoundError: 404,
    BusyError: 429,
    TimeLimitError: 503,
    EngineError: 500,
}
_WORDS = {
    404: "no such page. GET /docs lists what there is.",
    405: "this address does not take this method. GET /docs lists what there is.",
}
ERRORS: dict[int | str, dict[str, object]] = {
    400: {"model": ErrorSchema, "description": "Something in the request cannot be used."},
    401: {"model": ErrorSchema, "description": "The token is missing or wrong."},
    403: {
        "model": ErrorSchema,
        "description": "A page of another origin asks; `cors_origins` names those that may.",
    },
    404: {"model": ErrorSchema, "description": "What was asked for does not exist, or no longer."},
    413: {"model": ErrorSchema, "description": "More than this server takes."},
    422: {"model": ErrorSchema, "description": "A field is missing or of a wrong type or value."},
    429: {"model": ErrorSchema, "description": "No room at the moment; Retry-After says when to come back."},
    503: {"model": ErrorSchema, "description": "Not finished in the time a request has, or shutting down."},
    507: {"model": ErrorSchema, "description": "The server's disk is full."},
}


def is_storage_error(error: BaseException) -> bool:
    """Whether a disk or the database on it is to blame."""
    return isinstance(error, sqlite3.OperationalError) or is_full(error)


def is_full(error: BaseException) -> bool:
    """Whether there was no room on a disk."""
    if isinstance(error, sqlite3.OperationalError):
        return "full" in str(error)
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def storage_in_words(what: str) -> Iterator[None]:
    """Make errors of disk and database a `StorageError`; `what` is what uses them."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        if is_full(error):
            raise StorageError(f"{what}: the server's disk is full. Try again later.", full=True) from error
        if isinstance(error, sqlite3.Error) or error.errno in (
            errno.EIO,
            errno.EROFS,
            errno.EMFILE,
            errno.ENFILE,
        ):
            raise StorageError(
                f"{what}: the server cannot use its disk at the moment. Try again later."
            ) from error
        raise


class UploadTooLargeError(HTTPException):
    """The body grew over its limit while it was read; an HTTPException, which form parsing lets through."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            413, f"the upload has more than {limit:,} bytes, the most this server takes at once."
        )


def refusal(scope: Scope, error: SeasiftError) -> JSONResponse:
    """The answer that says what was wrong."""
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)
    headers = {}
    if isinstance(error, StorageError):
        status = 507 if error.full else 503
    if isinstance(error, BusyError):
        headers["Retry-After"] = str(error.retry_after_s)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return words(scope, status, " ".join(str(error).split()), headers)


def words(scope: Scope, status: int, text: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer with an error in one line."""
    request_id = scope.get("state", {}).get("request_id", "")
    readable = text.encode("utf-8", "backslashreplace").decode("utf-8")
    answer = ErrorSchema(error=readable, request_id=request_id)
    return JSONResponse(answer.model_dump(), status, headers=dict(headers or {}))


def _methods_at(app: FastAPI, path: str) -> set[str]:
    """All methods of an address; Starlette would name those of its first route alone."""
    found: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        if compile_path(template)[0].fullmatch(path):
            found |= {method.upper() for method in operations}
    return found


def add_refusals(app: FastAPI) -> None:
    """Make the app answer errors in our form."""

    @app.exception_handler(SeasiftError)
    async def _ours(request: Request, error: SeasiftError) -> JSONResponse:
        return refusal(request.scope, error)

    @app.exception_handler(StarletteHTTPException)
    async def _http(request: Request, error: StarletteHTTPException) -> JSONResponse:
        if error.__cause__ is not None and is_full(error.__cause__):  # while the upload was put aside
            return words(request.scope, 507, "the upload: the server's disk is full. Try again later.")
        text, headers = _WORDS.get(error.status_code, str(error.detail)), dict(error.headers or {})
        if error.status_code == 405:
            methods = _methods_at(app, request.url.path) | set(headers.get("Allow", "").split(", "))
            headers["Allow"] = ", ".join(sorted(methods - {""}))
        return words(request.scope, error.status_code, text, headers)

    @app.exception_handler(RequestValidationError)
    async def _fields(request: Request, error: RequestValidationError) -> JSONResponse:
        problem = error.errors()[0]
        location = ".".join(str(part) for part in problem["loc"][1:]) or str(problem["loc"][0])
        return words(request.scope, 422, f"{location}: {problem['msg'][:300]}.")
