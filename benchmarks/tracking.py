"""How well identities are kept, by the tracker and by plain matching of overlaps.

python benchmarks/tracking.py drawn [--seeds N]
python benchmarks/tracking.py trashcan DATA [--model MODEL --scheme dive-free --split test]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from seasift.core.boxes import pairwise_iou
from seasift.core.instances import Instances
from seasift.core.types import Int64, UInt8
from seasift.data.moving import SCENES, TrueFrame, footage
from seasift.data.prepared import open_prepared
from seasift.evaluation.tracking import EvaluatedFrame, TrackingScore
from seasift.inference.predictor import load_predictor
from seasift.tracking import Step, Tracker, TrackerSettings
from seasift.tracking.association import assign, overlap


class Follows(Protocol):
    """What the tracker and the baselines answer to."""

    def step(self, instances: Instances, image_rgb_u8: UInt8, time_s: float) -> Step: ...


class PlainMatching:
    """The baseline: an observation continues the track whose last box it overlaps most, from an IoU of 0.3 on.

    Tracks end with the first frame that lacks them, or after `max_age_s`; all count from the first observation, or
    from the `confirm`-th.
    """

    def __init__(self, *, start_score: float, max_age_s: float = 0.0, confirm: int = 1) -> None:
        self.start_score, self.max_age_s, self.confirm = start_score, max_age_s, confirm
        self.tracks: dict[int, tuple[np.ndarray, float, int]] = {}
        self.last_s = -1.0
        self.next_id = 1

    def step(self, instances: Instances, image_rgb_u8: UInt8, time_s: float) -> Step:
        least_s = min(self.last_s, time_s - self.max_age_s)
        self.tracks = {k: track for k, track in self.tracks.items() if track[1] >= least_s}
        ids = np.zeros(len(instances), np.int64)
        indices = np.flatnonzero(instances.scores >= self.start_score)
        known = list(self.tracks)
        if known and len(indices):
            boxes = np.stack([self.tracks[k][0] for k in known])
            for row, column in assign(
                pairwise_iou(boxes, instances.boxes_xyxy[indices]).astype(np.float64), 0.3
            ):
                ids[indices[column]] = known[row]
        confirmed = []
        for index in indices.tolist():
            if not ids[index]:
                ids[index] = self.next_id
                self.next_id += 1
            key = int(ids[index])
            seen = self.tracks[key][2] + 1 if key in self.tracks else 1
            self.tracks[key] = (instances.boxes_xyxy[index], time_s, seen)
            if seen == self.confirm:
                confirmed.append(key)
        self.last_s = time_s
        return Step(ids, tuple(confirmed))


@dataclass(frozen=True, eq=False)
class Told:
    """A frame's truth and a follower's answer."""

    true: Instances
    true_ids: Int64
    found: Instances
    ids: Int64


def counted(frames: Iterable[tuple[TrueFrame, Instances]], follower: Follows) -> list[Told]:
    """Frames with what is in them of the tracks that count, merged as the follower says."""
    told: list[Told] = []
    confirmed: set[int] = set()
    into: dict[int, int] = {}
    for frame, found in frames:
        step = follower.step(found, frame.image_rgb_u8, frame.time_s)
        into |= dict(step.merged)
        confirmed |= set(step.confirmed)
        told.append(Told(frame.instances, frame.ids, found, step.ids))
    if isinstance(follower, Tracker):
        last = follower.finish()
        into |= dict(last.merged)
        confirmed |= set(last.confirmed)

    def final(each: int) -> int:
        while each in into:
            each = into[each]
        return each

    confirmed = {final(each) for each in confirmed}
    return [_of_counted(each, final, confirmed) for each in told]


def _of_counted(told: Told, final: Callable[[int], int], confirmed: set[int]) -> Told:
    """Only what belongs to tracks that count, the best observation of each."""
    kept: dict[int, int] = {}
    for i in np.argsort(-told.found.scores, kind="stable").tolist():
        track = final(int(told.ids[i]))
        if track in confirmed:
            kept.setdefault(track, i)
    found = told.found.take(np.array(list(kept.values()), np.int64))
    return Told(told.true, told.true_ids, found, np.array(list(kept), np.int64))


def doubles(told: Sequence[Told], least: float = 0.5) -> int:
    """Pairs of counted tracks whose boxes or masks overlap by more than `least`, on average over shared frames."""
    overlaps: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for frame in told:
        masks = frame.found.masks
        ious = pairwise_iou(frame.found.boxes_xyxy, frame.found.boxes_xyxy)
        for i, j in combinations(range(len(frame.ids)), 2):
            of_masks = overlap(masks[i], masks[j]) if masks else 0.0
            a, b = sorted((int(frame.ids[i]), int(frame.ids[j])))
            overlaps.setdefault((a, b), []).append((float(ious[i, j]), of_masks))
    return sum(bool((np.mean(pairs, axis=0) > least).any()) for pairs in overlaps.values())


def _evaluated(told: Told) -> EvaluatedFrame:
    found = told.found
    alike = np.zeros((len(told.true), len(found)))
    for row, column in np.argwhere(pairwise_iou(told.true.boxes_xyxy, found.boxes_xyxy) > 0).tolist():
        assert told.true.masks is not None
        assert found.masks is not None
        alike[row, column] = overlap(told.true.masks[row], found.masks[column])
    return EvaluatedFrame(told.true_ids, told.ids, alike)


def followers(settings: TrackerSettings) -> dict[str, Follows]:
    """All that are compared, each fresh."""
    plain = settings.start_score
    return {
        "IoU, no patience": PlainMatching(start_score=plain),
        "IoU, same patience and confirmation": PlainMatching(
            start_score=plain, max_age_s=settings.max_age_s, confirm=settings.min_hits
        ),
        "tracker": Tracker(settings),
        "without camera motion": Tracker(replace(settings, use_camera=False)),
        "without merging": Tracker(replace(settings, merge_overlap=1.0)),
        "without masks": Tracker(replace(settings, use_masks=False)),
        "without weak observations": Tracker(replace(settings, low_score=settings.start_score)),
    }


@dataclass
class Score(TrackingScore):
    """Also how many pairs of counted tracks lie on each other."""

    double: int = 0

    def follow(self, frames: Iterable[tuple[TrueFrame, Instances]], follower: Follows) -> None:
        """Run a follower over a sequence."""
        self.take(counted(frames, follower))

    def take(self, told: Sequence[Told]) -> None:
        """Count a sequence."""
        self.add([_evaluated(each) for each in told])
        self.double += doubles(told)


def row(name: str, score: Score) -> str:
    figures = f"{score.hota:.3f} | {score.deta:.3f} | {score.assa:.3f} | {score.idf1:.3f}"
    return f"| {name} | {figures} | {score.counted} | {score.off / max(score.true, 1):.3f} | {score.double} |"


HEAD = (
    "| | HOTA | DetA | AssA | IDF1 | counted | count error | double |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def drawn(seeds: int) -> None:
    """Drawn footage."""
    settings = TrackerSettings()
    all_scores = {name: Score() for name in followers(settings)}
    for scene in SCENES:
        scores = {name: Score() for name in all_scores}
        for seed in range(seeds):
            frames = list(footage(scene, seed).frames())
            for name, follower in followers(settings).items():
                told = counted(frames, follower)
                for score in (scores[name], all_scores[name]):
                    score.take(told)
        print(f"\n{scene}: {scores['tracker'].frames} frames, {scores['tracker'].true} objects\n\n{HEAD}")
        for name, score in scores.items():
            print(row(name, score), flush=True)
    print(f"\nall\n\n{HEAD}")
    for name, score in all_scores.items():
        print(row(name, score))


def trashcan(given: argparse.Namespace) -> None:
    """Sequences of TrashCan: with the truth as detections, and with a model's."""
    from trashcan_identities import Reliability, linked

    split = open_prepared(given.data).split("instance", "exact", given.scheme, given.split)
    model = load_predictor(given.model, threads=given.threads)
    sure = Reliability()
    counting = TrackerSettings(start_score=given.threshold, low_score=given.threshold / 2)
    every = replace(counting, min_hits=1, confirm_s=0.0)
    by_truth = {name: Score() for name in followers(every)}
    by_model = {name: Score() for name in followers(counting)}
    for run in linked(split.coco, split.images_dir, sure):
        images = [_read(split.images_dir / frame.image.file_name) for frame in run]
        true = [
            TrueFrame(frame.time_s, image, frame.true, frame.ids)
            for frame, image in zip(run, images, strict=True)
        ]
        found = [model.predict([image], threshold=0.05)[0] for image in images]
        for name, follower in followers(every).items():
            by_truth[name].follow([(frame, frame.instances) for frame in true], follower)
        for name, follower in followers(counting).items():
            by_model[name].follow(zip(true, found, strict=True), follower)
    some = by_truth["tracker"]
    print(f"{split.name}: {some.sequences} sequences, {some.frames} frames, {some.true} objects")
    print(f"{sure.links} links, {sure.only_one} of them between the only ones of their class;")
    print(f"{sure.skipped_same} of {sure.skipped} are the same with the frame between left out.")
    for title, scores in (("truth as detections, all count", by_truth), (model.name, by_model)):
        print(f"\n{title}\n\n{HEAD}")
        for name, score in scores.items():
            print(row(name, score))


def _read(path: Path) -> UInt8:
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("drawn").add_argument("--seeds", type=int, default=5)
    real = commands.add_parser("trashcan")
    real.add_argument("data", type=Path, help="TrashCan as `seasift data prepare` makes it")
    real.add_argument("--model", default="default")
    real.add_argument("--scheme", default="dive-free")
    real.add_argument("--split", default="test")
    real.add_argument("--threads", type=int)
    real.add_argument("--threshold", type=float, default=0.2, help="a survey takes the model's own")
    given = parser.parse_args()
    if given.what == "drawn":
        drawn(given.seeds)
    else:
        trashcan(given)


if __name__ == "__main__":
    main()
