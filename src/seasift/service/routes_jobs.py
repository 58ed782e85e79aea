"""Endpoints for long work."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from seasift.core.errors import NotFoundError
from seasift.inference.image_options import ImageOptions
from seasift.inference.image_prediction import choices_of
from seasift.service.jobs import NO_JOBS, Jobs, Wanted
from seasift.service.refusals import ERRORS, refusal
from seasift.service.routes_predict import NOT_EMPTY, AllClasses, Classes, Names, Threshold, only_known_fields
from seasift.service.schemas import JobSchema
from seasift.service.state import Service, WithService
from seasift.service.written import shown_names
from seasift.video.reading import FrameSampling

router = APIRouter(
    tags=["jobs"], responses={**ERRORS, 404: ERRORS[404]}, dependencies=[Depends(only_known_fields)]
)

FileName = Literal["predictions.json", "predictions.coco.json", "predictions.csv", "overlays.zip"]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_REF = "#/components/schemas/"
_JSON: dict[str, Any] = {"schema": {"anyOf": [{"$ref": f"{_REF}Document"}, {"$ref": f"{_REF}CocoAnswer"}]}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": _JSON, "text/csv": _BINARY, "application/zip": _BINARY}}
}

_EVERY = r"^\s*(0*[1-9]\d*|(\d*[1-9]\d*(\.\d*)?|\d*\.\d*[1-9]\d*)\s*s)\s*$"


@router.post("/v1/jobs", status_code=202)
async def create(
    request: Request,
    response: Response,
    service: WithService,
    file: Annotated[
        UploadFile, File(description="a zip archive of images, or a video", json_schema_extra=NOT_EMPTY)
    ],
    threshold: Threshold = None,
    classes: Classes = None,
    all_classes: AllClasses = False,
    names: Names = None,
    every: Annotated[
        str,
        Form(
            max_length=20,
            description="frames of a video: 30 is each 30th, 2s one each two seconds",
            json_schema_extra={"pattern": _EVERY},  # told, not checked: `FrameSampling` has the better words
        ),
    ] = "1s",
    overlays: Annotated[bool, Form(description="images with outlines, too")] = False,
) -> JobSchema:
    """Take long work: the answer names a job, whose address says how far it is."""
    jobs = _jobs(service)
    FrameSampling.parse(every)
    wanted = Wanted(
        client=client_of(request),
        file=shown_names([file.filename])[0],
        look=choices_of(
            ImageOptions(threshold=threshold, classes=classes, all_classes=all_classes),
            service.model.info,
            names=names,
        ),
        every=every,
        overlays=overlays,
    )
    job = await asyncio.to_thread(jobs.add, file.file, wanted)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return await _answer(service, job.id)


@router.get("/v1/jobs/{job_id}")
async def show(service: WithService, job_id: str) -> JobSchema:
    """How far a job is."""
    return await _answer(service, job_id)


@router.delete("/v1/jobs/{job_id}")
async def cancel(service: WithService, job_id: str) -> JobSchema:
    """Stop a job if it is not finished, and remove its files."""
    await asyncio.to_thread(_jobs(service).cancel, job_id)
    return await _answer(service, job_id)


@router.get("/v1/jobs/{job_id}/files/{name}", response_class=Response, responses=_FILE)
async def fetch(service: WithService, job_id: str, name: FileName) -> FileResponse:
    """One of the files that a finished job left."""
    return _JobFile(await asyncio.to_thread(_jobs(service).file, job_id, name), filename=name)


class _JobFile(FileResponse):
    """A file that somebody may remove before it is sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except RuntimeError:
            if Path(self.path).exists():
                raise
            gone = NotFoundError("the job was cancelled or has expired; its files are gone.")
            await refusal(scope, gone)(scope, receive, send)


def client_of(request: Request) -> str:
    """Whose jobs are counted together: those of one address."""
    return request.client.host if request.client else ""


def _jobs(service: Service) -> Jobs:
    if service.jobs is None:
        raise NotFoundError(NO_JOBS)
    return service.jobs


async def _answer(service: Service, job_id: str) -> JobSchema:
    job, done, failures, files = await asyncio.to_thread(_jobs(service).get, job_id)
    expires = None if job.finished is None else job.finished + service.settings.jobs_age_s
    return JobSchema(
        id=job.id,
        state=job.state,
        file=job.file,
        done=done,
        total=max(done, job.total),
        failures=failures,
        error=job.error,
        created=_time(job.created),
        finished=None if job.finished is None else _time(job.finished),
        expires=None if expires is None else _time(expires),
        files=files,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
