"""What an hour of footage costs on one core, stage by stage. Run: python benchmarks/scale.py [VIDEO…] [--seconds 2]

Processor time, not time on the clock, so that other work beside disturbs little; the model runs on one thread. Each video is
measured as it is and enlarged to 1920x1080 (H.264). Stages: decoding every frame to an image (what is left out by
`--every` has to be decoded, too, though not made an image of), prediction (model, objects, statistics, view for the camera's
motion), workers' crops, and what one process does for all workers: tracking and keeping.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from seasift.evaluation.machine import describe_machine
from seasift.inference.predictor import load_predictor
from seasift.survey.engine import Asked, frame_predictor
from seasift.survey.follow import follow, predict_frame
from seasift.survey.prepare import LOW
from seasift.survey.store import Store
from seasift.tracking import Tracker, TrackerSettings
from seasift.video.dive import Dive, open_dive
from seasift.video.writing import writing_video

ROOT = Path(__file__).resolve().parents[1]


def enlarged(path: Path, folder: Path, seconds: float) -> Path:
    """The same in 1920x1080."""
    large = folder / f"{path.stem}-1080p.mp4"
    with writing_video(large) as writer:
        for frame in open_dive([path], end_s=seconds).frames():
            image = cv2.resize(frame.image_rgb_u8, (1920, 1080), interpolation=cv2.INTER_CUBIC)
            writer.add(np.asarray(image, np.uint8), frame.time_s)
    return large


def opened(path: Path, seconds: float, every: float | None = None) -> Dive:
    dive = open_dive([path], end_s=seconds, every=every)
    assert isinstance(dive, Dive)
    return dive


def measure(path: Path, model_name: str, seconds: float, folder: Path) -> dict[str, float]:
    """Processor seconds: `decode` by an hour of footage, the others by a frame."""
    model = load_predictor(model_name, threads=1)
    threshold = model.info.threshold
    predict = frame_predictor(model, Asked(LOW * threshold, model.info.max_objects, ()))
    began = time.process_time()
    skipped = sum(1 for _ in opened(path, seconds, every=seconds).frames())
    left_out = time.process_time() - began
    frames = list(opened(path, seconds).frames())[::5]
    predict(frames[0].image_rgb_u8)
    began = time.process_time()
    found = [predict_frame(predict, frame) for frame in frames]
    predictions = time.process_time() - began
    began = time.process_time()
    objects = sum(len([each.crop(k) for k in range(len(each.instances))]) for each in found)
    crops = time.process_time() - began
    began = time.process_time()
    with Store(folder / path.stem / "store.sqlite", {}) as store:
        tracker = Tracker(TrackerSettings(start_score=threshold, low_score=LOW * threshold))
        follow(opened(path, seconds), lambda *_: iter(found), tracker, store)
    following = time.process_time() - began
    assert skipped == 1
    count = len(frames)
    return {
        "decode": left_out / seconds * 3600,
        "look": predictions / count,
        "crops": crops / count,
        "follow": following / count,
        "objects": objects / count,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", nargs="*", type=Path, default=[ROOT / "examples/footage/shrimp.mp4"])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--model", default="default")
    given = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for video in given.videos:
            for path in (video, enlarged(video, folder, given.seconds)):
                costs = measure(path, given.model, given.seconds, folder)
                print(
                    f"\n{path.name}: {costs['objects']:.1f} objects a frame; processor seconds by an hour of footage"
                )
                for label, rate in (("1s", 1), ("0.5s", 2), ("1 (30 a second)", 30)):
                    by_frame = {key: costs[key] * rate * 3600 for key in ("look", "crops", "follow")}
                    parts = {"decode": costs["decode"], **by_frame}
                    shown = "  ".join(f"{key} {value:,.0f}" for key, value in parts.items())
                    print(f"  --every {label}: {shown}  all {sum(parts.values()):,.0f}", flush=True)


if __name__ == "__main__":
    main()
