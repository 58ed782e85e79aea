"""What a base model and weights between it and the adapted one find on held-out images, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from seasift.core.calibration import Calibration
from seasift.core.instances import Category, Instances
from seasift.data.coco import CocoDataset, CocoImage
from seasift.evaluation.coco_metrics import Metrics, Results, metrics_of
from seasift.evaluation.confusion import image_names, matches_of
from seasift.evaluation.intervals import (
    FEW_CLASS_GROUPS,
    RESAMPLES,
    SEED,
    Resampled,
    draw_weights,
    interval,
    resampled,
)
from seasift.evaluation.reliability import reliability_of

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the adapted weights; 0 is the base model."""
ALIKE = 0.005
"""Of shares whose mean AP differs by less, the smallest is taken: it forgets least."""
FEW_OBJECTS, LOW_AP = 10, 0.2
FEW_STEPS = 20
"""Fewer steps than this in a turn teach little."""
Limits = list[float] | None


@dataclass(frozen=True)
class ClassRow:
    """A class before and after.

    Attributes:
        name: of the class.
        objects: labelled objects in the held-out images.
        images: held-out images with some.
        new: whether the base model does not know it.
        before, after: AP of masks, else of boxes; None without objects.
        before_limits, after_limits: 95% intervals; None with objects in fewer than five images.
        detections: what is shown of it before and after, at the threshold of each model.
    """

    name: str
    objects: int
    images: int
    new: bool
    before: float | None
    after: float | None
    before_limits: Limits
    after_limits: Limits
    detections: tuple[int, int]


@dataclass(frozen=True)
class Judgement:
    """Before and after on held-out images.

    Attributes:
        share: of the adapted weights that was chosen.
        kind: "masks" or "boxes".
        by_share: AP at each share.
        before, after: all metrics of the base model, and at the chosen share.
        limits: 95% intervals of AP before, after and of the difference.
        rows: one a class of the joined classes.
        images: number of held-out images that were judged.
        groups, unit: what was drawn for the intervals, such as 12 videos.
        calibration: fitted to the scores at the chosen share; None with too few objects.
    """

    share: float
    kind: str
    by_share: Mapping[float, float]
    before: Metrics
    after: Metrics
    limits: Mapping[str, Limits]
    rows: Sequence[ClassRow]
    images: int
    groups: int
    unit: str
    calibration: Calibration | None

    @property
    def helped(self) -> bool:
        """Whether any of the adapted weights is better than the base model."""
        return self.share > 0

    def ap(self, metrics: Metrics) -> float:
        """AP of the kind that is judged."""
        line = metrics.masks if self.kind == "masks" else metrics.boxes
        return line["AP"] or 0.0

    def label_more(self) -> list[str]:
        """Classes of which more labels would help most, with the reason."""
        labelled = [row for row in self.rows if row.objects]
        few = sorted((r for r in labelled if r.objects < FEW_OBJECTS), key=lambda row: row.objects)
        low = sorted(
            (r for r in labelled if r.objects >= FEW_OBJECTS and (r.after or 0) < LOW_AP),
            key=lambda row: row.after or 0,
        )
        return [
            *(f"{row.name} ({row.objects} labelled object{'s' * (row.objects != 1)})" for row in few),
            *(f"{row.name} (AP {row.after or 0:.3f})" for row in low),
        ][:6]


@dataclass
class HeldOut:
    """Collects what is found on held-out images, turn by turn.

    Attributes:
        truth: all labelled images that may be judged.
        base_classes: number of the base model's classes.
        group_of: file name to video, or to itself.
        unit: "video" or "image".
        shown: ids of images whose objects are kept for pictures.
        pictures: image id to share to what was found, of the images in `shown`.
    """

    truth: CocoDataset
    base_classes: int
    group_of: Mapping[str, str]
    unit: str
    shown: Collection[int] = ()
    pictures: dict[int, dict[float, Instances]] = field(default_factory=dict)
    _found: dict[float, dict[int, Instances]] = field(default_factory=dict)

    def add(self, share: float, found: Mapping[int, Instances]) -> None:
        """Add the objects of one turn's images; a base model's finds of new classes do not count."""
        for image_id, objects in found.items():
            known = objects if share else objects.take(objects.class_ids < self.base_classes)
            self._found.setdefault(share, {})[image_id] = known
            if image_id in self.shown:
                self.pictures.setdefault(image_id, {})[share] = known

    def judge(self, before: tuple[float, Calibration | None], fitted: bool = True) -> Judgement | None:
        """Choose the share and compare it with the base model.

        Args:
            before: the base model's threshold and calibration; the threshold is one of calibrated scores.
            fitted: fit a calibration to the scores at the chosen share.
        Returns:
            None if no turn was finished.
        """
        judged = set.intersection(*(set(self._found.get(share, {})) for share in SHARES))
        if not judged:
            return None
        truth = self.truth.subset([i.file_name for i in self.truth.images if i.id in judged])
        results = {share: self._results(truth, truth.images, share) for share in SHARES}
        metrics = {share: metrics_of(truth, each) for share, each in results.items()}
        kind = "masks" if all("masks" in each.curves for each in metrics.values()) else "boxes"
        by_share = {
            share: (each.masks if kind == "masks" else each.boxes)["AP"] or 0.0
            for share, each in metrics.items()
        }
        share = chosen_share(by_share)
        groups = [self.group_of[name] for name in image_names(truth)]
        weights = draw_weights(groups, RESAMPLES, SEED)
        weights = np.concatenate([np.ones((1, len(groups)), np.int64), weights])
        drawn: dict[float, Resampled] = {}
        calibration = None
        for each in {0.0, share}:
            matches = matches_of(truth, results[each].entries, kind) or []
            drawn[each] = resampled(matches, weights)
            if each == share and share and fitted:
                values = reliability_of(matches)["calibration"]
                calibration = None if values is None else Calibration(**values)
        enough = len(set(groups)) > 1
        first, second = (drawn[each].overall["AP"] for each in (0.0, share))
        limits = {"before": first, "after": second, "difference": second - first}
        threshold, own = before
        counts = [
            self._shown_at(truth, each, threshold, calibrated)
            for each, calibrated in ((0.0, own), (share, calibration or own))
        ]
        return Judgement(
            share=share,
            kind=kind,
            by_share=by_share,
            before=metrics[0.0],
            after=metrics[share],
            limits={name: interval(values[1:]) if enough else None for name, values in limits.items()},
            rows=_rows(
                truth,
                self.base_classes,
                kind,
                (metrics[0.0], metrics[share]),
                (drawn[0.0], drawn[share]),
                counts,
            ),
            images=len(truth.images),
            groups=len(set(groups)),
            unit=self.unit,
            calibration=calibration,
        )

    def _results(self, truth: CocoDataset, images: Sequence[CocoImage], share: float) -> Results:
        results = Results([category.id for category in truth.categories])
        for image in images:
            results.add(image, self._found[share][image.id])
        return results

    def _shown_at(
        self, truth: CocoDataset, share: float, threshold: float, calibration: Calibration | None
    ) -> Counter[int]:
        counts: Counter[int] = Counter()
        for image in truth.images:
            found = above(self._found[share][image.id], threshold, calibration)
            counts.update(found.class_ids.tolist())
        return counts


def above(found: Instances, threshold: float, calibration: Calibration | None) -> Instances:
    """Objects whose calibrated score reaches a threshold, with calibrated scores."""
    probable = found if calibration is None else calibration.applied_to(found)
    return probable.take(probable.scores >= threshold)


def chosen_share(by_share: Mapping[float, float]) -> float:
    """The smallest share whose AP is within `ALIKE` of the best. It is the base model's, 0, if none is better by more."""
    best = max(by_share.values())
    return min(share for share, ap in by_share.items() if ap >= best - ALIKE)


def _rows(
    truth: CocoDataset,
    base_classes: int,
    kind: str,
    metrics: tuple[Metrics, Metrics],
    drawn: tuple[Resampled, Resampled],
    counts: Sequence[Counter[int]],
) -> list[ClassRow]:
    images: dict[int, set[int]] = {}
    for annotation in truth.annotations:
        images.setdefault(annotation.category_id, set()).add(annotation.image_id)

    def row(index: int, category: Category) -> ClassRow:
        objects = metrics[0].per_class[category.name]["objects"]
        values = [each.per_class[category.name][kind]["AP"] if objects else None for each in metrics]
        enough = len(images.get(category.id, ())) >= FEW_CLASS_GROUPS
        limits = [interval(each.per_class[1:, index]) if enough else None for each in drawn]
        return ClassRow(
            category.name,
            objects,
            len(images.get(category.id, ())),
            index >= base_classes,
            values[0],
            values[1],
            limits[0],
            limits[1],
            detections=(counts[0][index], counts[1][index]),
        )

    return [row(index, category) for index, category in enumerate(truth.categories)]
