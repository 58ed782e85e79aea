"""POST /detection, for clients of a plain YOLACT service: one image in, four lists out."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Query, Request, UploadFile

from seasift.core.errors import LimitError
from seasift.core.instances import Instances
from seasift.inference.image_options import ImageOptions
from seasift.inference.image_prediction import choices_of
from seasift.service.image_queue import Seen, Task
from seasift.service.known_fields import only_known_fields
from seasift.service.refusals import ERRORS
from seasift.service.routes_predict import NOT_EMPTY, Score, look_at, note
from seasift.service.schemas import DetectionLists
from seasift.service.state import Service, WithService
from seasift.service.written import shown_names

router = APIRouter(tags=["pictures"], responses=ERRORS, dependencies=[Depends(only_known_fields)])

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
    task = Task(shown_names([file.filename])[0], await file.read(), look)
    (outcome,) = await look_at(service, [task])
    if not isinstance(outcome, Seen):
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
