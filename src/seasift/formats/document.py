"""seasift's own result document, `seasift-predictions/1`, from which the other formats are made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from seasift.core.files import replacing
from seasift.core.instances import Category, Instances
from seasift.core.masks import MaskCrop, from_coco
from seasift.core.rollup import LEVELS, RolledUp
from seasift.core.tiling import TileGrid

SCHEMA: Literal["seasift-predictions/1"] = "seasift-predictions/1"

_Count = Annotated[int, Field(ge=0)]
_Side = Annotated[int, Field(ge=1)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Text = Annotated[str, Field(min_length=1)]


class Entry(BaseModel):
    """A part of the document: no unknown keys, no conversions, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Rle(Entry):
    """A mask as COCO's compressed run lengths."""

    size: Annotated[list[_Side], Field(min_length=2, max_length=2, description="height, width, px")]
    counts: str


class RolledName(Entry):
    """Name of an object at the finest level with a sufficient score."""

    name: Annotated[_Text, Field(description="class, supercategory or object")]
    level: Literal["class", "supercategory", "object"]
    score: Annotated[_Share, Field(description="score at that level")]


class FoundObject(Entry):
    """One object."""

    category_id: int
    name: Annotated[_Text, Field(description="of the category")]
    score: _Share
    rollup: Annotated[
        RolledName | None,
        Field(description="with $.names rollup; category_id, name and score are the class's"),
    ] = None
    box_xywh: Annotated[
        list[float],
        Field(
            min_length=4, max_length=4, description="left, top, width, height, px from the left top corner"
        ),
    ]
    area_px: Annotated[_Count | None, Field(description="pixels of the mask; absent without a mask")] = None
    mask: Annotated[Rle | None, Field(description="exact mask")] = None
    polygons: Annotated[
        list[list[float]] | None,
        Field(description="outer outlines [x1, y1, x2, y2, ...], px; holes are filled"),
    ] = None


class Image(Entry):
    """One image or video frame, and what is in it, best first."""

    file: Annotated[_Text, Field(description="as given; a frame is named clip.mp4#frame=12; - is stdin")]
    width: _Side
    height: _Side
    frame: Annotated[_Count | None, Field(description="index in the video, from 0")] = None
    time_s: Annotated[float | None, Field(description="time in the video, seconds")] = None
    pages: Annotated[
        int | None, Field(ge=2, description="pages of the TIFF, of which the first was read; absent: one")
    ] = None
    objects: list[FoundObject]


class FailedFile(Entry):
    """An input without a result, or a video that ended early after some frames."""

    file: _Text
    error: Annotated[_Text, Field(description="what was got, what was expected and what to do, in one line")]


class ModelEntry(Entry):
    """Which model was used."""

    name: _Text
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the model file")]


class CategoryEntry(Entry):
    """A class that the model knows."""

    id: int
    name: _Text


class TileEntry(Entry):
    """How images were cut into tiles, each evaluated alone."""

    width: _Side
    height: _Side
    overlap_x: Annotated[_Side, Field(description="minimum overlap of neighbours in a row, px")]
    overlap_y: Annotated[_Side, Field(description="minimum overlap of neighbours in a column, px")]
    whole: Annotated[bool, Field(description="the whole image was evaluated as an additional tile")]
    max_objects: Annotated[int, Field(ge=1, description="at most this many objects per tile")]

    @classmethod
    def of(cls, grid: TileGrid, *, whole: bool, max_objects: int) -> TileEntry:
        """Describe a grid.

        Args:
            whole: whether the whole image was evaluated, too.
            max_objects: maximum number of objects in a tile.
        """
        (height, width), (overlap_y, overlap_x) = grid.tile_hw, grid.overlap_hw
        return cls(
            width=width,
            height=height,
            overlap_x=overlap_x,
            overlap_y=overlap_y,
            whole=whole,
            max_objects=max_objects,
        )


class Settings(Entry):
    """Settings of a prediction: everything that a result depends on besides the images."""

    schema_version: Annotated[Literal["seasift-predictions/1"], Field(alias="schema")] = SCHEMA
    seasift: Annotated[_Text, Field(description="version of the program")]
    model: ModelEntry
    engine: _Text
    precision: Annotated[_Text, Field(description="precision of the engine: f32, bf16 or f16")]
    threshold: Annotated[_Share, Field(description="minimum score; objects below it are absent")]
    max_objects: Annotated[int, Field(ge=1, description="at most this many objects per image")]
    classes: Annotated[
        list[_Text] | None, Field(description="only these classes were searched; absent: all")
    ] = None
    once: Annotated[
        bool | None,
        Field(
            description="only the best class of each object is kept; absent: every class above the threshold"
        ),
    ] = None
    names: Annotated[
        Literal["rollup"] | None,
        Field(
            description="objects are named by the finest level with a sufficient score; absent: by their classes"
        ),
    ] = None
    tile: Annotated[TileEntry | None, Field(description="absent: images were not tiled")] = None
    categories: Annotated[list[CategoryEntry], Field(min_length=1)]


class Document(Settings):
    """The whole result."""

    images: list[Image]
    failures: list[FailedFile]


def image_entry(
    file: str,
    instances: Instances,
    categories: Sequence[Category],
    *,
    frame: int | None = None,
    time_s: float | None = None,
    rolled: RolledUp | None = None,
    pages: int = 1,
) -> Image:
    """The objects of one image as an entry, with exact masks. Boxes are rounded to 0.001 px, scores are not.

    `rolled` holds the names of these objects from `core.rollup`, `pages` is the number of pages of the file.
    """
    names = (
        [None] * len(instances)
        if rolled is None
        else [_rolled_name(rolled, i) for i in range(len(instances))]
    )
    masks: Sequence[MaskCrop | None] = instances.masks or [None] * len(instances)
    objects = []
    for box, score, class_id, mask, named in zip(
        instances.boxes_xyxy.astype(float),
        instances.scores,
        instances.class_ids,
        masks,
        names,
        strict=True,
    ):
        category = categories[int(class_id)]
        corner, size = box[:2].round(3), (box[2:] - box[:2]).round(3)
        objects.append(
            FoundObject(
                category_id=category.id,
                name=category.name,
                score=_decimal(score),
                rollup=named,
                box_xywh=[*corner.tolist(), *size.tolist()],
                area_px=mask.area if mask else None,
                mask=Rle(**mask.rle(instances.size_hw)) if mask else None,
            )
        )
    height, width = instances.size_hw
    return Image(
        file=file,
        width=width,
        height=height,
        frame=frame,
        time_s=time_s,
        pages=pages if pages > 1 else None,
        objects=objects,
    )


def _decimal(score: np.float32) -> float:
    """The shortest decimal that is this float32."""
    return float(str(score))


def _rolled_name(rolled: RolledUp, index: int) -> RolledName:
    level = cast(Literal["class", "supercategory", "object"], LEVELS[int(rolled.levels[index])])
    return RolledName(name=rolled.names[index], level=level, score=_decimal(rolled.scores[index]))


def labels_of(image: Image) -> list[str] | None:
    """Labels of the objects of an entry: rolled-up name and score; None if there are none."""
    rolled = [found.rollup for found in image.objects if found.rollup]
    if not rolled or len(rolled) < len(image.objects):
        return None
    return [f"{each.name} {each.score:.2f}" for each in rolled]


def instances_of(image: Image, categories: Sequence[Category]) -> Instances:
    """The objects that were given to `image_entry`, with rounded boxes. Masks must be exact or absent."""
    indices = {category.id: index for index, category in enumerate(categories)}
    size_hw = (image.height, image.width)
    boxes = np.array([found.box_xywh for found in image.objects], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    masks = [from_coco(found.mask.model_dump(), size_hw) for found in image.objects if found.mask]
    return Instances(
        boxes.astype(np.float32),
        np.array([found.score for found in image.objects], np.float32),
        np.array([indices[found.category_id] for found in image.objects], np.int64),
        size_hw,
        tuple(masks) if len(masks) == len(image.objects) else None,
    )


def complete(settings: Settings, images: Sequence[Image], failures: list[FailedFile]) -> Document:
    """The whole document. `images` may be any sequence; a lazy one is written one by one."""
    shared = {key: value for key, value in settings if key != "schema_version"}
    return Document.model_construct(**shared, images=cast(list[Image], images), failures=failures)


def with_polygons(image: Image) -> Image:
    """The same entry with outlines instead of exact masks."""
    size_hw = (image.height, image.width)
    objects = [
        found.model_copy(
            update={"mask": None, "polygons": from_coco(found.mask.model_dump(), size_hw).polygons()}
        )
        if found.mask
        else found
        for found in image.objects
    ]
    return image.model_copy(update={"objects": objects})


def plain(entry: Entry) -> dict[str, Any]:
    """An entry as JSON values, without absent fields."""
    return entry.model_dump(mode="json", by_alias=True, exclude_none=True)


def text_parts(document: Document, *, masks: str = "rle") -> Iterator[str]:
    """The document as JSON, in parts: one line for each image, category and failure, for people and diffs.

    Args:
        masks: "rle", or "polygons" for outlines instead.
    """
    images = document.images
    frame = plain(document.model_copy(update={"images": []}))
    yield "{\n"
    for index, (key, value) in enumerate(frame.items()):
        yield (",\n" if index else "") + f' "{key}": '
        if key == "images" and images:
            yield from _rows(plain(with_polygons(each) if masks == "polygons" else each) for each in images)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from _rows(value)
        else:
            yield json.dumps(value, ensure_ascii=False)
    yield "\n}\n"


def _rows(values: Iterable[dict[str, Any]]) -> Iterator[str]:
    for index, value in enumerate(values):
        yield (",\n  " if index else "[\n  ") + json.dumps(value, ensure_ascii=False, allow_nan=False)
    yield "\n ]"


def to_text(document: Document, *, masks: str = "rle") -> str:
    """The document as JSON; see `text_parts`."""
    return "".join(text_parts(document, masks=masks))


def write(path: Path, document: Document, *, masks: str = "rle") -> None:
    """Write the document, whole or not at all."""
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(text_parts(document, masks=masks))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the document; `predictions-1.schema.json` beside this file holds it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Document.model_json_schema(by_alias=True),
    }
