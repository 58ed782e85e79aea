"""Which detection is right, picture by picture: what an AP is made of, before anything is summed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hotcoco import COCO, COCOeval

from seasift.core.types import Bool, Float64, Int64
from seasift.data.coco import CocoDataset
from seasift.evaluation.coco_figures import KINDS, MAX_DETECTIONS, has_masks

_ANY_AREA = [0.0, 1e10]


@dataclass(frozen=True)
class ClassMatches:
    """The detections of one class in all pictures, best score first; equal scores as COCO orders them.

    Attributes:
        picture: (N,) place of the picture that each detection is in.
        scores: (N,).
        right: (10, N) at each IoU: whether the detection has an object of its own, not a crowd.
        counted: (10, N) whether it is right or wrong; one in a crowd is neither.
        objects: (P,) truth without crowds, in each picture.
    """

    picture: Int64
    scores: Float64
    right: Bool
    counted: Bool
    objects: Int64


def matches_of(truth: CocoDataset, entries: Sequence[dict[str, Any]], kind: str) -> list[ClassMatches] | None:
    """Match detections with truth as COCO does: objects of all sizes, 100 detections of a class a picture.

    Args:
        truth: pictures and objects.
        entries: COCO results, as in predictions.json.
        kind: "boxes" or "masks".
    Returns:
        One entry a class of the truth; None if masks are asked for and either side has none.
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
    places = {image_id: place for place, image_id in enumerate(sorted(image.id for image in truth.images))}
    judged: dict[int, list[dict[str, Any]]] = {category.id: [] for category in truth.categories}
    for each in filter(None, evaluation.eval_imgs):
        judged[each["category_id"]].append(each)
    return [_of_class(judged[category.id], places) for category in truth.categories]


def picture_names(truth: CocoDataset) -> list[str]:
    """File names in the order that `ClassMatches` counts pictures in: by id, as COCO does."""
    return [image.file_name for image in sorted(truth.images, key=lambda image: image.id)]


def _of_class(judged: Sequence[dict[str, Any]], places: dict[int, int]) -> ClassMatches:
    judged = sorted(judged, key=lambda each: places[each["image_id"]])
    objects = np.zeros(len(places), np.int64)
    for each in judged:
        objects[places[each["image_id"]]] = np.sum(each["gtInDenominator"])
    picture = [place for each in judged for place in [places[each["image_id"]]] * len(each["dtScores"])]
    scores = np.array([score for each in judged for score in each["dtScores"]], np.float64)
    order = np.argsort(-scores, kind="stable")
    matched, ignored = (_rows(judged, key)[:, order] for key in ("dtMatched", "dtIgnore"))
    return ClassMatches(
        np.array(picture, np.int64)[order], scores[order], matched & ~ignored, ~ignored, objects
    )


def _rows(judged: Sequence[dict[str, Any]], key: str) -> npt.NDArray[np.bool_]:
    parts = [np.asarray(each[key], bool).reshape(10, -1) for each in judged]
    return np.concatenate([np.zeros((10, 0), bool), *parts], axis=1)
