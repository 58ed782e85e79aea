"""TrashCan's published objects with the exact masks of the original bitmaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from seasift.core.errors import BadDataset
from seasift.core.masks import MaskCrop
from seasift.core.types import SizeHW
from seasift.data.coco import CocoAnnotation
from seasift.data.supervisely import OriginalObject
from seasift.data.trashcan_labels import label_of, published_groups

# Published polygons reach a pixel too far right and down, were simplified, and lost small islands: of all objects
# the box changed most in one of vid_000437, to an IoU of 0.19.
_LEAST_BOX_IOU = 0.15


def exact_annotations(
    published: Sequence[CocoAnnotation],
    names: Mapping[int, str],
    originals: Sequence[OriginalObject],
    size_hw: SizeHW,
    label_set: str,
    place: str,
) -> list[CocoAnnotation]:
    """The published objects of one picture, each with its id and class, and its exact mask, box and area.

    Args:
        published: objects of the picture in the order of the file.
        names: of the categories, by id.
        originals: what the annotators drew in it.
        size_hw: of the picture.
        label_set: instance or material.
        place: the original annotation file, for errors.
    Raises:
        BadDataset: published and original objects do not belong together.
    """
    groups = published_groups(originals, label_set)
    drawn = [label_of(originals[g[0]].title, originals[g[0]].tags, label_set, place) for g in groups]
    listed = [names[annotation.category_id] for annotation in published]
    if drawn != listed:
        raise BadDataset(
            f"{place}: {label_set} objects are {_listed(drawn)}, but the COCO file has {_listed(listed)}; expected "
            "the same. Unpack the published archive again"
        )
    return [
        _with_mask(annotation, [originals[i].mask for i in group], size_hw, place)
        for annotation, group in zip(published, groups, strict=True)
    ]


def _with_mask(
    annotation: CocoAnnotation, masks: Sequence[MaskCrop], size_hw: SizeHW, place: str
) -> CocoAnnotation:
    bitmap = np.logical_or.reduce([mask.bitmap(size_hw) for mask in masks])
    mask = MaskCrop.from_bitmap(bitmap)
    x1, y1, x2, y2 = (float(edge) for edge in mask.box_xyxy)
    x, y, width, height = annotation.bbox_xywh
    both = np.array([[x1, y1, x2 + 1, y2 + 1], [x, y, x + width, y + height]])
    shared = np.clip(both[:, 2:].min(axis=0) - both[:, :2].max(axis=0), 0, None).prod()
    if shared < _LEAST_BOX_IOU * ((both[:, 2:] - both[:, :2]).prod(axis=1).sum() - shared):
        raise BadDataset(
            f"{place}: bitmaps at {x1:g}, {y1:g} to {x2:g}, {y2:g}, but annotation {annotation.id} has the box {x:g}, "
            f"{y:g} to {x + width:g}, {y + height:g}; expected the same place. Unpack the published archive again"
        )
    box = (x1, y1, x2 - x1, y2 - y1)
    return replace(annotation, bbox_xywh=box, area=float(mask.area), segmentation=mask.rle(size_hw))


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "none"
