"""The figures about speed that the README gives. Run: python benchmarks/speed.py

Prediction is `seasift bench` on frames of the NOAA clips in examples/footage, shrunk to the 480 px across that TrashCan's
images have. PyTorch is timed on the network alone: what a forward pass costs does not depend on the weights. A training
step is in training_step.py, memory in memory.py.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from seasift.cli.bench import tell
from seasift.core.image import write_image
from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage
from seasift.evaluation.coco_metrics import evaluate
from seasift.inference.predictor import load_predictor
from seasift.speed.api import Measurement, measure, parse_configs
from seasift.speed.subjects import EngineConfig, Subject, given_images
from seasift.video.reading import FrameSampling, frames

SIZE_HW = (270, 480)
FOOTAGE = Path(__file__).resolve().parents[1] / "examples" / "footage"
PASSES = 32


def best_of(runs: int, work: Callable[[], object]) -> float:
    """Least seconds of several runs after one warm-up."""
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def write_frames(folder: Path) -> None:
    """Frames of the clips, shrunk, as images."""
    seen = [
        frame.image_rgb_u8
        for clip in sorted(FOOTAGE.glob("*.mp4"))
        for frame in frames(clip, FrameSampling(5))
    ]
    for number, frame in enumerate(seen):
        small = cv2.resize(frame, SIZE_HW[::-1], interpolation=cv2.INTER_AREA)
        write_image(folder / f"{number:03}.jpg", np.asarray(small, np.uint8))


def predict_record() -> Measurement:
    """What `seasift bench default` says of the frames at a score of 0.05."""
    with tempfile.TemporaryDirectory() as folder:
        write_frames(Path(folder))
        images = given_images([folder], limit=1000)
        configs = [EngineConfig(engine, precision, None, 0.05) for engine, precision in parse_configs(())]
        subjects = [Subject("default", config, images) for config in configs]
        return measure("default", subjects, [], images, repeats=3, cold=True)


def help_seconds() -> float:
    command = [sys.executable, "-m", "seasift", "--help"]
    return best_of(5, lambda: subprocess.run(command, check=True, capture_output=True))


def one_input() -> np.ndarray:
    size_hw = load_predictor("default").info.input.size_hw
    return np.random.default_rng(0).normal(size=(1, 3, *size_hw)).astype(np.float32)


def torch_network_rate() -> float:
    """The same network in PyTorch with untrained weights, channels_last."""
    import torch

    from seasift.models.catalog import FAMILIES, build
    from seasift.models.checkpoint import config_of
    from seasift.recipes.recipe import Recipe

    info = load_predictor("default").info
    recipe = Recipe.model_validate(info.training["recipe"])
    config = config_of(recipe, len(info.categories))
    graph = FAMILIES[config.arch].graph(build(config)).eval()
    graph = graph.to(memory_format=torch.channels_last)
    seen = torch.from_numpy(one_input()).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        return PASSES / best_of(3, lambda: [graph(seen) for _ in range(PASSES)])


def evaluation_seconds() -> float:
    """1,147 images with 2 objects and 6 detections each: as many as TrashCan's val part has."""
    random = np.random.default_rng(0)
    categories = load_predictor("default").categories
    images, annotations, found = [], [], {}
    for number in range(1, 1148):
        images.append(CocoImage(number, f"{number}.jpg", SIZE_HW))
        boxes = random.uniform([0, 0, 20, 20], [300, 150, 150, 100], (6, 4)).astype(int)
        masks = [MaskCrop(np.ones((h, w), bool), int(x), int(y)) for x, y, w, h in boxes]
        for mask, (x, y, w, h) in list(zip(masks, boxes, strict=True))[:2]:
            category = categories[int(random.integers(len(categories)))].id
            box = (float(x), float(y), float(w), float(h))
            annotations.append(
                CocoAnnotation(
                    len(annotations) + 1, number, category, box, box[2] * box[3], False, mask.rle(SIZE_HW)
                )
            )
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1).astype(np.float32)
        scores = np.sort(random.random(6).astype(np.float32))[::-1]
        found[number] = Instances(
            corners, scores, random.integers(0, len(categories), 6), SIZE_HW, tuple(masks)
        )
    truth = CocoDataset(categories, tuple(images), tuple(annotations))
    return best_of(3, lambda: evaluate(truth, found, categories))


def main() -> None:
    tell(predict_record())
    rows = [("seasift --help", help_seconds(), "s")]
    if find_spec("torch"):
        rows += [("network alone, PyTorch f32", torch_network_rate(), "images/s")]
    rows += [("evaluation of 1,147 images, 24 figures and 22 classes", evaluation_seconds(), "s")]
    for name, value, unit in rows:
        print(f"{name:60} {value:8.2f} {unit}")


if __name__ == "__main__":
    main()
