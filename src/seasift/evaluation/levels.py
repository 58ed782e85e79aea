"""Metrics above the classes, and by novelty.

Above the classes: each supercategory (trash, animal, ...), any object, and triage: frames with trash or animals, ranked by
their best score, which a person must look at. By novelty: images of a video or dive that the model was trained on, or of
a new dive.
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
from seasift.core.types import Bool, Float64, Int64
from seasift.data.coco import CocoDataset
from seasift.data.prepared import PreparedDataset
from seasift.evaluation.coco_metrics import KINDS, Results, metrics_of
from seasift.evaluation.confusion import matches_of
from seasift.evaluation.intervals import Draws, draw, interval, resampled

SEEN, SAME_VIDEO, SAME_DIVE, NEW_DIVE, OTHER_VIDEO, UNKNOWN = RELATIONS = (
    *("same image", "same video", "same dive", "new dive", "other video", "unknown dive"),
)
"""Nearest first. "other video": the dive of no image is known; "unknown dive": this image's is not, and its video is new."""
_SPLIT = re.compile(r"(?P<scheme>[^\s/]+)/(?P<split>[^\s/\[]+)(\[\d+\])?$")


def trained_images(training: Mapping[str, Any], data: PreparedDataset) -> tuple[list[str], set[str]]:
    """The splits of a prepared data set that a model was trained on, and their file names.

    Args:
        training: from the model file, with the trainings "before" it.
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
        except DatasetError:  # a split that the data set no longer has
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
    """Relation of each image to those of the training: the closest of `RELATIONS`.

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
    """Joined classes.

    Attributes:
        name: "supercategory" or "object".
        categories: the joined ones; ids from 1.
        of_class: category id of a class to the id of its joined category.
    """

    name: str
    categories: tuple[Category, ...]
    of_class: Mapping[int, int]

    def classes_of(self, category_id: int, classes: Sequence[Category]) -> list[str]:
        """Names of the classes in one of its categories."""
        return [each.name for each in classes if self.of_class[each.id] == category_id]


def levels_of(classes: Sequence[Category]) -> list[Level]:
    """The levels above these classes: supercategories where names give them, then any object."""
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
    """Truth and predictions with the level's categories as classes.

    Two detections of different classes in one category count as one object if their boxes have an IoU above
    `core.boxes.OVERLAP`: only the better one stays.

    Args:
        truth: images and objects.
        entries: COCO results with boxes.
        level: of the truth's classes.
    """
    annotations = (replace(a, category_id=level.of_class[a.category_id]) for a in truth.annotations)
    by_category: dict[tuple[int, int], list[int]] = {}
    for index, entry in enumerate(entries):
        by_category.setdefault((entry["image_id"], level.of_class[entry["category_id"]]), []).append(index)
    kept = sorted(index for indices in by_category.values() for index in _once(entries, indices))
    changed = [{**entries[p], "category_id": level.of_class[entries[p]["category_id"]]} for p in kept]
    return CocoDataset(level.categories, truth.images, tuple(annotations)), changed


def _once(entries: Sequence[dict[str, Any]], indices: list[int]) -> list[int]:
    """Entries that no better one of another class overlaps."""
    if len({entries[index]["category_id"] for index in indices}) < 2:
        return indices
    best_first = sorted(indices, key=lambda index: -entries[index]["score"])
    corners = np.array([entries[index]["bbox"] for index in best_first], np.float32)
    corners[:, 2:] += corners[:, :2]
    # The index of each object takes the place of its score: `class_agnostic_nms` uses the order alone.
    indexed = Instances(
        corners,
        np.arange(len(best_first), dtype=np.float32),
        np.array([entries[index]["category_id"] for index in best_first], np.int64),
        (1, 1),
    )
    return [best_first[int(index)] for index in class_agnostic_nms(indexed).scores]


def evaluate_levels(truth: CocoDataset, results: Results, draws: Draws | None) -> dict[str, Any]:
    """Metrics at each level, as in the record.

    Args:
        truth: images and objects.
        results: of the predictor.
        draws: for the intervals (None: none).
    Returns:
        Level name to "boxes" and "masks" (the 12 COCO metrics, means over the level's categories), "per_class" (one row
        per category: name, classes, objects, boxes, masks) and "intervals": kind to AP, AP50 and AP75 to [low, high],
        and "per_class" the same by name; None without draws.
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
    """A model's training on the data set that it is evaluated on.

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
    """The part of the record.

    Returns:
        None without `training`; else "trained_on" and "kinds": a row for each relation that images have: "name",
        "images", "objects" and, if there is more than one row, "boxes" and "masks" (the 12 COCO metrics),
        "levels" (see `levels.evaluate_levels`) and "intervals" of AP, AP50 and AP75 by kind (None without
        resamples).
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
    metrics, limits, draws = metrics_of(part, own), None, None
    if resamples:
        drawn = draw(part, pattern, resamples, seed, dives)
        draws = drawn if drawn.groups > 1 else None  # one dive alone says nothing of others
    if draws is not None:
        found = {kind: matches_of(part, own.entries, kind) for kind in metrics.curves}
        evaluated = draws.evaluate({kind: each for kind, each in found.items() if each is not None})
        limits = {kind: evaluated.intervals().get(kind) for kind in KINDS}
    return {
        "boxes": metrics.boxes,
        "masks": metrics.masks,
        "levels": evaluate_levels(part, own, draws),
        "intervals": limits,
    }


def unseen_note(record: Mapping[str, Any] | None) -> list[str]:
    """Warn if images or their neighbours were in the training."""
    if record is None:
        return []
    counts = {row["name"]: row["images"] for row in record["kinds"]}
    near = sum(count for name, count in counts.items() if name in RELATIONS[: RELATIONS.index(NEW_DIVE)])
    if not near:
        return []
    listed = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    trained = ", ".join(record["trained_on"])
    return [
        f"{near:,} of {sum(counts.values()):,} images are close to the model's training on {trained} ({listed}). Expect less on "
        "new footage."
    ]


WANTED: tuple[Group, ...] = ("trash", "animal")
PRECISIONS = (0.8, 0.9)
RECALL = 0.95
RECALL_AT = {precision: f"recall_at_precision_{100 * precision:.0f}" for precision in PRECISIONS}
LOOK_AT = f"look_at_for_recall_{100 * RECALL:.0f}"
FIGURES = (*RECALL_AT.values(), LOOK_AT)


def triage_of(truth: CocoDataset, entries: Sequence[dict[str, Any]], draws: Draws | None) -> dict[str, Any]:
    """How well the model ranks frames with trash, and frames with animals.

    A frame's score is that of its best detection of the supercategory. A frame has the supercategory if the truth has an
    object or a crowd of it.

    Args:
        truth: images and objects.
        entries: COCO results.
        draws: for the intervals (None: none).
    Returns:
        Supercategory to "frames" (all), "with" (those that hold it), "recall_at_precision_80" and "_90" (the largest
        share of these frames that a threshold finds of which at least that share of found frames is right; 0 where no
        threshold does), "look_at_for_recall_95" (the share of all frames that a person still looks at, best first,
        to see 95% of the frames that hold it; frames without a detection come last, all together), and "intervals" of
        the three (None without draws). The metrics are None where no frame or every frame has it.
    """
    images = sorted(truth.images, key=lambda image: image.id)
    index = {image.id: i for i, image in enumerate(images)}
    groups = {each.id: group_of(each.name) for each in truth.categories}
    found: dict[str, Any] = {}
    for wanted in WANTED:
        if wanted not in groups.values():
            continue
        scores, holds = np.zeros(len(images)), np.zeros(len(images), bool)
        for entry in entries:
            if groups[entry["category_id"]] == wanted:
                i = index[entry["image_id"]]
                scores[i] = max(scores[i], entry["score"])
        for annotation in truth.annotations:
            if groups[annotation.category_id] == wanted:
                holds[index[annotation.image_id]] = True
        found[wanted] = _row(scores, holds, draws)
    return found


def _row(scores: Float64, holds: Bool, draws: Draws | None) -> dict[str, Any]:
    row: dict[str, Any] = {"frames": len(holds), "with": int(holds.sum())}
    known = bool(holds.any() and not holds.all())
    once = triage(scores, holds, np.ones((1, len(holds)), np.int64))
    row |= {name: float(once[name][0]) if known else None for name in FIGURES}
    row["intervals"] = None
    if draws is not None and known:
        values = triage(scores, holds, draws.weights[1:])
        row["intervals"] = {name: interval(values[name]) for name in FIGURES}
    return row


def triage(scores: Float64, holds: Bool, weights: Int64) -> Mapping[str, Float64]:
    """The metrics under each row of weights.

    Args:
        scores: (P,) of the frames.
        holds: (P,) whether a frame has the supercategory.
        weights: (R, P) count of each frame.
    Returns:
        Each name of `FIGURES` to (R,), NaN in rows without such a frame.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(
        np.append(scores[order][1:] != scores[order][:-1], True)
    )  # frames of one score go together
    shown = np.cumsum(weights[:, order], axis=1)[:, ends].astype(np.float64)
    right = np.cumsum(weights[:, order] * holds[order], axis=1)[:, ends].astype(np.float64)
    total, frames = right[:, -1:], shown[:, -1]
    recall = np.divide(right, total, out=np.full_like(right, np.nan), where=total > 0)
    precision = np.divide(right, shown, out=np.zeros_like(right), where=shown > 0)
    detected = scores[order][ends] > 0  # no threshold finds a frame without a detection
    values = {}
    for wanted, name in RECALL_AT.items():
        allowed = (precision >= wanted - 1e-12) & detected
        values[name] = np.where(allowed, recall, 0.0).max(axis=1, initial=0.0)
    enough = recall >= RECALL - 1e-12
    values[LOOK_AT] = shown[np.arange(len(shown)), enough.argmax(axis=1)] / np.maximum(frames, 1)
    return {name: np.where(total[:, 0] > 0, each, np.nan) for name, each in values.items()}
