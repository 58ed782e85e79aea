"""What all endpoints of one app share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from seasift.service.access_log import ServiceMetrics
from seasift.service.image_queue import ImageQueue, Served
from seasift.service.jobs import Jobs
from seasift.service.settings import ServiceSettings

STOP_S = 10.0  # once no request is under way, for the images of jobs in hand and the threads


@dataclass
class Service:
    """Model, queue, settings.

    Attributes:
        jobs: None where no folder for them was named.
        card: the model card, Markdown; None where the model has none.
        draining: the server was told to stop: what is here is finished, and `/readyz` says no.
        stuck: it was stopped, but a thread did not end.
    """

    model: Served
    settings: ServiceSettings
    queue: ImageQueue
    metrics: ServiceMetrics
    jobs: Jobs | None = None
    card: str | None = None
    draining: bool = False
    stuck: bool = False

    def stop(self) -> None:
        """Finish what is in hand and end the threads, or know after `STOP_S` that one is stuck."""
        self.draining = True
        end = time.monotonic() + STOP_S
        jobs_ended = self.jobs is None or self.jobs.stop(STOP_S)
        queue_ended = self.queue.stop(max(0.1, end - time.monotonic()))
        self.stuck = not (jobs_ended and queue_ended)

    @property
    def reason(self) -> str:
        """Why requests are not taken; empty if they are."""
        if self.draining:
            return "shutting down"
        if self.jobs is not None and not self.jobs.alive:
            return "the thread of the jobs has ended"
        if not self.queue.warm:
            return "the model is not warm yet"
        if self.queue.stuck_s > self.settings.stuck_s:
            return f"all workers have been at one image for {self.queue.stuck_s:.0f} s"
        return ""


def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


WithService = Annotated[Service, Depends(_service)]
