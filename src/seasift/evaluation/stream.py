"""Predict images, a few at a time, and gather all counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seasift.core.errors import DatasetError
from seasift.core.image import read_image
from seasift.core.instances import Instances, Predictor
from seasift.core.rollup import RollUp
from seasift.core.types import Int64, UInt8
from seasift.data.check import size_differs
from seasift.data.coco import CocoDataset, CocoImage
from seasift.data.partial_labels import fully_labelled
from seasift.data.prepared import DataSplit
from seasift.evaluation.coco_metrics import Metrics, Results, map_categories, metrics_of
from seasift.evaluation.confusion import (
    Confusion,
    EvaluatedImage,
    WorstImages,
    image_names,
    match,
    matches_of,
    truth_of,
)
from seasift.evaluation.intervals import RESAMPLES, SEED, draw, unit_names
from seasift.evaluation.levels import Training, evaluate_levels, triage_of, unseen_record
from seasift.evaluation.reliability import Named, operating_points_of, reliability_of, rollup_record
from seasift.inference.stream import in_order


@dataclass(frozen=True)
class EvaluateSettings:
    """Settings of an evaluation.

    Attributes:
        threshold: minimum score of listed objects; low, since AP needs the whole curve.
        max_objects: maximum number of listed objects per image; COCO uses 100 of each class.
        confidence: score from which an object counts as found in the confusion matrix and the worst images.
        batch_size: images in memory at once.
        limit: evaluate only this many images, evenly spaced; None: all.
        worst: number of images to show.
        resamples: draws of dives, else videos, for the intervals (0: none).
        seed: of the draws.
        rollup: the model's own thresholds, whose share of right names is measured.
    """

    threshold: float = 0.05
    max_objects: int = 100
    confidence: float = 0.3
    batch_size: int = 8
    limit: int | None = None
    worst: int = 12
    resamples: int = RESAMPLES
    seed: int = SEED
    rollup: RollUp | None = None


@dataclass
class Pace:
    """Time of a predictor, without reading files and without the first image, which warms up."""

    images: int = 0
    seconds: float = 0.0

    @property
    def images_per_second(self) -> float | None:
        """None if nothing was timed."""
        return self.images / self.seconds if self.images and self.seconds else None


@dataclass(frozen=True)
class Outcome:
    """All results of a predictor on a split.

    Attributes:
        truth: the evaluated images (fewer than the split's if limited).
        of_images: number of images in the split.
        seconds: "predict" (with reading the images), "judge", "total".
        pace: of the predictor alone.
        reliability: see `reliability.reliability_of`.
        intervals: see `intervals.Evaluated.record`; None if none were requested.
        counting: see `reliability.operating_points_of`.
        levels: see `levels.evaluate_levels`.
        triage: see `levels.triage_of`.
        rollup: see `reliability.rollup_record`.
        unseen: see `levels.unseen_record`.
        partly_labelled: images of the split that were left out because objects, classes or box edges are unknown.
    """

    truth: CocoDataset
    of_images: int
    results: Results
    metrics: Metrics
    confusion: Confusion
    worst: list[EvaluatedImage]
    seconds: dict[str, float]
    pace: Pace
    reliability: dict[str, Any]
    intervals: dict[str, Any] | None
    counting: dict[str, Any]
    levels: dict[str, Any]
    triage: dict[str, Any]
    rollup: dict[str, Any]
    unseen: dict[str, Any] | None
    partly_labelled: int = 0


def evaluate_split(
    predictor: Predictor,
    split: DataSplit,
    settings: EvaluateSettings,
    progress: Callable[[int, int], None] | None = None,
    training: Training | None = None,
) -> Outcome:
    """Run a predictor over a split's images and evaluate its objects.

    Args:
        progress: called with images done and in all.
        training: the model's training on this data, if known.
    Raises:
        DatasetError: the classes differ, no images, or an image's size is not the annotation's.
        ImageError: an image that cannot be read.
    """
    started = time.perf_counter()
    whole = fully_labelled(split.coco)
    truth = limited(whole, settings.limit)
    if not truth.images:
        vague = f"; {len(split.coco.images)} are only partly labelled" if split.coco.images else ""
        raise DatasetError(
            f"{split.name}: no images to evaluate{vague}; expected at least one. Choose another split"
        )
    seen = _predict_all(predictor, truth, split.images_dir, settings, progress)
    predicted = time.perf_counter()
    metrics = metrics_of(truth, seen.results)
    by_kind = {kind: matches_of(truth, seen.results.entries, kind) for kind in metrics.curves}
    matches = {kind: each for kind, each in by_kind.items() if each is not None}
    pattern, draws, intervals = split.chosen.get("group"), None, None
    if settings.resamples:
        draws = draw(truth, pattern, settings.resamples, settings.seed, split.dives)
        intervals = draws.evaluate(matches).record(settings.resamples, settings.seed)
    evaluated_kind = matches["masks" if "masks" in matches else "boxes"]
    groups, _ = unit_names(image_names(truth), pattern, split.dives)
    ids = [image.id for image in truth.images]
    levels = evaluate_levels(truth, seen.results, draws)
    unseen = unseen_record(
        training,
        truth,
        seen.results,
        pattern=pattern,
        dives=split.dives,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    triaged = triage_of(truth, seen.results.entries, draws)
    ended = time.perf_counter()
    seconds = {"predict": predicted - started, "judge": ended - predicted, "total": ended - started}
    return Outcome(
        truth,
        len(whole.images),
        seen.results,
        metrics,
        seen.confusion,
        seen.worst.worst_first(),
        seconds,
        seen.pace,
        reliability_of(evaluated_kind),
        intervals,
        operating_points_of(evaluated_kind, groups, settings.threshold, seen.named.by_supercategory(ids)),
        levels,
        triaged,
        rollup_record(seen.named, settings.rollup, ids=ids, draws=draws),
        unseen,
        len(split.coco.images) - len(whole.images),
    )


class _Seen(NamedTuple):
    """Data gathered from all images."""

    results: Results
    confusion: Confusion
    worst: WorstImages
    pace: Pace
    named: Named


def _predict_all(
    predictor: Predictor,
    truth: CocoDataset,
    images_dir: Path,
    settings: EvaluateSettings,
    progress: Callable[[int, int], None] | None,
) -> _Seen:
    class_ids = truth_class_ids(predictor, truth)
    results = Results([category.id for category in truth.categories])
    confusion = Confusion([category.name for category in truth.categories])
    worst = WorstImages(settings.worst)
    pace, named = Pace(), Named(truth.categories)
    for done, (image, found) in enumerate(_found(predictor, truth, images_dir, settings, pace), start=1):
        own = _as_truth_has_them(found, class_ids)
        results.add(image, own)
        evaluated = _evaluate_image(truth, image, own, settings.confidence)
        named.add(own, evaluated.truth)
        confusion.add(evaluated.found, evaluated.truth, evaluated.matching)
        worst.add(evaluated)
        if progress:
            progress(done, len(truth.images))
    return _Seen(results, confusion, worst, pace, named)


def _as_truth_has_them(found: Instances, class_ids: Int64) -> Instances:
    """Objects with the truth's class ids."""
    scores = found.class_scores
    if scores is not None:
        moved = np.zeros_like(scores)
        moved[:, class_ids] = scores
        scores = moved
    return replace(found, class_ids=class_ids[found.class_ids], class_scores=scores)


def truth_class_ids(predictor: Predictor, truth: CocoDataset) -> Int64:
    """The truth's class_id for each of the predictor's; see `coco_metrics.map_categories`."""
    indices = {category.id: index for index, category in enumerate(truth.categories)}
    ids = map_categories(predictor.categories, truth.categories)
    return np.array([indices[category_id] for category_id in ids], np.int64)


def limited(truth: CocoDataset, limit: int | None) -> CocoDataset:
    """At most `limit` images, evenly spaced, with their objects."""
    count = len(truth.images)
    if limit is None or limit >= count:
        return truth
    images = tuple(truth.images[count * index // limit] for index in range(limit))
    ids = {image.id for image in images}
    return CocoDataset(truth.categories, images, tuple(a for a in truth.annotations if a.image_id in ids))


def _evaluate_image(
    truth: CocoDataset, image: CocoImage, found: Instances, confidence: float
) -> EvaluatedImage:
    sure = found.take(found.scores >= confidence)
    here = truth_of(truth, image)
    return EvaluatedImage(image, here, sure, match(sure, here))


def _found(
    predictor: Predictor, truth: CocoDataset, folder: Path, settings: EvaluateSettings, pace: Pace
) -> Iterator[tuple[CocoImage, Instances]]:
    """One thread reads and predicts a batch while the caller evaluates the previous one."""

    def predict_batch(start: int, stop: int) -> list[tuple[CocoImage, Instances]]:
        images = truth.images[start:stop]
        loaded = _read(images, folder)
        began = time.perf_counter()
        found = predictor.predict(loaded, threshold=settings.threshold, max_objects=settings.max_objects)
        if start:
            pace.seconds += time.perf_counter() - began
            pace.images += len(images)
        return list(zip(images, found, strict=True))

    count = len(truth.images)
    bounds = pairwise([0, *range(1, count, settings.batch_size), count])
    for batch in in_order((partial(predict_batch, start, stop) for start, stop in bounds), max_in_flight=1):
        yield from batch


def _read(images: Sequence[CocoImage], folder: Path) -> list[UInt8]:
    loaded = []
    for image in images:
        pixels = read_image(folder / image.file_name)
        if pixels.shape[:2] != image.size_hw:
            raise size_differs(folder / image.file_name, pixels.shape[:2], image.size_hw)
        loaded.append(pixels)
    return loaded
