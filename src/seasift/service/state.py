"""What all endpoints of one app share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from seasift.service.jobs import Jobs
from seasift.service.metrics import Metrics
from seasift.service.picture_queue import PictureQueue
from seasift.service.served import Served
from seasift.service.settings import Settings


@dataclass
class Service:
    """Model, queue, settings.

    Attributes:
        jobs: None where no folder for them was named.
        card: the model card, Markdown; None where the model has none.
        draining: the server was told to stop: what is here is finished, and `/readyz` says no.
    """

    model: Served
    settings: Settings
    queue: PictureQueue
    metrics: Metrics
    jobs: Jobs | None = None
    card: str | None = None
    draining: bool = False

    @property
    def reason(self) -> str:
        """Why requests are not taken; empty if they are."""
        if self.draining:
            return "shutting down"
        return "" if self.queue.warm else "the model is not warm yet"


def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


WithService = Annotated[Service, Depends(_service)]
