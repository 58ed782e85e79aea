"""Partial labels, with less than a class and a mask: their fields in a COCO document, and their form in a training cache.

Fields, all optional; a document without them is fully labelled:

* `images[].background_labelled`: false if objects may be missing from the annotations.
* `images[].source`: the data set that the image came from.
* `images[].video`: the video that the image came from.
* `annotations[].class_set`: category ids; the object is of one of these classes. `category_id` is one of them.
* `annotations[].loose_box`: true if the box contains the object but has no exact edges.
* `annotations[].segmentation`: `[]` or missing if the object has only a box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seasift.core.types import Bool

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
    """Known parts of the labels of M objects on N images, in the order of a cache.

    Attributes:
        class_sets: (M, C) bool, the possible classes of each object.
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
        """The missing parts of the labels, in words."""
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


def fully_labelled(dataset: CocoDataset) -> CocoDataset:
    """The images that can be evaluated: every object is annotated with one class and an exact box."""
    vague = {a.image_id for a in dataset.annotations if a.class_set or a.loose_box}
    vague |= {image.id for image in dataset.images if not image.background_labelled}
    if not vague:
        return dataset
    return dataset.subset({image.file_name for image in dataset.images if image.id not in vague})


def is_full(annotation: CocoAnnotation) -> bool:
    """Whether an object has one class, a mask and an exact box."""
    return annotation.has_mask and not annotation.class_set and not annotation.loose_box
