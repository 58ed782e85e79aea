"""What is settled before a request's body is read: who asks, the token, its size, room for it, and the time it has."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seasift.core.errors import (
    BusyError,
    InputError,
    NotAllowedError,
    NotFoundError,
    SeasiftError,
    TimeLimitError,
)
from seasift.service.image_queue import ImageQueue
from seasift.service.jobs import NO_JOBS, Jobs
from seasift.service.refusals import ForeignPageError, UploadTooLargeError, refusal, words
from seasift.service.routes_page import PAGE_PREFIX, REVIEW_PREFIX
from seasift.service.settings import ServiceSettings

OPEN_PATHS = frozenset({"/", "/healthz", "/readyz"})  # and the files of the page, which hold no secret
_LINKED_PATHS = OPEN_PATHS | {"/docs", "/openapi.json"}  # a page elsewhere may have a link to them
JOBS_PATH = "/v1/jobs"
_PAGES = (PAGE_PREFIX, REVIEW_PREFIX)
_PATIENCE = 16
_DROP_S = 30.0
IMAGE_PATHS = frozenset({"/v1/predict", "/detection"})


@dataclass
class Slot:
    """Room that a request has in the queue; an app without a model has none."""

    queue: ImageQueue | None
    count: int = 0

    def reserve(self, count: int) -> None:
        """Have room for so many images in all.

        Raises:
            BusyError: there is not so much.
        """
        more = max(0, count - self.count)
        if self.queue is not None:
            self.queue.admit(more)
        self.count += more

    def leave(self) -> None:
        """Give it back."""
        if self.queue is not None:
            self.queue.leave(self.count)
        self.count = 0


class RequestLimits:
    """ASGI middleware."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: ServiceSettings,
        queue: ImageQueue | None = None,
        jobs: Jobs | None = None,
    ) -> None:
        self._app, self._settings, self._queue, self._jobs = app, settings, queue, jobs
        self._under_way = 0  # bytes of images; touched by the event loop alone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on with bounds on its body and its time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        slot = Slot(self._queue)
        limit, seconds = self._bounds(scope["path"])
        body = _Bounded(receive, limit)
        try:
            self._check_host(scope)
            self._check_origin(scope)
            self._check_token(scope)
            _check_length(scope, limit)
            scope.setdefault("state", {})["slot"] = slot
            if scope["method"] != "POST":
                await self._app(scope, body, send)
            elif scope["path"] == JOBS_PATH:
                await self._check_jobs(scope)
                await self._in_time(scope, body, send, seconds)
            else:
                slot.reserve(scope["path"] in IMAGE_PATHS)
                with self._uploading(scope, limit):
                    await self._in_time(scope, body, send, seconds)
        except SeasiftError as error:
            await _refuse(scope, body, send, refusal(scope, error), limit)
        except UploadTooLargeError as error:
            await _refuse(scope, body, send, words(scope, 413, error.detail), limit)
        finally:
            slot.leave()

    def _check_host(self, scope: Scope) -> None:
        host = Headers(scope=scope).get("host", "")
        if not self._settings.answers_to(host):
            raise InputError(
                f"this server does not answer to the name {host[:100]!r}; expected localhost or 127.0.0.1. "
                "Whoever runs it can name others by the setting `hosts`."
            )

    def _check_origin(self, scope: Scope) -> None:
        """Refuse what a page of another origin has a browser ask: it needs no answer to make this server work.

        Browsers set `Sec-Fetch-Site` and, for all but plain reading, `Origin`; pages cannot change them. Programs
        send neither.
        """
        path = scope["path"]
        if scope["method"] in ("GET", "HEAD") and (path in _LINKED_PATHS or path.startswith(_PAGES)):
            return
        headers = Headers(scope=scope)
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None and not {origin, "*"}.isdisjoint(self._settings.cors_origins):
            return
        own = origin is None or _same_authority(origin, headers.get("host", ""))
        if site != "same-origin" and not (own and site in (None, "none")):
            raise ForeignPageError(
                f"a page of {(origin or 'another origin')[:100]!r} asks; expected one of this server. "
                "Whoever runs it can name other origins by the setting `cors_origins`."
            )

    def _check_token(self, scope: Scope) -> None:
        path = scope["path"]
        if self._settings.token is None or path in OPEN_PATHS or path.startswith(_PAGES):
            return
        given = Headers(scope=scope).get("authorization", "")
        if not same_token(given, self._settings.token):
            raise NotAllowedError(
                "the token is missing or wrong; expected the header `Authorization: Bearer TOKEN`."
            )

    async def _check_jobs(self, scope: Scope) -> None:
        if self._jobs is None:
            raise NotFoundError(NO_JOBS)
        client = scope.get("client")
        await asyncio.to_thread(self._jobs.check_room, client[0] if client else "")

    @contextmanager
    def _uploading(self, scope: Scope, limit: int) -> Iterator[None]:
        """Hold the bytes of requests under way together below a limit; one that does not say counts fully."""
        length = Headers(scope=scope).get("content-length", "")
        size = int(length) if length.isdecimal() else limit
        if self._under_way + size > self._settings.uploads_bytes:
            raise BusyError("too many uploads are under way. Try again later or send fewer at once.")
        self._under_way += size
        try:
            yield
        finally:
            self._under_way -= size

    def _bounds(self, path: str) -> tuple[int, float]:
        if path == JOBS_PATH:
            return self._settings.job_upload_bytes, self._settings.job_upload_s
        return self._settings.request_bytes, self._settings.request_s

    async def _in_time(self, scope: Scope, receive: _Bounded, send: Send, seconds: float) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(seconds):
                await self._app(scope, receive, watched)
        except TimeoutError:
            if begun:
                raise
            what = "work" if receive.whole else "upload"
            raise TimeLimitError(
                f"the {what} was not finished within {seconds:g} s, the time a request has here. "
                "Send fewer or smaller images, or a job to /v1/jobs."
            ) from None


def _same_authority(origin: str, host: str) -> bool:
    """Whether an Origin header names the host and port of the Host header."""
    scheme, _, authority = origin.lower().partition("://")
    default = {"http": ":80", "https": ":443"}.get(scheme)
    if default is None or not authority:
        return False
    return authority.removesuffix(default) == host.strip().lower().removesuffix(default)


def same_token(header: str, token: SecretStr) -> bool:
    """Compare in a time that tells nothing about the token, not even its length."""
    kind, _, given = header.partition(" ")
    digests = (
        hashlib.sha256(t.encode("utf-8", "replace")).digest() for t in (given, token.get_secret_value())
    )
    return hmac.compare_digest(*digests) and kind.lower() == "bearer"


def _check_length(scope: Scope, limit: int) -> None:
    """By what the header says; a body without the header, or that is longer, is stopped while it is read."""
    length = Headers(scope=scope).get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise UploadTooLargeError(limit)


async def _refuse(scope: Scope, body: _Bounded, send: Send, answer: Response, limit: int) -> None:
    """Answer a request whose upload may still be on its way.

    Many clients send all of it before they read an answer, and lose the answer if the connection is closed
    meanwhile. So the rest is read and dropped: after the answer by the server, or before it for a client that
    wants the connection closed. An upload that may be endless is hung up on.
    """
    if not _finite(scope, limit) and not body.whole:
        answer.headers["Connection"] = "close"
    elif Headers(scope=scope).get("connection", "").lower() == "close":
        await body.drop_rest()
    await answer(scope, body, send)


def _finite(scope: Scope, limit: int) -> bool:
    """Whether an upload that is refused ends soon enough to be read to its end and dropped."""
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    short = length.isdecimal() and len(length) < 20 and int(length) <= _PATIENCE * limit
    return short and "transfer-encoding" not in headers


class _Bounded:
    """A `receive` that counts bytes."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._limit = receive, limit
        self._got = 0
        self.whole = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self.whole = not message.get("more_body", False)  # also at a disconnect
        self._got += len(message.get("body", b""))
        if self._got > self._limit:
            raise UploadTooLargeError(self._limit)
        return message

    async def drop_rest(self) -> None:
        """Read to the end, for some seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_DROP_S):
                while not self.whole:
                    self.whole = not (await self._receive()).get("more_body", False)
