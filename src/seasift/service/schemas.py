"""What the service answers, declared, so that the API's description is complete."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from seasift.core.classes import Group


class Schema(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ErrorSchema(Schema):
    """What went wrong."""

    error: Annotated[str, Field(description="what was got, what was expected and what to do, in one line")]
    request_id: Annotated[str, Field(description="the same as in the header X-Request-ID and in the log")]


class Health(Schema):
    """The process lives."""

    status: Literal["ok"] = "ok"
    seasift: Annotated[str, Field(description="version of the program")]


class Readiness(Schema):
    """Whether requests are taken."""

    ready: bool
    reason: Annotated[str, Field(description="why not; empty if ready")] = ""


class RollUpCard(Schema):
    """Minimum scores of rolled-up names, each right with `probability` on the data they were fitted on."""

    by_class: float
    by_supercategory: float
    by_object: float
    probability: float
    fitted_on: str


class ModelCard(Schema):
    """What the model file says about itself, and what runs it."""

    name: str
    sha256: Annotated[str, Field(description="of the model file")]
    head: str
    engine: str
    precision: str
    input_size_hw: Annotated[list[int], Field(min_length=2, max_length=2)]
    threshold: Annotated[float, Field(description="used unless a request says another")]
    max_objects: Annotated[int, Field(description="objects an image at most")]
    calibrated: Annotated[bool, Field(description="whether a score is the probability of being right")]
    rollup: Annotated[
        RollUpCard | None, Field(description="thresholds of rolled-up names; absent without")
    ] = None
    quantized: Annotated[str, Field(description="how it became 8-bit numbers; empty for float32")]
    classes: Annotated[int, Field(description="how many; /v1/labels names them")]
    training: dict[str, Any]
    figures: Annotated[dict[str, dict[str, float]], Field(description="by data set, by figure")]
    licence: str
    attribution: str


class Models(Schema):
    """The models that this server runs."""

    models: list[ModelCard]


class Label(Schema):
    """A class that the model knows."""

    class_id: Annotated[int, Field(description="index in the model, from 0")]
    category_id: Annotated[int, Field(description="as in the COCO file")]
    name: str
    colour: Annotated[str, Field(description="in overlays, as #rrggbb")]
    group: Annotated[Group, Field(description="by the first word of the name, as in TrashCan")]


class LabelsAnswer(Schema):
    """The classes of the model."""

    labels: list[Label]


class CocoImageEntry(Schema):
    """An image in COCO's form."""

    id: int
    file_name: str
    width: int
    height: int


class CocoCategory(Schema):
    """A class in COCO's form."""

    id: int
    name: str


class CocoAnnotationEntry(Schema):
    """A scored object in COCO's form."""

    id: int
    image_id: int
    category_id: int
    bbox: Annotated[list[float], Field(min_length=4, max_length=4)]
    area: float
    iscrowd: int
    score: float
    segmentation: dict[str, Any] | list[list[float]] | None = None


class CocoSchema(Schema):
    """Objects of all images in COCO's form; `annotations` alone is what `loadRes` takes."""

    info: dict[str, str]
    images: list[CocoImageEntry]
    categories: list[CocoCategory]
    annotations: list[CocoAnnotationEntry]


class DetectionLists(Schema):
    """What a client of a plain YOLACT service reads: four lists of one length, best object first."""

    boxes: Annotated[list[list[float]], Field(description="x1, y1, x2, y2 in px of the image")]
    classes: Annotated[list[int], Field(description="index in the model, from 0")]
    scores: list[float]
    masks: Annotated[
        list[dict[str, Any] | list[list[int]] | list[list[float]] | None],
        Field(description="COCO run lengths; or rows of 0 and 1; or outlines; null without masks"),
    ]
    labels: Annotated[list[str], Field(description="names of the classes")]


class Cuda(Schema):
    """Whether a GPU does the work."""

    cuda: bool
    engine: str
    precision: str


class JobSchema(Schema):
    """A job and how far it is."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    file: Annotated[str, Field(description="name of the upload, as given")]
    done: Annotated[int, Field(description="images that are finished, failures included")]
    total: Annotated[int, Field(description="images in all; of a video an estimate")]
    failures: Annotated[int, Field(description="images that gave no result; the documents say why")]
    error: Annotated[str, Field(description="why the job failed; else empty")]
    created: datetime
    finished: datetime | None
    expires: Annotated[datetime | None, Field(description="when results are removed at the latest")]
    files: Annotated[list[str], Field(description="below /v1/jobs/{id}/files/")]
