"""Which object was taken for which: matching without regard to class, counted in a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hotcoco import primitives

from seasift.core.instances import Instances
from seasift.core.types import Int64
from seasift.evaluation.truth import Truth

IOU = 0.5
NONE = -1
CROWD = -2


@dataclass(frozen=True)
class Matching:
    """The outcome of one picture.

    Attributes:
        truth_index: (N,) for each found object the single truth object it matches, NONE or CROWD.
        right: found objects that match one of their class.
        wrong_class: found objects that match one of another class.
        spurious: found objects that match nothing.
        missed: truth objects that nothing matches.
    """

    truth_index: Int64
    right: int
    wrong_class: int
    spurious: int
    missed: int

    @property
    def errors(self) -> int:
        """What a person would have to correct."""
        return self.wrong_class + self.spurious + self.missed

    @property
    def f1(self) -> float | None:
        """2 right / (found + truth); an object of a wrong class counts on both sides. None if all is empty."""
        both = 2 * self.right + 2 * self.wrong_class + self.spurious + self.missed
        return 2 * self.right / both if both else None


def match(found: Instances, truth: Truth, *, iou: float = IOU) -> Matching:
    """Match found objects with truth, whatever their classes, the best score first.

    Each takes the free truth object that it overlaps most, if by `iou` or more (of masks if both sides have
    them, else of boxes). One that finds none but lies by `iou` of itself or more in a crowd is not counted.
    """
    single = truth.single
    overlap = overlaps(found, single, crowd=False)
    in_crowd = overlaps(found, truth.objects.take(truth.crowd), crowd=True) >= iou
    partners = np.full(len(found), NONE, np.int64)
    for place in np.argsort(-found.scores, kind="stable") if len(single) else ():
        best = int(np.argmax(overlap[place]))
        if overlap[place, best] >= iou:
            partners[place] = best
            overlap[:, best] = -1
    partners[(partners == NONE) & in_crowd.any(axis=1)] = CROWD
    paired = partners >= 0
    right = int(np.sum(found.class_ids[paired] == single.class_ids[partners[paired]]))
    return Matching(
        partners,
        right,
        int(paired.sum()) - right,
        int(np.sum(partners == NONE)),
        len(single) - int(paired.sum()),
    )


def overlaps(
    found: Instances, truth: Instances, *, crowd: bool
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Overlap of each found with each truth object, (N, M): IoU, or for crowds the share of the found one."""
    if not len(found) or not len(truth):
        return np.zeros((len(found), len(truth)))
    flags = np.full(len(truth), crowd)
    if found.masks is not None and truth.masks is not None:
        rles = [[mask.rle(truth.size_hw) for mask in side.masks or ()] for side in (found, truth)]
        return np.asarray(primitives.mask_iou(rles[0], rles[1], flags)).reshape(len(found), len(truth))
    boxes = [side.boxes_xyxy.astype(np.float64) for side in (found, truth)]
    for box in boxes:
        box[:, 2:] -= box[:, :2]
    return np.asarray(primitives.bbox_iou(boxes[0], boxes[1], flags)).reshape(len(found), len(truth))


class Confusion:
    """Counts of truth classes (rows) by found classes (columns); the last of each is "nothing there".

    Args:
        classes: names; the index is the class_id.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.counts: Int64 = np.zeros((len(self.classes) + 1,) * 2, np.int64)

    def add(self, found: Instances, truth: Truth, matching: Matching) -> None:
        """Enter one picture."""
        nothing = len(self.classes)
        single = truth.single
        for class_id, partner in zip(found.class_ids, matching.truth_index, strict=True):
            if partner != CROWD:
                self.counts[nothing if partner == NONE else single.class_ids[partner], class_id] += 1
        matched = set(matching.truth_index.tolist())
        for place, class_id in enumerate(single.class_ids):
            if place not in matched:
                self.counts[class_id, nothing] += 1

    def recall(self, class_id: int) -> float | None:
        """Share of a class's objects that were found as such."""
        return _share(self.counts[class_id, class_id], self.counts[class_id])

    def precision(self, class_id: int) -> float | None:
        """Share of the objects found as a class that are of it."""
        return _share(self.counts[class_id, class_id], self.counts[:, class_id])

    def total(self) -> tuple[float | None, float | None]:
        """Precision and recall over all objects of all classes."""
        right, nothing = np.trace(self.counts), len(self.classes)
        return _share(right, self.counts[:, :nothing]), _share(right, self.counts[:nothing])


def _share(part: np.int64, whole: Int64) -> float | None:
    return float(part / whole.sum()) if whole.any() else None
