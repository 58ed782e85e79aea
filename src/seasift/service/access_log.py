"""The outermost layer: a request id, a line in the log and metrics for Prometheus; no stack trace for the client."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections import Counter as Tally
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seasift.service.image_queue import ImageQueue, QueueResult
from seasift.service.refusals import words

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = {"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"}
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class ServiceMetrics:
    """Counters of one app; each app has a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "seasift_requests", "Requests answered", ["method", "path", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "seasift_request_seconds",
            "From the first byte to the last",
            ["path"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._images = Counter("seasift_pictures", "Images looked at", registry=self._registry)
        self._objects = Counter("seasift_objects", "Objects found", ["name"], registry=self._registry)
        self._waiting = Gauge("seasift_queue_pictures", "Images that wait", registry=self._registry)
        self._jobs = Gauge("seasift_jobs", "Jobs that are kept", ["state"], registry=self._registry)
        self._ready = Gauge("seasift_ready", "1 if requests are taken", registry=self._registry)

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request. `path` is a route's template: labels must be few."""
        self._requests.labels(method if method in _METHODS else "other", path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def seen(self, seen: QueueResult) -> None:
        """Count an image and its objects."""
        self._images.inc()
        for name, count in Tally(found.name for found in seen.entry.objects).items():
            self._objects.labels(name).inc(count)

    def text(self, queue: ImageQueue, jobs: Mapping[str, int], *, ready: bool) -> bytes:
        """All of them in Prometheus's text format."""
        self._waiting.set(queue.waiting)
        self._ready.set(ready)
        for state, count in jobs.items():
            self._jobs.labels(state).set(count)
        return generate_latest(self._registry)


LOG = logging.getLogger("seasift.service")
_GOOD_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CLIENT_LEFT = 499
_LONGEST_PATH = 500


class JsonLines(logging.Formatter):
    """One JSON object a line; what a record's `extra={"fields": ...}` holds becomes entries."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class AccessLog:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and record what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _GOOD_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers.setdefault("Content-Security-Policy", "frame-ancestors 'none'")
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = _CLIENT_LEFT
        except Exception:
            LOG.exception("error", extra={"fields": {"request_id": request_id}})
            if status:  # half an answer is out; breaking it off is all that is left
                raise
            sorry = words(
                scope, 500, "something went wrong here; the server's log has it under the request id."
            )
            await sorry(scope, receive, send_with_id)
        finally:
            self._record(scope, request_id, status or _CLIENT_LEFT, time.perf_counter() - started)

    def _record(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        path = getattr(scope.get("route"), "path", "other")
        self._metrics.request(scope["method"], path, status, seconds)
        client = scope.get("client")
        fields = {
            "request_id": request_id,
            "method": scope["method"],
            "path": scope["path"][:_LONGEST_PATH],
            "status": status,
            "ms": round(seconds * 1000, 1),
            "client": client[0] if client else None,
            **scope.get("state", {}).get("notes", {}),
        }
        LOG.info("request", extra={"fields": fields})
