"""A picture's truth in the shape of predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seasift.core.instances import Instances
from seasift.core.types import Bool
from seasift.data.coco import CocoDataset, CocoImage


@dataclass(frozen=True)
class Truth:
    """What is in one image.

    Attributes:
        objects: all annotations with score 1, crowds among them; masks only if each object of the data set has one.
        crowd: (N,) bool: a group that is neither right nor wrong to find.
    """

    objects: Instances
    crowd: Bool

    @property
    def single(self) -> Instances:
        """The objects without the crowds."""
        return self.objects.take(~self.crowd)


def truth_of(dataset: CocoDataset, image: CocoImage) -> Truth:
    """The truth of one image; the index of a category in the data set is the class_id.

    Raises:
        DatasetError: a segmentation that cannot be decoded.
    """
    annotations = dataset.annotations_of(image.id)
    class_ids = {category.id: index for index, category in enumerate(dataset.categories)}
    corners = np.array([a.bbox_xywh for a in annotations], np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    masks = None
    if dataset.masked:
        masks = tuple(a.mask(image.size_hw) for a in annotations)
    objects = Instances(
        corners.astype(np.float32),
        np.ones(len(annotations), np.float32),
        np.array([class_ids[a.category_id] for a in annotations], np.int64),
        image.size_hw,
        masks,
    )
    return Truth(objects, np.array([a.iscrowd for a in annotations], bool))
