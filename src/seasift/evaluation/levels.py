"""Metrics above the classes and by novelty.

Above the classes: each supercategory (trash, animal, ...), and any object. By novelty: images of a video that the model was
trained on, of such a dive, or of a new dive.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from seasift.core.boxes import class_agnostic_nms
from seasift.core.classes import Group, group_of
from seasift.core.errors import DatasetError
from seasift.core.instances import Category, Instances
from seasift.data.coco import CocoDataset
from seasift.data.prepared import PreparedDataset
from seasift.evaluation.coco_metrics import KINDS, Results, metrics_of
from seasift.evaluation.confusion import matches_of
from seasift.evaluation.intervals import Draws, draw, interval, resampled

SEEN, SAME_VIDEO, SAME_DIVE, NEW_DIVE, OTHER_VIDEO, UNKNOWN = RELATIONS = (
    *("same image", "same video", "same dive", "new dive", "other video", "unknown dive"),
)
"""Nearest first. "other video": no dive is known of any image; "unknown dive": not of this one, nor its video seen."""
_SPLIT = re.compile(r"(?P<scheme>[^\s/]+)/(?P<split>[^\s/\[]+)(\[\d+\])?$")


def trained_images(training: Mapping[str, Any], data: PreparedDataset) -> tuple[list[str], set[str]]:
    """The splits of a prepared data set that a model was trained on, and their file names.

    Args:
        training: what a model file says of its training, with the trainings "before" it.
        data: the data set; trainings on others do not count.
    """
    names: list[str] = []
    images: set[str] = set()
    for each in (training, *(training.get("before") or ())):
        about = each.get("data") if isinstance(each, Mapping) else None
        if not isinstance(about, Mapping) or about.get("fingerprint") != data.fingerprint:
            continue
        match = _SPLIT.search(str(about.get("train", "")))
        if match is None:
            continue
        try:
            found = data.names(match["scheme"], match["split"])
        except DatasetError:  # a split that the data set does not have any more
            continue
        names.append(f"{match['scheme']}/{match['split']}")
        images.update(found)
    return list(dict.fromkeys(names)), images


def relations(
    file_names: Collection[str],
    trained: Collection[str],
    group_of: Mapping[str, str],
    dive_of: Mapping[str, str],
) -> dict[str, str]:
    """How near each image is to those of the training: one of `RELATIONS`, the nearest.

    Args:
        file_names: of the evaluated images.
        trained: file names of the training.
        group_of: file name to video, of both.
        dive_of: file name to dive, of both, where it is known.
    """
    videos = {group_of[name] for name in trained if name in group_of}
    dives = {dive_of[name] for name in trained if name in dive_of}
    seen = set(trained)

    def relation(name: str) -> str:
        if name in seen:
            return SEEN
        if group_of.get(name) in videos:
            return SAME_VIDEO
        if name in dive_of:
            return SAME_DIVE if dive_of[name] in dives else NEW_DIVE
        return UNKNOWN if dive_of else OTHER_VIDEO

    return {name: relation(name) for name in file_names}


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


@dataclass(frozen=True)
class Training:
    """What is known of a model's training on the data set that it is evaluated on.

    Attributes:
        splits: names such as "dive-free/train".
        relation: file name to one of `evaluation.levels.RELATIONS`.
    """

    splits: Sequence[str]
    relation: Mapping[str, str] = field(default_factory=dict)


def unseen_record(
    training: Training | None,
    truth: CocoDataset,
    results: Results,
    *,
    pattern: str | None,
    dives: Mapping[str, str],
    resamples: int,
    seed: int,
) -> dict[str, Any] | None:
    """What the record keeps.

    Returns:
        None without `training`; else "trained_on" and "kinds": a row for each relation that images have: "name", "images",
        "objects" and, if there is more than one row, "boxes" and "masks" (the 12 COCO metrics), "levels" (see
        `levels.evaluate_levels`) and "intervals" of AP, AP50 and AP75 by kind (None without resamples).
    """
    if training is None:
        return None
    counts = Counter(training.relation[image.file_name] for image in truth.images)
    rows = []
    for name in RELATIONS:
        if not counts[name]:
            continue
        images = [i.file_name for i in truth.images if training.relation[i.file_name] == name]
        part = truth.subset(images)
        objects = sum(not annotation.iscrowd for annotation in part.annotations)
        row: dict[str, Any] = {"name": name, "images": counts[name], "objects": objects}
        if len(counts) > 1:
            row |= _record_of(part, results, pattern, dives, resamples, seed)
        rows.append(row)
    return {"trained_on": list(training.splits), "kinds": rows}


def _record_of(
    part: CocoDataset,
    results: Results,
    pattern: str | None,
    dives: Mapping[str, str],
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    ids = {image.id for image in part.images}
    own = replace(results, entries=[entry for entry in results.entries if entry["image_id"] in ids])
    figures, limits, draws = metrics_of(part, own), None, None
    if resamples:
        drawn = draw(part, pattern, resamples, seed, dives)
        draws = drawn if drawn.groups > 1 else None  # one dive alone says nothing of others
    if draws is not None:
        found = {kind: matches_of(part, own.entries, kind) for kind in figures.curves}
        evaluated = draws.evaluate({kind: each for kind, each in found.items() if each is not None})
        limits = {kind: evaluated.intervals().get(kind) for kind in KINDS}
    return {
        "boxes": figures.boxes,
        "masks": figures.masks,
        "levels": evaluate_levels(part, own, draws),
        "intervals": limits,
    }


def unseen_note(record: Mapping[str, Any] | None) -> list[str]:
    """A warning where images or their neighbours were in the training."""
    if record is None:
        return []
    counts = {row["name"]: row["images"] for row in record["kinds"]}
    near = sum(count for name, count in counts.items() if name in RELATIONS[: RELATIONS.index(NEW_DIVE)])
    if not near:
        return []
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    trained = ", ".join(record["trained_on"])
    return [
        f"{near:,} of {sum(counts.values()):,} images are near to the model's training on {trained} ({told}). Expect less on "
        "new footage."
    ]
