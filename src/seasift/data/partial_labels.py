"""Labels that say less than a class and a mask: the fields of a COCO document, and what a training cache keeps of them.

Fields, all optional; a document without them is fully labelled:

* `images[].background_labelled`: false if objects may be missing from the annotations.
* `images[].source`: the data set that the image came from.
* `images[].video`: the video that the image came from.
* `annotations[].class_set`: category ids; the object is of one of these classes. `category_id` is one of them.
* `annotations[].loose_box`: true if the box holds the object but its edges are not exact.
* `annotations[].segmentation`: `[]` or missing if the object has a box only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seasift.core.types import Bool
from seasift.data.segmentation import is_integer, kind_of

if TYPE_CHECKING:
    from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage

COARSE, NO_MASK, LOOSE, OPEN = (
    "coarse classes",
    "objects without masks",
    "loose boxes",
    "unlabelled background",
)


@dataclass(frozen=True)
class PartialLabels:
    """What is known of M objects on N images, in the order of a cache.

    Attributes:
        class_sets: (M, C) bool, the classes that each object may be of.
        masked: (M,) bool, objects whose mask is known.
        tight: (M,) bool, objects whose box has exact edges.
        labelled: (N,) bool, images on which every object is annotated.
    """

    class_sets: Bool
    masked: Bool
    tight: Bool
    labelled: Bool

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is missing from the labels, in words."""
        found = {
            COARSE: bool((self.class_sets.sum(1) > 1).any()),
            NO_MASK: not bool(self.masked.all()),
            LOOSE: not bool(self.tight.all()),
            OPEN: not bool(self.labelled.all()),
        }
        return tuple(kind for kind, there in found.items() if there)


def partial_labels_of(
    dataset: CocoDataset, images: Sequence[CocoImage], objects: Sequence[CocoAnnotation]
) -> PartialLabels | None:
    """Partial labels of images and their objects; None if all are fully labelled."""
    if all(image.background_labelled for image in images) and all(map(is_full, objects)):
        return None
    class_of = {category.id: index for index, category in enumerate(dataset.categories)}
    class_sets = np.zeros((len(objects), len(class_of)), dtype=bool)
    for row, annotation in zip(class_sets, objects, strict=True):
        row[[class_of[k] for k in annotation.class_set or (annotation.category_id,)]] = True
    return PartialLabels(
        class_sets,
        np.array([annotation.has_mask for annotation in objects], dtype=bool),
        np.array([not annotation.loose_box for annotation in objects], dtype=bool),
        np.array([image.background_labelled for image in images], dtype=bool),
    )


def is_full(annotation: CocoAnnotation) -> bool:
    """Whether an object has one class, a mask and an exact box."""
    return annotation.has_mask and not annotation.class_set and not annotation.loose_box


def defect_of_class_set(value: Any, category_id: Any, known: Collection[int]) -> str | None:
    """What is wrong with an annotation's `class_set`, in words; None if nothing is.

    Args:
        value: as in the file.
        category_id: of the annotation.
        known: ids of the document's categories.
    """
    if not isinstance(value, list) or len(value) < 2 or not all(map(is_integer, value)):
        return f"class_set is {kind_of(value)}; expected a list of at least two category ids"
    if len(set(value)) < len(value):
        return f"class_set is {value}; expected each category id once"
    strangers = [number for number in value if number not in known]
    if strangers:
        return f"class_set names the unknown category {strangers[0]}; expected ids of the categories"
    if category_id not in value:
        return f"class_set {value} lacks the category_id {category_id}; expected it to be one of the set"
    return None


def defect_of_flag(item: Mapping[str, Any], key: str) -> str | None:
    """What is wrong with a field that is missing, true or false, in words; None if nothing is."""
    value = item.get(key)
    return (
        None
        if value is None or isinstance(value, bool)
        else f"{key} is {kind_of(value)}; expected true or false"
    )
