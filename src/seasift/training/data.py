"""What a run learns from and what it is judged on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from seasift.core.errors import RecipeError
from seasift.core.image import read_image
from seasift.core.prepare import InputSpec
from seasift.core.types import UInt8
from seasift.data.cache import ImageCache, open_cache
from seasift.data.coco import CocoImage
from seasift.data.prepared import DataSplit, resolve_split
from seasift.training.batches import process_of
from seasift.training.recipe import Recipe


def data_splits(recipe: Recipe) -> tuple[DataSplit, DataSplit]:
    """What a recipe learns from and what it is judged on.

    Raises:
        RecipeError: no data. DatasetError: it cannot be used.
    """
    data = recipe.data
    if data.path is None:
        raise RecipeError(
            "no data: got neither --data nor data.path; expected a prepared data set or COCO file"
        )

    def part(name: str) -> DataSplit:
        return resolve_split(
            Path(str(data.path)), labels=data.labels, masks=data.masks, split=data.split, part=name
        )

    learn = part(data.train)
    if data.overfit:
        few = _thin(learn, data.overfit)
        return few, few
    val = part(data.val)
    return learn, (_thin(val, data.val_limit) if data.val_limit else val)


def open_images(
    learn: DataSplit, spec: InputSpec, recipe: Recipe, progress: Callable[[int, int], None] | None = None
) -> ImageCache:
    """The decoded images of a part as a network wants them; `progress` is told (done, in all)."""
    return open_cache(learn, spec, _cache_folder(recipe), progress=progress)


def _thin(part: DataSplit, count: int) -> DataSplit:
    """Some of the images that have objects, spread evenly over the part."""
    busy = [image.file_name for image in part.coco.images if part.coco.annotations_of(image.id)]
    indices = np.linspace(0, len(busy) - 1, min(count, len(busy))).round().astype(int)
    few = part.coco.subset({busy[index] for index in indices})
    return replace(part, coco=few, name=f"{part.name}[{count}]")


def _cache_folder(recipe: Recipe) -> Path:
    if recipe.data.cache:
        return Path(recipe.data.cache)
    path = Path(str(recipe.data.path))
    return path / "cache" if path.is_dir() else path.parent / "cache"


class EvaluationImages(Dataset[tuple[int, UInt8]]):
    """A process's share of a part, as (image id, image); all of it if some process would have nothing."""

    def __init__(self, part: DataSplit) -> None:
        self._part = part

    def __len__(self) -> int:
        return len(self._share())

    def __getitem__(self, index: int) -> tuple[int, UInt8]:
        image = self._share()[index]
        return image.id, read_image(self._part.images_dir / image.file_name)

    def _share(self) -> tuple[CocoImage, ...]:
        rank, ranks = process_of()  # not known before the trainer starts
        images = self._part.coco.images
        return images[rank::ranks] if len(images) >= ranks else images
