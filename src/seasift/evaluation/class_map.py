"""Evaluate a model whose classes are not those of the data, by a map from the ones to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seasift.core.boxes import class_agnostic_nms
from seasift.core.classes import parse_classes
from seasift.core.errors import InputError, hint
from seasift.core.instances import Category, Instances, Predictor
from seasift.core.types import UInt8
from seasift.data.coco import CocoDataset


@dataclass(frozen=True)
class ClassMap:
    """What is evaluated.

    Attributes:
        targets: names in the order of the data: classes of it, or supercategories that stand for all of theirs.
        of_model: class of the model to its target.
    """

    targets: tuple[str, ...]
    of_model: Mapping[str, str]

    @classmethod
    def of(cls, pairs: Mapping[str, str], model: Sequence[Category], data: Sequence[Category]) -> ClassMap:
        """Resolve pairs of names.

        Args:
            pairs: classes or supercategories of the model to classes or supercategories of the data.
            model, data: their classes.
        Raises:
            InputError: an unknown name, or two targets with a class in common.
        """
        of_model: dict[str, str] = {}
        for name, target in pairs.items():
            for member in _members(name, model, "the model"):
                of_model[member] = target
        members = {target: _members(target, data, "the data") for target in dict.fromkeys(of_model.values())}
        known = [category.name for category in data]
        owner: dict[str, str] = {}
        for target, names in members.items():
            for name in names:
                if owner.setdefault(name, target) != target:
                    raise InputError(
                        f"--map: {name!r} belongs to {owner[name]!r} and to {target!r}; expected targets without a class in "
                        "common."
                    )
        order = sorted(members, key=lambda target: min(known.index(name) for name in members[target]))
        return cls(tuple(order), of_model)

    def truth(self, coco: CocoDataset) -> CocoDataset:
        """The data with the targets for classes; objects of other classes are left out."""
        return mapped_truth(coco, self.targets)


def mapped_truth(coco: CocoDataset, targets: Sequence[str]) -> CocoDataset:
    """A data set with some of its classes, or supercategories of them, for classes; ids from 1.

    Raises:
        InputError: an unknown name.
    """
    categories = tuple(Category(index, name) for index, name in enumerate(targets, start=1))
    ids = {category.name: category.id for category in coco.categories}
    target_of = {
        ids[name]: category.id
        for category in categories
        for name in _members(category.name, coco.categories, "the data")
    }
    annotations = tuple(
        replace(each, category_id=target_of[each.category_id])
        for each in coco.annotations
        if each.category_id in target_of
    )
    return CocoDataset(categories, coco.images, annotations)


def _members(name: str, classes: Sequence[Category], whose: str) -> list[str]:
    names = [category.name for category in classes]
    try:
        return parse_classes([name], names, groups=[category.group for category in classes])
    except InputError:
        raise InputError(
            f"--map: {name!r}{hint(name, names)} is no class of {whose}; expected one of {', '.join(names)}."
        ) from None


class MappedPredictor:
    """A model that gives the targets of a map; implements `core.instances.Predictor`.

    Objects of classes without a target are left out. Of objects that overlap, and whose different classes have one
    target, the best is kept.
    """

    def __init__(self, model: Predictor, class_map: ClassMap) -> None:
        """Put a map behind a model."""
        self._model = model
        self._categories = tuple(
            Category(index, name) for index, name in enumerate(class_map.targets, start=1)
        )
        index = {name: number for number, name in enumerate(class_map.targets)}
        self._target = np.array(
            [index.get(class_map.of_model.get(category.name, ""), -1) for category in model.categories],
            np.int64,
        )

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def categories(self) -> tuple[Category, ...]:
        """The targets."""
        return self._categories

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        """See `core.instances.Predictor`."""
        found = self._model.predict(images_rgb_u8, threshold=threshold, max_objects=max_objects)
        return [self._mapped(each) for each in found]

    def _mapped(self, found: Instances) -> Instances:
        targets = self._target[found.class_ids]
        indexed = replace(
            found, scores=np.arange(len(found), dtype=np.float32), masks=None, class_scores=None
        )
        kept = [
            class_agnostic_nms(indexed.take(targets == target)).scores.astype(np.int64)
            for target in np.unique(targets[targets >= 0])
        ]
        rows = np.sort(np.concatenate(kept)) if kept else np.zeros(0, np.int64)
        return replace(
            found.take(rows), class_ids=targets[rows], categories=self._categories, class_scores=None
        )
