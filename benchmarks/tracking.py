"""How well identities are kept, by the tracker and by plain matching of overlaps.

python benchmarks/tracking.py drawn [--seeds N]
python benchmarks/tracking.py trashcan DATA [--model MODEL --split leak-free --part test]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from seasift.core.boxes import pairwise_iou
from seasift.core.instances import Instances
from seasift.core.types import Int64, UInt8
from seasift.data.moving import TrueFrame
from seasift.data.moving_scenes import SCENES, footage
from seasift.evaluation.tracking import JudgedFrame, TrackingScore
from seasift.runtime.tracking import Step, Tracker, TrackerSettings
from seasift.runtime.tracking.association import assign, overlap


class Follows(Protocol):
    """What the tracker and the baselines answer to."""

    def step(self, instances: Instances, image_rgb_u8: UInt8, time_s: float) -> Step: ...


class PlainMatching:
    """The baseline: an observation continues the track whose last box it overlaps most, from an IoU of 0.3 on.

    Tracks end with the first frame that lacks them, or after `patience_s`; all count from the first observation, or
    from the `confirm`-th.
    """

    def __init__(self, *, start_score: float, patience_s: float = 0.0, confirm: int = 1) -> None:
        self.start_score, self.patience_s, self.confirm = start_score, patience_s, confirm
        self.tracks: dict[int, tuple[np.ndarray, float, int]] = {}
        self.last_s = -1.0
        self.next_id = 1

    def step(self, instances: Instances, image_rgb_u8: UInt8, time_s: float) -> Step:
        least_s = min(self.last_s, time_s - self.patience_s)
        self.tracks = {k: track for k, track in self.tracks.items() if track[1] >= least_s}
        ids = np.zeros(len(instances), np.int64)
        places = np.flatnonzero(instances.scores >= self.start_score)
        known = list(self.tracks)
        if known and len(places):
            boxes = np.stack([self.tracks[k][0] for k in known])
            for row, column in assign(
                pairwise_iou(boxes, instances.boxes_xyxy[places]).astype(np.float64), 0.3
            ):
                ids[places[column]] = known[row]
        confirmed = []
        for place in places.tolist():
            if not ids[place]:
                ids[place] = self.next_id
                self.next_id += 1
            key = int(ids[place])
            seen = self.tracks[key][2] + 1 if key in self.tracks else 1
            self.tracks[key] = (instances.boxes_xyxy[place], time_s, seen)
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


def judge(frames: Iterable[tuple[TrueFrame, Instances]], follower: Follows) -> list[JudgedFrame]:
    """Run a follower over a sequence; only tracks that were confirmed at any time are told."""
    told, confirmed = [], set()
    for frame, found in frames:
        step = follower.step(found, frame.image_rgb_u8, frame.time_s)
        confirmed |= set(step.confirmed)
        told.append(Told(frame.instances, frame.ids, found, step.ids))
    return [_judged(each, confirmed) for each in told]


def _judged(told: Told, confirmed: set[int]) -> JudgedFrame:
    keep = np.array([int(each) in confirmed for each in told.ids], bool)
    found = told.found.take(keep)
    alike = np.zeros((len(told.true), len(found)))
    for row, column in np.argwhere(pairwise_iou(told.true.boxes_xyxy, found.boxes_xyxy) > 0).tolist():
        assert told.true.masks is not None
        assert found.masks is not None
        alike[row, column] = overlap(told.true.masks[row], found.masks[column])
    return JudgedFrame(told.true_ids, told.ids[keep], alike)


def followers(settings: TrackerSettings) -> dict[str, Follows]:
    """All that are compared, each fresh."""
    plain = settings.start_score
    return {
        "IoU, no patience": PlainMatching(start_score=plain),
        "IoU, same patience and confirmation": PlainMatching(
            start_score=plain, patience_s=settings.patience_s, confirm=settings.confirm_observations
        ),
        "tracker": Tracker(settings),
        "without camera motion": Tracker(replace(settings, use_camera=False)),
        "without masks": Tracker(replace(settings, use_masks=False)),
        "without weak observations": Tracker(replace(settings, low_score=settings.start_score)),
    }


def row(name: str, score: TrackingScore) -> str:
    figures = f"{score.hota:.3f} | {score.deta:.3f} | {score.assa:.3f} | {score.idf1:.3f}"
    return f"| {name} | {figures} | {score.counted} | {score.off / max(score.true, 1):.3f} |"


HEAD = "| | HOTA | DetA | AssA | IDF1 | counted | count error |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |"


def drawn(seeds: int) -> None:
    """Drawn footage."""
    settings = TrackerSettings()
    all_scores: dict[str, TrackingScore] = {name: TrackingScore() for name in followers(settings)}
    for scene in SCENES:
        scores = {name: TrackingScore() for name in all_scores}
        for seed in range(seeds):
            frames = list(footage(scene, seed).frames())
            for name, follower in followers(settings).items():
                judged = judge(frames, follower)
                scores[name].add(judged)
                all_scores[name].add(judged)
        print(f"\n{scene}: {scores['tracker'].frames} frames, {scores['tracker'].true} objects\n\n{HEAD}")
        for name, score in scores.items():
            print(row(name, score), flush=True)
    print(f"\nall\n\n{HEAD}")
    for name, score in all_scores.items():
        print(row(name, score))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("drawn").add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    drawn(given.seeds)


if __name__ == "__main__":
    main()
