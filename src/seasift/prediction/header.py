"""The head of a result document: what a result depends on besides the images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seasift import __version__
from seasift.core.instances import Category
from seasift.formats import document
from seasift.inference.image_prediction import Choices
from seasift.inference.tiling import Tiling


class DescribedModel(Protocol):
    """What the head says of a model; `OnnxPredictor` is one."""

    sha256: str

    @property
    def name(self) -> str:
        """What the model calls itself."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes; the index is the `class_id`."""

    @property
    def engine(self) -> str:
        """Name of the engine."""

    @property
    def precision(self) -> str:
        """What the engine computes in."""


def result_header(model: DescribedModel, choices: Choices) -> document.Settings:
    """The head of the result document of a model and what was looked for."""
    tiling = choices.tiling
    return document.Settings(
        seasift=__version__,
        model=document.ModelEntry(name=model.name, sha256=model.sha256),
        engine=model.engine,
        precision=model.precision,
        threshold=choices.threshold,
        max_objects=choices.max_objects,
        tile=tile_entry(tiling, choices.max_objects_a_tile) if tiling else None,
        classes=chosen_names(model.categories, choices.class_ids),
        once=None if choices.all_classes else True,
        names="rollup" if choices.rollup else None,
        categories=[document.CategoryEntry(id=c.id, name=c.name) for c in model.categories],
    )


def chosen_names(categories: Sequence[Category], class_ids: Sequence[int] | None) -> list[str] | None:
    """Names of the classes that are looked for; None for all."""
    return None if class_ids is None else [categories[i].name for i in class_ids]


def tile_entry(tiling: Tiling, max_objects_a_tile: int) -> document.TileEntry:
    """Tiles as results record them."""
    (height, width), (overlap_y, overlap_x) = tiling.grid.tile_hw, tiling.grid.overlap_hw
    return document.TileEntry(
        width=width,
        height=height,
        overlap_x=overlap_x,
        overlap_y=overlap_y,
        whole=tiling.whole,
        max_objects=max_objects_a_tile,
    )
