"""The figures about speed that the README gives. Run: python benchmarks/speed.py

Everything is measured on this machine, in this process or its children, best of several runs; absolute times
depend on the machine, ratios less so. Prediction sees frames of the NOAA clips in examples/footage, shrunk to the
480 px across that TrashCan's pictures have. PyTorch is timed on the network alone, beside the engines on the network
alone: what a forward pass costs does not depend on the weights, what decoding costs does.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from seasift.core.instances import Instances
from seasift.core.masks import MaskCrop
from seasift.data.coco import CocoAnnotation, CocoDataset, CocoImage
from seasift.evaluation.coco_figures import evaluate
from seasift.evaluation.machine import describe_machine
from seasift.runtime import box
from seasift.runtime.engines import open_engine
from seasift.runtime.model_file import read_model_file
from seasift.runtime.predictor import load_predictor
from seasift.runtime.video import Every, frames

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


def pictures() -> list[np.ndarray]:
    seen = [frame.image_rgb_u8 for clip in sorted(FOOTAGE.glob("*.mp4")) for frame in frames(clip, Every(5))]
    return [cv2.resize(frame, SIZE_HW[::-1], interpolation=cv2.INTER_AREA) for frame in seen]


def help_seconds() -> float:
    command = [sys.executable, "-m", "seasift", "--help"]
    return best_of(5, lambda: subprocess.run(command, check=True, capture_output=True))


def predict_rate(engine: str) -> float:
    predictor, seen = load_predictor("default", engine=engine), pictures()
    return len(seen) / best_of(3, lambda: predictor.predict(seen, threshold=0.05))


def one_input() -> np.ndarray:
    size_hw = load_predictor("default").info.input.size_hw
    return np.random.default_rng(0).normal(size=(1, 3, *size_hw)).astype(np.float32)


def network_rate(engine: str) -> float:
    file, seen = read_model_file(box.find("default")), one_input()
    ready = open_engine(file.data, file.name, engine=engine, precision="f32", threads=None)
    return PASSES / best_of(3, lambda: [ready.run(seen) for _ in range(PASSES)])


def torch_network_rate() -> float:
    """The same network in PyTorch with untrained weights, channels_last."""
    import torch

    from seasift.models.catalog import FAMILIES, build
    from seasift.training.module import config_of
    from seasift.training.recipe import Recipe

    info = load_predictor("default").info
    recipe = Recipe.model_validate(info.training["recipe"])
    config = config_of(recipe, len(info.categories))
    graph = FAMILIES[config.arch].graph(build(config)).eval()
    graph = graph.to(memory_format=torch.channels_last)
    seen = torch.from_numpy(one_input()).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        return PASSES / best_of(3, lambda: [graph(seen) for _ in range(PASSES)])


def training_rate() -> float:
    """Images/s of the box model's recipe: augmentation, forward, loss, backward, step, in bf16."""
    import torch

    from seasift.models.catalog import FAMILIES, build
    from seasift.training.augment import Augment
    from seasift.training.batches import Batch
    from seasift.training.module import config_of
    from seasift.training.recipe import load_recipe
    from seasift.training.schedule import make_optimizer

    recipe = load_recipe("yolact-lite0-box")
    config = config_of(recipe, 22)
    family, network = FAMILIES[config.arch], build(config).to(memory_format=torch.channels_last).train()
    spec = family.input_spec(config)
    augment = Augment(recipe.augment, spec.mean, spec.std)
    optimizer = make_optimizer(recipe.optimizer, network.parameters())
    count, side = recipe.training.batch_size, config.size
    masks = torch.zeros(count, 2, side, side, dtype=torch.bool)
    masks[:, :, side // 4 : side // 2, side // 4 : side // 2] = True
    box = torch.tensor([0.25, 0.25, 0.5, 0.5]).repeat(count, 2, 1)
    present = torch.ones(count, 2, dtype=torch.bool)
    images = torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8)
    classes = torch.zeros(count, 2, dtype=torch.long)
    batch = Batch(0, ("",) * count, images, box, classes, present, ~present, masks)

    def step() -> None:
        seen, targets = augment(batch, 0)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses = family.losses(network, seen, targets)
        loss = torch.stack(list(losses.values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return count / best_of(3, step)


def evaluation_seconds() -> float:
    """1,147 pictures with 2 objects and 6 detections each: as many as TrashCan's val part has."""
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
    rows = [("seasift --help", help_seconds(), "s")]
    engines = ["openvino"] + ["onnxruntime"] * bool(find_spec("onnxruntime"))
    rows += [(f"predict, {engine} f32", predict_rate(engine), "images/s") for engine in engines]
    rows += [(f"network alone, {engine} f32", network_rate(engine), "images/s") for engine in engines]
    if find_spec("torch"):
        rows += [("network alone, PyTorch f32", torch_network_rate(), "images/s")]
        rows += [("training, bf16", training_rate(), "images/s")]
    rows += [("evaluation of 1,147 pictures, 24 figures and 22 classes", evaluation_seconds(), "s")]
    print(describe_machine())
    for name, value, unit in rows:
        print(f"{name:60} {value:8.2f} {unit}")


if __name__ == "__main__":
    main()
