"""Metrics above the classes: each supercategory (trash, animal, ...), and any object whatever it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seasift.core.boxes import class_agnostic_nms
from seasift.core.classes import Group, group_of
from seasift.core.instances import Category, Instances
from seasift.data.coco import CocoDataset
from seasift.evaluation.coco_metrics import KINDS, Results, metrics_of
from seasift.evaluation.confusion import matches_of
from seasift.evaluation.intervals import Draws, interval, resampled

SUPERCATEGORIES: tuple[Group, ...] = ("trash", "animal", "plant", "vehicle", "other")
SUPERCATEGORY, OBJECT = "supercategory", "object"


@dataclass(frozen=True)
class Level:
    """Classes put together.

    Attributes:
        name: "supercategory" or "object".
        categories: what they become; ids from 1.
        of_class: category id of a class to the id that it becomes.
    """

    name: str
    categories: tuple[Category, ...]
    of_class: Mapping[int, int]

    def classes_of(self, category_id: int, classes: Sequence[Category]) -> list[str]:
        """Names of the classes that become one of its categories."""
        return [each.name for each in classes if self.of_class[each.id] == category_id]


def levels_of(classes: Sequence[Category]) -> list[Level]:
    """The levels above these classes: supercategories where names tell them, then any object."""
    groups = {each.id: group_of(each.name) for each in classes}
    present = [name for name in SUPERCATEGORIES if name in groups.values()]
    levels = [Level(OBJECT, (Category(1, OBJECT),), dict.fromkeys(groups, 1))]
    if present != ["other"]:
        ids = {name: index for index, name in enumerate(present, start=1)}
        categories = tuple(Category(ids[name], name) for name in present)
        levels.insert(0, Level(SUPERCATEGORY, categories, {key: ids[name] for key, name in groups.items()}))
    return levels


def at_level(
    truth: CocoDataset, entries: Sequence[dict[str, Any]], level: Level
) -> tuple[CocoDataset, list[dict[str, Any]]]:
    """Truth and predictions with the level's categories for classes.

    Two detections of different classes that become one category, with boxes of an IoU above `core.boxes.OVERLAP`, are two
    opinions about one object: only the better one stays.

    Args:
        truth: images and objects.
        entries: COCO results with boxes.
        level: of the truth's classes.
    """
    annotations = (replace(a, category_id=level.of_class[a.category_id]) for a in truth.annotations)
    by_place: dict[tuple[int, int], list[int]] = {}
    for index, entry in enumerate(entries):
        by_place.setdefault((entry["image_id"], level.of_class[entry["category_id"]]), []).append(index)
    kept = sorted(index for indices in by_place.values() for index in _once(entries, indices))
    changed = [{**entries[p], "category_id": level.of_class[entries[p]["category_id"]]} for p in kept]
    return CocoDataset(level.categories, truth.images, tuple(annotations)), changed


def _once(entries: Sequence[dict[str, Any]], indices: list[int]) -> list[int]:
    """Those that no better one of another class overlaps."""
    if len({entries[index]["category_id"] for index in indices}) < 2:
        return indices
    best_first = sorted(indices, key=lambda index: -entries[index]["score"])
    corners = np.array([entries[index]["bbox"] for index in best_first], np.float32)
    corners[:, 2:] += corners[:, :2]
    # The index of each object stands where its score would: `class_agnostic_nms` goes by the order alone.
    indexed = Instances(
        corners,
        np.arange(len(best_first), dtype=np.float32),
        np.array([entries[index]["category_id"] for index in best_first], np.int64),
        (1, 1),
    )
    return [best_first[int(index)] for index in class_agnostic_nms(indexed).scores]


def evaluate_levels(truth: CocoDataset, results: Results, draws: Draws | None) -> dict[str, Any]:
    """Metrics at each level, as the record keeps them.

    Args:
        truth: images and objects.
        results: of the predictor.
        draws: for the intervals (None: none).
    Returns:
        Level name to "boxes" and "masks" (the 12 COCO metrics, means over the level's categories), "per_class" (a row a
        category: name, classes, objects, boxes, masks) and "intervals": kind to AP, AP50 and AP75 to [low, high], and
        "per_class" the same by name; None without draws.
    """
    return {level.name: _evaluate(truth, results, level, draws) for level in levels_of(truth.categories)}


def _evaluate(truth: CocoDataset, results: Results, level: Level, draws: Draws | None) -> dict[str, Any]:
    above, entries = at_level(truth, results.entries, level)
    evaluated = metrics_of(above, replace(results, entries=entries))
    counts = Counter(a.category_id for a in above.annotations if not a.iscrowd)
    rows = [
        {
            "name": each.name,
            "classes": level.classes_of(each.id, truth.categories),
            "objects": counts[each.id],
            **{kind: evaluated.per_class[each.name][kind] for kind in KINDS},
        }
        for each in level.categories
    ]
    limits = None if draws is None else _intervals(above, entries, list(evaluated.curves), draws)
    return {"boxes": evaluated.boxes, "masks": evaluated.masks, "per_class": rows, "intervals": limits}


def _intervals(
    above: CocoDataset, entries: Sequence[dict[str, Any]], kinds: Sequence[str], draws: Draws
) -> dict[str, Any]:
    found: dict[str, Any] = {"per_class": {each.name: {} for each in above.categories}}
    for kind in kinds:
        matches = matches_of(above, entries, kind) or []
        whole = resampled(matches, draws.weights[1:]).overall
        found[kind] = {name: interval(values) for name, values in whole.items()}
        for each, own in zip(above.categories, matches, strict=True):
            values = resampled([own], draws.weights[1:]).overall
            found["per_class"][each.name][kind] = {name: interval(v) for name, v in values.items()}
    return found
