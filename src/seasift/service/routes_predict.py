"""Endpoints that look at images and answer at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from pydantic import WithJsonSchema

from seasift.core.errors import InputError, LimitError, SeasiftError
from seasift.formats.document import Document, FailedFile, complete
from seasift.inference.image_options import ImageOptions
from seasift.inference.image_prediction import choices_of, result_header
from seasift.service.image_queue import Seen, Task
from seasift.service.known_fields import only_known_fields
from seasift.service.refusals import ERRORS
from seasift.service.schemas import CocoSchema
from seasift.service.state import Service, WithService
from seasift.service.written import DOCUMENTS, MEDIA_TYPES, document_bytes, shown_names, to_zip

router = APIRouter(tags=["pictures"], responses=ERRORS, dependencies=[Depends(only_known_fields)])

Format = Literal["json", "coco", "csv", "overlay", "zip"]
NOT_EMPTY: dict[str, Any] = {"minLength": 1}
# A form has no null: what is not wanted is left out. So the description is without None, which stands for that here.
Score = Annotated[float | None, WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})]
Threshold = Annotated[
    Score,
    Form(ge=0, le=1, allow_inf_nan=False, description="leave out lower scores; the model's own without it"),
]
Classes = Annotated[
    list[str] | None,
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
    Form(description="look only for these; repeated or comma separated"),
]
AllClasses = Annotated[
    bool, Form(description="keep an object under every class that scores, not only under its best one")
]
Names = Annotated[
    Literal["class", "rollup"] | None,
    WithJsonSchema({"type": "string", "enum": ["class", "rollup"]}),
    Form(
        description="rollup: the class if it is sure enough, else trash, animal ..., else object; default: rollup with a "
        "model that has thresholds for it"
    ),
]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result in the form that was asked for.",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            **dict.fromkeys(("image/jpeg", "image/png", "application/zip"), _BINARY),
        },
    }
}


@router.post("/v1/predict", response_model=Document | CocoSchema, responses=_ANSWERS)
async def predict(
    request: Request,
    service: WithService,
    files: Annotated[
        list[UploadFile], File(min_length=1, description="images: JPEG, PNG, TIFF, WebP or BMP")
    ],
    threshold: Threshold = None,
    classes: Classes = None,
    all_classes: AllClasses = False,
    names: Names = None,
    format: Annotated[Format, Form(description="csv: a table; zip: all documents, overlays")] = "json",
    overlay_type: Annotated[Literal["jpeg", "png"], Form(description="of format overlay")] = "jpeg",
) -> Response:
    """Find and outline objects in one or several images.

    A bad image fails alone: it gets an entry in `failures`. If none is good, the answer is the first error.
    """
    if format == "overlay" and len(files) > 1:
        raise InputError(f"format overlay with {len(files)} images; expected one. Ask for format zip.")
    suffix = {"overlay": f".{overlay_type}", "zip": ".jpg"}.get(format)
    look = choices_of(
        ImageOptions(threshold=threshold, classes=classes, all_classes=all_classes),
        service.model.info,
        names=names,
    )
    shown = shown_names(upload.filename for upload in files)
    tasks = [
        Task(name, await upload.read(), look, overlay=suffix)
        for name, upload in zip(shown, await _admitted(request, service, files), strict=True)
    ]
    outcomes = await look_at(service, tasks)
    seen = [outcome for outcome in outcomes if isinstance(outcome, Seen)]
    failures = [
        FailedFile(file=name, error=" ".join(str(outcome).split()))
        for name, outcome in zip(shown, outcomes, strict=True)
        if not isinstance(outcome, Seen)
    ]
    note(request, images=len(files), failures=len(failures), objects=sum(len(s.entry.objects) for s in seen))
    if not seen:
        raise next(outcome for outcome in outcomes if isinstance(outcome, SeasiftError))
    if format == "overlay":
        return Response(seen[0].overlay, media_type=f"image/{overlay_type}")
    result = complete(result_header(service.model, look), [each.entry for each in seen], failures)
    data = await asyncio.to_thread(_encode, format, result, seen)
    return Response(data, media_type=MEDIA_TYPES[format])


def _encode(format: Format, result: Document, seen: Sequence[Seen]) -> bytes:
    if format == "zip":
        return to_zip(result, {each.entry.file: each.overlay or b"" for each in seen})
    return document_bytes(DOCUMENTS[("json", "coco", "csv").index(format)], result)


async def _admitted(request: Request, service: Service, files: Sequence[UploadFile]) -> Sequence[UploadFile]:
    most = service.settings.images_per_request
    if len(files) > most:
        raise LimitError(
            f"{len(files)} images; expected at most {most} in a request. Send a job to /v1/jobs."
        )
    request.state.slot.reserve(len(files))
    return files


async def look_at(service: Service, tasks: Sequence[Task]) -> list[Seen | SeasiftError]:
    """Look at images; each gives what was seen or its own error.

    Raises:
        Exception: one that is not of ours, which is a bug.
    """
    futures = [asyncio.wrap_future(service.queue.put(task)) for task in tasks]
    try:
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
    finally:
        for future in futures:
            future.cancel()
    for outcome in outcomes:
        if not isinstance(outcome, Seen | SeasiftError):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, Seen | SeasiftError)]


def note(request: Request, **values: object) -> None:
    """Have something written into the request's line of the log."""
    request.scope["state"].setdefault("notes", {}).update(values)
