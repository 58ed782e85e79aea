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
from seasift.data.partial_labels import fully_labelled
from seasift.data.prepared import DataSplit, resolve_split
from seasift.models.catalog import FAMILIES
from seasift.recipes.recipe import Recipe
from seasift.training.batches import process_of


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

    def chosen(name: str) -> DataSplit:
        return resolve_split(
            Path(str(data.path)),
            labels=data.labels,
            masks=data.masks,
            scheme=data.scheme,
            split=name,
            cache=Path(data.cache) if data.cache else None,
        )

    learn = chosen(data.train)
    if data.overfit:
        few = _thin(learn, data.overfit)
        return few, replace(few, coco=fully_labelled(few.coco))
    val = chosen(data.val)
    val = replace(val, coco=fully_labelled(val.coco))
    if not val.coco.images:
        raise RecipeError(
            f"data.val: {val.name} has no fully labelled images; expected some to validate on. Name another split"
        )
    return learn, (_thin(val, data.val_limit) if data.val_limit else val)


def open_images(
    learn: DataSplit, spec: InputSpec, recipe: Recipe, progress: Callable[[int, int], None] | None = None
) -> ImageCache:
    """The decoded images of a split as a network wants them; `progress` is told (done, in all).

    Raises:
        RecipeError: the network cannot learn from labels that leave so much open.
    """
    cache = open_cache(learn, spec, _cache_folder(recipe), progress=progress)
    known = FAMILIES[recipe.model.arch].partial_labels
    wanting = [kind for kind in (cache.partial.kinds if cache.partial else ()) if kind not in known]
    if wanting:
        able = [arch for arch, family in FAMILIES.items() if set(wanting) <= set(family.partial_labels)]
        raise RecipeError(
            f"model.arch: got {recipe.model.arch} for {learn.name}, which has {' and '.join(wanting)}; expected one of "
            f"{', '.join(able)}. Choose a recipe with such a network, or data with full labels"
        )
    return cache


def _thin(split: DataSplit, count: int) -> DataSplit:
    """Some of the images that have objects, spread evenly over the split."""
    busy = [image.file_name for image in split.coco.images if split.coco.annotations_of(image.id)]
    indices = np.linspace(0, len(busy) - 1, min(count, len(busy))).round().astype(int)
    few = split.coco.subset({busy[index] for index in indices})
    return replace(split, coco=few, name=f"{split.name}[{count}]")


def _cache_folder(recipe: Recipe) -> Path:
    if recipe.data.cache:
        return Path(recipe.data.cache)
    path = Path(str(recipe.data.path))
    return path / "cache" if path.is_dir() else path.parent / "cache"


class EvaluationImages(Dataset[tuple[int, UInt8]]):
    """A process's share of a split, as (image id, image); all of it if some process would have nothing."""

    def __init__(self, split: DataSplit) -> None:
        self._split = split

    def __len__(self) -> int:
        return len(self._share())

    def __getitem__(self, index: int) -> tuple[int, UInt8]:
        image = self._share()[index]
        return image.id, read_image(self._split.images_dir / image.file_name)

    def _share(self) -> tuple[CocoImage, ...]:
        rank, ranks = process_of()  # not known before the trainer starts
        images = self._split.coco.images
        return images[rank::ranks] if len(images) >= ranks else images
