"""The 12 COCO lines for boxes and for masks, overall and per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hotcoco import COCO, COCOeval

from seasift.core.errors import BadDataset
from seasift.core.instances import Category, Instances
from seasift.data.coco import CocoDataset

Line = dict[str, float | None]
AREAS = ("all", "small", "medium", "large")
MAX_DETECTIONS = (1, 10, 100)
KINDS: Mapping[str, str] = {"boxes": "bbox", "masks": "segm"}


@dataclass(frozen=True)
class Precision:
    """What the figures are made of, for one kind.

    Attributes:
        precision: (10 IoUs from .5 to .95, 101 recalls, C, 4 areas, 3 detection limits), -1 without truth.
        recall: (10, C, 4, 3), -1 without truth.
        scores: like `precision`: the score at which each recall is reached.
    """

    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """Figures of one model on one data part; None where there is no truth to judge by.

    Attributes:
        boxes: AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl of boxes.
        masks: the same of masks.
        per_class: class name to {"objects", "boxes": line, "masks": line}.
        curves: "boxes" and "masks" to their precision arrays.
    """

    boxes: Line
    masks: Line
    per_class: dict[str, dict[str, Any]]
    curves: dict[str, Precision]


def evaluate(
    truth: CocoDataset, predictions: Mapping[int, Instances], categories: Sequence[Category]
) -> Figures:
    """Judge predictions as COCO does.

    Args:
        truth: pictures and objects; crowds are neither right nor wrong.
        predictions: picture id to what was found; a picture without an entry counts as nothing found.
        categories: of the predictor; mapped to those of the truth by name.
    Raises:
        BadDataset: the classes differ, or a prediction is for an unknown picture.
    """
    ids = map_categories(categories, truth.categories)
    unknown = set(predictions) - {image.id for image in truth.images}
    if unknown:
        raise BadDataset(f"predictions for {len(unknown)} unknown pictures (first id {min(unknown)}); expected those of the truth")
    results = to_results(truth, predictions, ids)
    curves = {kind: _accumulate(truth, results[kind], KINDS[kind]) for kind in KINDS}
    counts = {category.id: 0 for category in truth.categories}
    for annotation in truth.annotations:
        counts[annotation.category_id] += not annotation.iscrowd
    per_class = {
        category.name: {
            "objects": counts[category.id],
            **{kind: lines(curve, [place]) for kind, curve in curves.items()},
        }
        for place, category in enumerate(truth.categories)
    }
    return Figures(lines(curves["boxes"]), lines(curves["masks"]), per_class, curves)


def map_categories(own: Sequence[Category], truth: Sequence[Category]) -> list[int]:
    """The truth's category id for each class_id of a predictor, by name.

    Raises:
        BadDataset: lists the names that only one of them has.
    """
    known = {category.name: category.id for category in truth}
    extra = [category.name for category in own if category.name not in known]
    missing = sorted(known.keys() - {category.name for category in own})
    if extra or missing:
        raise BadDataset(
            f"the model's classes are not the data's: only the model has {extra or 'none'}, only the data has "
            f"{missing or 'none'}; expected the same. Choose other --labels or another model"
        )
    return [known[category.name] for category in own]


def to_results(
    truth: CocoDataset, predictions: Mapping[int, Instances], ids: Sequence[int]
) -> dict[str, list[dict[str, Any]]]:
    """COCO result lists of boxes and of masks, in the order of the truth's pictures."""
    boxes, masks = [], []
    for image in truth.images:
        found = predictions.get(image.id)
        for place in range(len(found) if found else 0):
            assert found is not None
            x1, y1, x2, y2 = (float(value) for value in found.boxes_xyxy[place])
            common = {
                "image_id": image.id,
                "category_id": ids[int(found.class_ids[place])],
                "score": float(found.scores[place]),
            }
            boxes.append({**common, "bbox": [x1, y1, x2 - x1, y2 - y1]})
            if found.masks is not None:
                masks.append({**common, "segmentation": found.masks[place].rle(image.size_hw)})
    return {"boxes": boxes, "masks": masks}


def judge(truth: CocoDataset, results: list[dict[str, Any]], iou_type: str) -> COCOeval:
    """hotcoco's evaluation of one result list, accumulated."""
    coco = COCO(truth.to_json())
    found = coco.load_res(results) if results else COCO({**truth.to_json(), "annotations": []})
    evaluation = COCOeval(coco, found, iou_type)
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


def _accumulate(truth: CocoDataset, results: list[dict[str, Any]], iou_type: str) -> Precision:
    arrays = judge(truth, results, iou_type).eval
    assert arrays is not None
    return Precision(*(np.asarray(arrays[key]) for key in ("precision", "recall", "scores")))


def lines(curve: Precision, classes: Sequence[int] | None = None) -> Line:
    """The 12 COCO lines over some classes (None: all)."""
    chosen = slice(None) if classes is None else list(classes)
    precision, recall = curve.precision[:, :, chosen], curve.recall[:, chosen]
    figures: Line = {
        "AP": _mean(precision[..., 0, 2]),
        "AP50": _mean(precision[0, ..., 0, 2]),
        "AP75": _mean(precision[5, ..., 0, 2]),
    }
    figures |= {f"AP{AREAS[area][0]}": _mean(precision[..., area, 2]) for area in (1, 2, 3)}
    figures |= {f"AR{limit}": _mean(recall[..., 0, place]) for place, limit in enumerate(MAX_DETECTIONS)}
    return figures | {f"AR{AREAS[area][0]}": _mean(recall[..., area, 2]) for area in (1, 2, 3)}


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    judged = values[values > -1]
    return float(np.mean(judged)) if judged.size else None
