"""What the service counts, for Prometheus."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from seasift.service.image_queue import ImageQueue, Seen

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = {"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"}
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
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

    def seen(self, seen: Seen) -> None:
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
