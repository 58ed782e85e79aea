"""Do the intervals of `seasift survey` hold the truth? TrashCan's sequences as dives, with truth identities.

    python benchmarks/survey_counts.py data/trashcan model.onnx --split test

Identities of consecutive frames are those of `trashcan_identities`. Sequences are joined to dives of about as many
frames each, in an order drawn by a seed. For each dive and class: how many objects there were, how many tracks
were counted, and whether the 95% interval, made from the model's record on val of the split, holds the first.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from trashcan_identities import Frame, Reliability, linked

from seasift.core.image import read_image
from seasift.core.instances import Instances
from seasift.data.prepared import DataSplit, resolve_split
from seasift.inference.predictor import OnnxPredictor, load_predictor
from seasift.survey.counts import Interval, index_of, intervals_of
from seasift.survey.prepare import LOW
from seasift.tracking import Tracker, TrackerSettings


def truth_of(run: list[Frame]) -> Counter[int]:
    """Objects of each class in a sequence: an identity counts as what it is most often."""
    votes: dict[int, Counter[int]] = {}
    for frame in run:
        for identity, class_id in zip(frame.ids.tolist(), frame.true.class_ids.tolist(), strict=True):
            votes.setdefault(identity, Counter())[class_id] += 1
    return Counter(vote.most_common(1)[0][0] for vote in votes.values())


def counted(
    run: list[Frame], split: DataSplit, model: OnnxPredictor, settings: TrackerSettings
) -> Counter[int]:
    """Confirmed tracks of each class in a sequence, as the survey counts them."""
    tracker = Tracker(settings)
    steps = []
    for frame in run:
        image = read_image(split.images_dir / frame.image.file_name)
        found: Instances
        (found,) = model.predict([image], threshold=settings.low_score, max_objects=model.info.max_objects)
        steps.append(tracker.step(found, image, frame.time_s))
    steps.append(tracker.finish())
    return Counter(s.class_id for step in steps for s in step.summaries if s.confirmed)


def main() -> None:
    """Print coverage and the classes' sums."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("model")
    parser.add_argument("--scheme", default="dive-free")
    parser.add_argument("--split", default="test")
    parser.add_argument("--frames", type=int, default=60, help="a dive's at least")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model = load_predictor(options.model)
    counting = model.info.counting
    assert counting, "a model without its record; see `seasift models complete`"
    threshold = model.info.threshold
    settings = TrackerSettings(start_score=threshold, low_score=LOW * threshold)
    split = resolve_split(options.data, scheme=options.scheme, split=options.split)
    runs = [
        (len(run), truth_of(run), counted(run, split, model, settings))
        for run in linked(split.coco, split.images_dir, Reliability())
    ]
    index = index_of(counting, threshold)
    assert index is not None
    dives: list[tuple[Counter[int], Counter[int]]] = []
    size = options.frames
    for k in np.random.default_rng(options.seed).permutation(len(runs)).tolist():
        length, true, tracks = runs[k]
        if size >= options.frames:
            dives.append((Counter(), Counter()))
            size = 0
        dives[-1][0].update(true)
        dives[-1][1].update(tracks)
        size += length
    names = [category.name for category in model.categories]
    cells: list[tuple[int, int, int, Interval]] = []
    for true, tracks in dives:
        for class_id, interval in intervals_of(dict(tracks), counting.classes, index).items():
            cells.append((class_id, true[class_id], tracks[class_id], interval))
    inside = [i.low <= true <= i.high for _, true, _, i in cells]
    below = [true < i.low for _, true, _, i in cells]
    print(f"{len(runs)} sequences, {sum(r[0] for r in runs)} frames, {len(dives)} dives of {options.split}")
    print(f"intervals: {len(cells)}, hold the truth {np.mean(inside):.3f}, lie above it {np.mean(below):.3f}")
    sums_true, sums_tracks = Counter[int](), Counter[int]()
    for true, tracks in dives:
        sums_true.update(true)
        sums_tracks.update(tracks)
    estimates = Counter[int]()
    for class_id, _, _, interval in cells:
        estimates[class_id] += interval.estimate
    print("class: objects, tracks, sum of estimates, intervals that hold the truth")
    for class_id in sorted(sums_true | sums_tracks):
        mine = [held for (c, *_), held in zip(cells, inside, strict=True) if c == class_id]
        print(
            f"{names[class_id]}: {sums_true[class_id]}, {sums_tracks[class_id]}, {estimates[class_id]}, "
            f"{sum(mine)} of {len(mine)}"
        )


if __name__ == "__main__":
    main()
