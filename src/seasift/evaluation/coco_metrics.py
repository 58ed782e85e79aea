"""COCO metrics by hotcoco, and detections in its form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from hotcoco import COCO, COCOeval

from seasift.core.errors import DatasetError
from seasift.core.instances import Category, Instances
from seasift.data.coco import CocoDataset, CocoImage


@dataclass
class Results:
    """Objects found in images, in little memory: a mask is a compressed RLE.

    Attributes:
        category_ids: the truth's category id for each class_id of the predictor.
        entries: one COCO result per object, in the order of adding: image_id, category_id, score, bbox and, from
            a model with masks, segmentation.
        masked: whether every object has a mask.
    """

    category_ids: Sequence[int]
    entries: list[dict[str, Any]] = field(default_factory=list)
    masked: bool = True

    def add(self, image: CocoImage, found: Instances) -> None:
        """Add the objects of one image."""
        self.masked &= found.masks is not None
        boxes = found.boxes_xyxy.tolist()
        for index, (x1, y1, x2, y2) in enumerate(boxes):
            entry = {
                "image_id": image.id,
                "category_id": self.category_ids[int(found.class_ids[index])],
                "score": float(found.scores[index]),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
            }
            if found.masks is not None:
                entry["segmentation"] = found.masks[index].rle(image.size_hw)
            self.entries.append(entry)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The result list of "boxes" or of "masks".

        An object has either a box or a mask there, since COCO takes an object's area from its box if it has one.
        """
        left_out = "segmentation" if kind == "boxes" else "bbox"
        return [{key: value for key, value in entry.items() if key != left_out} for entry in self.entries]


def map_categories(own: Sequence[Category], truth: Sequence[Category]) -> list[int]:
    """The truth's category id for each class_id of a predictor, by name.

    Raises:
        DatasetError: the names differ (those that only one of them has are listed), or one is there twice.
    """
    names = [category.name for category in truth]
    own_names = [category.name for category in own]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DatasetError(
            f"the data has several categories named {', '.join(map(repr, twice))}; expected one of each name, since "
            "the model's classes are found by name. Rename or join them"
        )
    extra = [name for name in dict.fromkeys(own_names) if name not in names]
    missing = [name for name in names if name not in own_names]
    if extra or missing or len(own) > len(truth):
        raise DatasetError(
            f"the model's {len(own)} classes are not the data's {len(truth)}: only the model has {_listed(extra)}; "
            f"only the data has {_listed(missing)}; expected the same names. Choose other --labels or another model"
        )
    known = {category.name: category.id for category in truth}
    return [known[name] for name in own_names]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


Line = dict[str, float | None]
AREAS = ("all", "small", "medium", "large")
MAX_DETECTIONS = (1, 10, 100)
KINDS: Mapping[str, str] = {"boxes": "bbox", "masks": "segm"}
LINE = (
    *("AP", "AP50", "AP75", "APs", "APm", "APl"),
    *("AR1", "AR10", "AR100", "ARs", "ARm", "ARl"),
)


@dataclass(frozen=True)
class Precision:
    """Arrays that the metrics of one kind follow from.

    Attributes:
        precision: (10 IoUs from .5 to .95, 101 recalls, C, 4 areas, 3 detection limits), -1 without truth.
        recall: (10, C, 4, 3), -1 without truth.
        scores: like `precision`: the score at which each recall is reached.
    """

    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metrics:
    """Metrics of one model on one split; None where there is nothing to evaluate.

    Attributes:
        boxes: AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl of boxes.
        masks: the same of masks; all None if the model or the truth has no masks.
        per_class: class name to {"objects": truth without crowds, "boxes": line, "masks": line}.
        curves: "boxes" and, if evaluated, "masks" to their precision arrays.
    """

    boxes: Line
    masks: Line
    per_class: dict[str, dict[str, Any]]
    curves: dict[str, Precision]


def evaluate(
    truth: CocoDataset, predictions: Mapping[int, Instances], categories: Sequence[Category]
) -> Metrics:
    """Evaluate predictions as COCO does.

    Args:
        truth: images and objects; crowds are neither right nor wrong.
        predictions: image id to its objects; an image without an entry has none.
        categories: of the predictor; mapped to those of the truth by name.
    Raises:
        DatasetError: the classes differ, or a prediction is for an unknown image.
    """
    results = Results(map_categories(categories, truth.categories))
    unknown = set(predictions) - {image.id for image in truth.images}
    if unknown:
        raise DatasetError(
            f"predictions for {len(unknown)} unknown images (first id {min(unknown)}); expected those of the truth"
        )
    for image in truth.images:
        if image.id in predictions:
            results.add(image, predictions[image.id])
    return metrics_of(truth, results)


def metrics_of(truth: CocoDataset, results: Results) -> Metrics:
    """Evaluate collected results; see `evaluate`."""
    document = truth.to_json()
    coco = COCO(document)
    kinds = [kind for kind in KINDS if kind == "boxes" or (results.masked and has_masks(truth))]
    curves = {kind: _accumulate(coco, document, results.of_kind(kind), KINDS[kind]) for kind in kinds}
    counts = Counter(annotation.category_id for annotation in truth.annotations if not annotation.iscrowd)
    per_class = {
        category.name: {
            "objects": counts[category.id],
            **{kind: lines(curves.get(kind), [index]) for kind in KINDS},
        }
        for index, category in enumerate(truth.categories)
    }
    return Metrics(lines(curves["boxes"]), lines(curves.get("masks")), per_class, curves)


def has_masks(truth: CocoDataset) -> bool:
    """Whether every object of the truth has a mask, so that masks can be evaluated."""
    return truth.masked


def _accumulate(
    coco: COCO, document: dict[str, Any], results: list[dict[str, Any]], iou_type: str
) -> Precision:
    found = coco.load_res(results) if results else COCO({**document, "annotations": []})
    evaluation = COCOeval(coco, found, iou_type)
    evaluation.evaluate()
    evaluation.accumulate()
    arrays = evaluation.eval
    assert arrays is not None
    return Precision(*(np.asarray(arrays[key]) for key in ("precision", "recall", "scores")))


def lines(curve: Precision | None, classes: Sequence[int] | None = None) -> Line:
    """The 12 COCO lines over some classes (None: all); all None without a curve."""
    if curve is None:
        return dict.fromkeys(LINE)
    chosen = slice(None) if classes is None else list(classes)
    precision, recall = curve.precision[:, :, chosen], curve.recall[:, chosen]
    line: Line = {
        "AP": _mean(precision[..., 0, 2]),
        "AP50": _mean(precision[0, ..., 0, 2]),
        "AP75": _mean(precision[5, ..., 0, 2]),
    }
    line |= {f"AP{AREAS[area][0]}": _mean(precision[..., area, 2]) for area in (1, 2, 3)}
    line |= {f"AR{limit}": _mean(recall[..., 0, index]) for index, limit in enumerate(MAX_DETECTIONS)}
    return line | {f"AR{AREAS[area][0]}": _mean(recall[..., area, 2]) for area in (1, 2, 3)}


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    evaluated = values[values > -1]
    return float(np.mean(evaluated)) if evaluated.size else None


RECALLS: npt.NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
IOUS = {0.5: 0, 0.75: 5}
_ALL_AREAS, _HUNDRED = 0, 2


def curve(
    metrics: Metrics, kind: str, iou: float, class_id: int | None = None
) -> npt.NDArray[np.float64] | None:
    """Interpolated precision at each of RECALLS.

    Args:
        kind: "boxes" or "masks".
        iou: 0.5 or 0.75.
        class_id: None: the mean over the classes that have truth.
    Returns:
        (101,) precision, whose mean is the AP at that IoU; None where nothing is evaluated.
    """
    if kind not in metrics.curves:
        return None
    precision = metrics.curves[kind].precision[IOUS[iou], :, :, _ALL_AREAS, _HUNDRED]
    evaluated = precision[:, (precision > -1).all(axis=0)] if class_id is None else precision[:, [class_id]]
    if not evaluated.size or (evaluated < 0).any():
        return None
    return np.asarray(evaluated.mean(axis=1))


def all_curves(metrics: Metrics, class_id: int | None = None) -> dict[tuple[str, float], npt.NDArray[Any]]:
    """The evaluated curves of both kinds at both IoUs."""
    found = {(kind, iou): curve(metrics, kind, iou, class_id) for kind in ("boxes", "masks") for iou in IOUS}
    return {key: values for key, values in found.items() if values is not None}
