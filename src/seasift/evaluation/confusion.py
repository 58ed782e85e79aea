"""Detections against truth: matching, confusion between classes, and the worst images."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from hotcoco import COCO, COCOeval, primitives

from seasift.core.instances import Instances
from seasift.core.types import Bool, Float64, Int64
from seasift.data.coco import CocoDataset, CocoImage
from seasift.evaluation.coco_metrics import KINDS, MAX_DETECTIONS, has_masks


@dataclass(frozen=True)
class Truth:
    """The truth of one image.

    Attributes:
        objects: all annotations with score 1, crowds among them; masks only if each object of the data set has one.
        crowd: (N,) bool: a group that counts as neither right nor wrong.
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


_ANY_AREA = [0.0, 1e10]


@dataclass(frozen=True)
class ClassMatches:
    """The detections of one class in all images, best score first; equal scores as COCO orders them.

    Attributes:
        image: (N,) index of each detection's image.
        scores: (N,).
        right: (10, N) at each IoU: whether the detection matches an object that is no crowd.
        counted: (10, N) whether it is right or wrong; a detection in a crowd is neither.
        objects: (P,) truth without crowds, in each image.
    """

    image: Int64
    scores: Float64
    right: Bool
    counted: Bool
    objects: Int64


def matches_of(truth: CocoDataset, entries: Sequence[dict[str, Any]], kind: str) -> list[ClassMatches] | None:
    """Match detections with truth as COCO does: objects of all sizes, 100 detections per class and image.

    Args:
        truth: images and objects.
        entries: COCO results, as in predictions.json.
        kind: "boxes" or "masks".
    Returns:
        One entry per class of the truth; None for masks if either side has none.
    """
    if kind == "masks" and not (has_masks(truth) and all("segmentation" in entry for entry in entries)):
        return None
    left_out = "segmentation" if kind == "boxes" else "bbox"  # COCO takes an area from a box if there is one
    results = [{key: value for key, value in entry.items() if key != left_out} for entry in entries]
    document = truth.to_json()
    coco = COCO(document)
    evaluation = COCOeval(
        coco, coco.load_res(results) if results else COCO({**document, "annotations": []}), KINDS[kind]
    )
    evaluation.params.area_rng, evaluation.params.area_rng_lbl = [_ANY_AREA], ["all"]
    evaluation.params.max_dets = [MAX_DETECTIONS[-1]]
    evaluation.evaluate()
    indices = {image_id: index for index, image_id in enumerate(sorted(image.id for image in truth.images))}
    evaluated: dict[int, list[dict[str, Any]]] = {category.id: [] for category in truth.categories}
    for each in filter(None, evaluation.eval_imgs):
        evaluated[each["category_id"]].append(each)
    return [_of_class(evaluated[category.id], indices) for category in truth.categories]


def image_names(truth: CocoDataset) -> list[str]:
    """File names in the order that `ClassMatches` counts images in: by id, as COCO does."""
    return [image.file_name for image in sorted(truth.images, key=lambda image: image.id)]


def _of_class(evaluated: Sequence[dict[str, Any]], indices: dict[int, int]) -> ClassMatches:
    evaluated = sorted(evaluated, key=lambda each: indices[each["image_id"]])
    objects = np.zeros(len(indices), np.int64)
    for each in evaluated:
        objects[indices[each["image_id"]]] = np.sum(each["gtInDenominator"])
    image = [index for each in evaluated for index in [indices[each["image_id"]]] * len(each["dtScores"])]
    scores = np.array([score for each in evaluated for score in each["dtScores"]], np.float64)
    order = np.argsort(-scores, kind="stable")
    matched, ignored = (_rows(evaluated, key)[:, order] for key in ("dtMatched", "dtIgnore"))
    return ClassMatches(
        np.array(image, np.int64)[order], scores[order], matched & ~ignored, ~ignored, objects
    )


def _rows(evaluated: Sequence[dict[str, Any]], key: str) -> npt.NDArray[np.bool_]:
    parts = [np.asarray(each[key], bool).reshape(10, -1) for each in evaluated]
    return np.concatenate([np.zeros((10, 0), bool), *parts], axis=1)


IOU = 0.5
NONE = -1
CROWD = -2


@dataclass(frozen=True)
class Matching:
    """The outcome of one image.

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
        """Number of errors that a person would have to correct."""
        return self.wrong_class + self.spurious + self.missed

    @property
    def f1(self) -> float | None:
        """2 right / (found + truth); an object of a wrong class counts on both sides. None without objects."""
        both = 2 * self.right + 2 * self.wrong_class + self.spurious + self.missed
        return 2 * self.right / both if both else None


def match(found: Instances, truth: Truth, *, iou: float = IOU) -> Matching:
    """Match found objects with truth of any class, best score first.

    Each takes the free truth object with the largest overlap of at least `iou` (of masks if both sides have them, else of
    boxes). An object without a match does not count if a share of at least `iou` of it lies in a crowd.
    """
    single = truth.single
    overlap = overlaps(found, single, crowd=False)
    in_crowd = overlaps(found, truth.objects.take(truth.crowd), crowd=True) >= iou
    partners = np.full(len(found), NONE, np.int64)
    for index in np.argsort(-found.scores, kind="stable") if len(single) else ():
        best = int(np.argmax(overlap[index]))
        if overlap[index, best] >= iou:
            partners[index] = best
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
    """Counts of truth classes (rows) by found classes (columns); the last of each is "nothing".

    Args:
        classes: names; the index is the class_id.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.counts: Int64 = np.zeros((len(self.classes) + 1,) * 2, np.int64)

    def add(self, found: Instances, truth: Truth, matching: Matching) -> None:
        """Enter one image."""
        nothing = len(self.classes)
        single = truth.single
        for class_id, partner in zip(found.class_ids, matching.truth_index, strict=True):
            if partner != CROWD:
                self.counts[nothing if partner == NONE else single.class_ids[partner], class_id] += 1
        matched = set(matching.truth_index.tolist())
        for index, class_id in enumerate(single.class_ids):
            if index not in matched:
                self.counts[class_id, nothing] += 1

    def recall(self, class_id: int) -> float | None:
        """Share of a class's objects that were found as this class."""
        return _share(self.counts[class_id, class_id], self.counts[class_id])

    def precision(self, class_id: int) -> float | None:
        """Share of the objects found as this class that belong to it."""
        return _share(self.counts[class_id, class_id], self.counts[:, class_id])

    def total(self) -> tuple[float | None, float | None]:
        """Precision and recall over all objects of all classes."""
        right, nothing = np.trace(self.counts), len(self.classes)
        return _share(right, self.counts[:, :nothing]), _share(right, self.counts[:nothing])


def _share(part: np.int64, whole: Int64) -> float | None:
    return float(part / whole.sum()) if whole.any() else None


@dataclass(frozen=True)
class EvaluatedImage:
    """One image, its detections and their matches."""

    image: CocoImage
    truth: Truth
    found: Instances
    matching: Matching


@dataclass
class WorstImages:
    """The images of lowest F1; ties go to more errors, then to the earlier image.

    An image without errors is never among them.

    Attributes:
        size: number of images to keep.
    """

    size: int
    _heap: list[tuple[float, int, int, EvaluatedImage]] = field(default_factory=list)
    _seen: int = 0

    def add(self, evaluated: EvaluatedImage) -> None:
        """Consider an image."""
        self._seen += 1
        matching = evaluated.matching
        if matching.errors and self.size:
            entry = (-(matching.f1 or 0.0), matching.errors, -self._seen, evaluated)
            if len(self._heap) < self.size:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    def worst_first(self) -> list[EvaluatedImage]:
        """The kept images."""
        return [entry[-1] for entry in sorted(self._heap, key=lambda entry: entry[:3], reverse=True)]
