"""Endpoints that predict images at once: POST /v1/predict, and POST /detection for clients of a plain YOLACT service.

A field that no endpoint knows is an error: a mistyped `treshold` would otherwise be ignored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, HTTPException, Query, Request, Response, UploadFile
from fastapi.dependencies.models import Dependant
from pydantic import WithJsonSchema

from seasift.core.errors import InputError, LimitError, SeasiftError, expected
from seasift.core.instances import Instances
from seasift.formats.document import Document, FailedFile, complete
from seasift.inference.image_options import ImageOptions
from seasift.inference.image_prediction import choices_of, result_header
from seasift.service.image_queue import QueueResult, QueueTask
from seasift.service.refusals import ERRORS
from seasift.service.schemas import CocoSchema, DetectionLists
from seasift.service.state import Service, WithService
from seasift.service.written import DOCUMENTS, MEDIA_TYPES, document_bytes, shown_names, to_zip


async def only_known_fields(request: Request) -> None:
    """Dependency of a router: refuse fields of the form and of the address that its endpoint does not name.

    Raises:
        HTTPException: 422, which names the field and the nearest known one.
    """
    dependant: Dependant = request.scope["route"].dependant
    _check(request.query_params, [param.alias for param in dependant.query_params], "the address")
    if request.method == "POST":
        _check(await request.form(), [param.alias for param in dependant.body_params], "the form")


def _check(given: Iterable[str], known: list[str], where: str) -> None:
    for name in given:
        if name not in known:
            shown = "".join(c if c.isprintable() else "_" for c in name[:50])
            what = expected(name[:50], known)
            raise HTTPException(
                422, f"{shown}: no such field in {where}; {what}{'' if what.endswith('?') else '.'}"
            )


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
        QueueTask(name, await upload.read(), look, overlay=suffix)
        for name, upload in zip(shown, await _admitted(request, service, files), strict=True)
    ]
    outcomes = await look_at(service, tasks)
    seen = [outcome for outcome in outcomes if isinstance(outcome, QueueResult)]
    failures = [
        FailedFile(file=name, error=" ".join(str(outcome).split()))
        for name, outcome in zip(shown, outcomes, strict=True)
        if not isinstance(outcome, QueueResult)
    ]
    note(request, images=len(files), failures=len(failures), objects=sum(len(s.entry.objects) for s in seen))
    if not seen:
        raise next(outcome for outcome in outcomes if isinstance(outcome, SeasiftError))
    if format == "overlay":
        return Response(seen[0].overlay, media_type=f"image/{overlay_type}")
    result = complete(result_header(service.model, look), [each.entry for each in seen], failures)
    data = await asyncio.to_thread(_encode, format, result, seen)
    return Response(data, media_type=MEDIA_TYPES[format])


def _encode(format: Format, result: Document, seen: Sequence[QueueResult]) -> bytes:
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


async def look_at(service: Service, tasks: Sequence[QueueTask]) -> list[QueueResult | SeasiftError]:
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
        if not isinstance(outcome, QueueResult | SeasiftError):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, QueueResult | SeasiftError)]


def note(request: Request, **values: object) -> None:
    """Have something written into the request's line of the log."""
    request.scope["state"].setdefault("notes", {}).update(values)


Masks = Literal["rle", "bitmap", "polygons"]
_MOST_VALUES = 20_000_000


@router.post("/detection")
async def detection(
    request: Request,
    service: WithService,
    file: Annotated[
        UploadFile, File(description="an image: JPEG, PNG, TIFF, WebP or BMP", json_schema_extra=NOT_EMPTY)
    ],
    threshold: Annotated[
        Score,
        Query(ge=0, le=1, allow_inf_nan=False, description="leave out lower scores"),
    ] = None,
    masks: Annotated[
        Masks, Query(description="COCO run lengths, rows of 0 and 1, or outlines whose holes are filled")
    ] = "rle",
) -> DetectionLists:
    """Find and outline objects in one image; of an image without objects the lists are empty."""
    look = choices_of(ImageOptions(threshold=threshold), service.model.info)
    task = QueueTask(shown_names([file.filename])[0], await file.read(), look)
    (outcome,) = await look_at(service, [task])
    if not isinstance(outcome, QueueResult):
        raise outcome
    note(request, images=1, objects=len(outcome.instances))
    return await asyncio.to_thread(_lists, outcome.instances, service, masks)


def _lists(found: Instances, service: Service, form: Masks) -> DetectionLists:
    height, width = found.size_hw
    if form == "bitmap" and len(found) * height * width > _MOST_VALUES:
        raise LimitError(
            f"{len(found)} masks of {width} x {height} px as rows of 0 and 1; expected at most "
            f"{_MOST_VALUES:,} values. Ask for masks=rle."
        )
    class_ids = [int(class_id) for class_id in found.class_ids]
    return DetectionLists(
        boxes=found.boxes_xyxy.astype(float).round(3).tolist(),
        classes=class_ids,
        scores=[float(str(score)) for score in found.scores],
        masks=[_mask(found, i, form) for i in range(len(found))],
        labels=[service.model.categories[class_id].name for class_id in class_ids],
    )


def _mask(
    found: Instances, i: int, form: Masks
) -> dict[str, object] | list[list[int]] | list[list[float]] | None:
    if found.masks is None:
        return None
    mask = found.masks[i]
    if form == "bitmap":
        rows: list[list[int]] = mask.bitmap(found.size_hw).astype(int).tolist()
        return rows
    return mask.polygons() if form == "polygons" else mask.rle(found.size_hw)
