"""Which mask head draws better outlines, all else being equal: prototypes or dynamic masks.

    python benchmarks/mask_heads.py DATA -o FOLDER [--model MODEL] [--split SPLIT] [--masks exact|polygons] [--crops N]
        [--steps N] [--limit N] [--seed N]

A bundled model is frozen, but for what makes masks: the last 3x3 convolution over the maps, the layer behind it, the two
convolutions before the coefficients (of their own from here on) and the coefficients. Both heads learn from the same windows
of the same crops, in the same order, for the same number of steps: prototypes go on from the model's, the layers that dynamic
masks have instead start at random. Then both outline the boxes that the model finds on val. Boxes and scores are the same for
all, so every object is compared with itself; intervals (95%) are over draws of whole videos.

What the frozen part gives is kept in FOLDER, so the same command goes on from there.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seasift.core.boxes import pairwise_iou
from seasift.core.decode import YolactDecode
from seasift.core.heads import decode
from seasift.core.instances import Category, Instances
from seasift.core.nms import fast_nms
from seasift.core.picture import read_picture
from seasift.core.prepare import prepare
from seasift.data.cache import open_cache
from seasift.data.prepared import DataPart, open_prepared
from seasift.evaluation.bootstrap import draw_weights, group_names, interval
from seasift.evaluation.coco_figures import evaluate
from seasift.evaluation.stream import limited
from seasift.evaluation.truth import truth_of
from seasift.models.catalog import FAMILIES, head_of, make_config
from seasift.models.sift.assignment import assign
from seasift.models.sift.dynamic import dynamic_logits
from seasift.models.sift.loss import DICE_WEIGHT, MASK_WEIGHT, _inside
from seasift.models.sift.network import Sift, boxes_of, make_points
from seasift.runtime import box
from seasift.runtime.model_file import read_model_file
from seasift.training.augment import Augment
from seasift.training.batches import BatchStream
from seasift.training.model_weights import read_model_weights
from seasift.training.recipe import AugmentRecipe

BATCH, CROP_HW = 8, (224, 384)
PER_CROP, MASKS, WINDOW = 4, 96, 24  # points of a crop, masks of a step, cells
SHARED = ("prototype_net.after", "prototype_net.last", "shape_tower", "coefficient")  # what learns
STATE = dict[str, Tensor]


@dataclass
class Frozen:
    """What the frozen part gives for one input of the grid (H', W')."""

    maps: Tensor  # (B, F, H', W'), before the last convolution of the prototype network
    levels: list[Tensor]
    boxes: Tensor  # (B, A, 4), relative to the input
    scores: Tensor  # (B, A, C)
    points: Tensor
    strides: Tensor


@torch.no_grad()
def look(network: Sift, images: Tensor) -> Frozen:
    """Run the frozen part on (B, 3, H, W)."""
    with torch.autocast("cpu", torch.bfloat16):
        finest, *maps = network.backbone(images)
        levels = network.neck(maps)
        logits, sides = [], []
        for head, level in zip(network.heads, levels, strict=True):
            classes, found, _ = head(level)
            logits.append(classes.float())
            sides.append(found.float())
        net = network.prototype_net
        doubled = F.interpolate(net.before(levels[0]), scale_factor=2.0, mode="bilinear", align_corners=False)
        maps = (doubled + net.lateral(finest)).float()
    points, strides = make_points(levels)
    all_sides = torch.cat(sides, 1)
    boxes = boxes_of(all_sides.reshape(len(images), len(points), 4, -1), points, strides)
    size = torch.tensor([images.shape[3], images.shape[2]] * 2)
    scores = torch.cat(logits, 1).sigmoid()
    return Frozen(maps, [level.float() for level in levels], boxes / size, scores, points, strides)


def around(maps: Tensor, image: int, row: int, column: int, side: int) -> tuple[Tensor, Tensor]:
    """A square of maps (B, F, H, W) from (row, column) on, zero outside: (F, side, side) float16, and what is inside."""
    height, width = maps.shape[2:]
    square, inside = torch.zeros(maps.shape[1], side, side), torch.zeros(side, side, dtype=torch.bool)
    rows, columns = (
        slice(max(first, 0), min(first + side, n)) for first, n in ((row, height), (column, width))
    )
    to = (
        slice(rows.start - row, rows.stop - row),
        slice(columns.start - column, columns.stop - column),
    )
    square[:, *to], inside[to] = maps[image, :, rows, columns], True
    return square.half(), inside


def near_points(frozen: Frozen, image: int, points: list[int]) -> STATE:
    """5 x 5 cells of their level around points: what two 3x3 convolutions see."""
    ends = np.cumsum([level.shape[2] * level.shape[3] for level in frozen.levels])
    cells, inside, levels = [], [], []
    for point in points:
        level = int(np.searchsorted(ends, point, side="right"))
        maps = frozen.levels[level]
        row, column = divmod(point - int(ends[level]) + maps.shape[2] * maps.shape[3], maps.shape[3])
        square, there = around(maps, image, row - 2, column - 2, 5)
        cells.append(square)
        inside.append(there)
        levels.append(level)
    return {
        "near": torch.stack(cells),
        "near_inside": torch.stack(inside),
        "level": torch.tensor(levels),
    }


def learning(network: Sift, part: DataPart, folder: Path, crops: int, seed: int) -> STATE:
    """Windows of the maps around points that stand for an object, with its mask."""
    spec = FAMILIES["sift"].input_spec(network.config)
    cache = open_cache(part, spec, folder / "cache")
    stream = BatchStream(cache, batch_size=BATCH, seed=seed, start=0, stop=crops // BATCH, rare=0.02)
    recipe = AugmentRecipe(scale=(0.7, 1.2), size=CROP_HW, paste=0.1)
    augment, random = Augment(recipe, spec.mean, spec.std, "area"), np.random.default_rng(seed)
    size = torch.tensor([CROP_HW[1], CROP_HW[0]] * 2)
    samples: list[STATE] = []
    for number, batch in enumerate(stream):
        images, truth = augment(batch, seed * 100_000 + number)
        frozen = look(network, images)
        known = {"class_ids": truth.class_ids, "present": truth.present, "crowd": truth.crowd}
        chosen = assign(
            frozen.scores,
            frozen.boxes * size,
            frozen.points,
            frozen.strides,
            true_boxes=truth.boxes_xyxy * size,
            **known,
        )
        for image in range(BATCH):
            shares = chosen.quality[image].numpy().astype(np.float64)
            if not shares.any():
                continue
            few = min(PER_CROP, int((shares > 0).sum()))
            points = random.choice(len(shares), few, replace=False, p=shares / shares.sum()).tolist()
            samples += [
                {**_window(frozen, truth, image, int(chosen.objects[image, point]), random)}
                | {"box": frozen.boxes[image, point]}
                | {name: value[0] for name, value in near_points(frozen, image, [point]).items()}
                for point in points
            ]
        if number % 20 == 0:
            print(f"crops {number * BATCH} of {crops}", flush=True)
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


def _window(frozen: Frozen, truth: Any, image: int, mine: int, random: np.random.Generator) -> STATE:
    """Cells around an object's box; of a large one, a part of it."""
    height, width = frozen.maps.shape[2:]
    true_box = truth.boxes_xyxy[image, mine]
    x1, y1, x2, y2 = (true_box * torch.tensor([width, height] * 2)).tolist()
    corner = []
    for low, high in ((y1, y2), (x1, x2)):
        slack = max(high - low + 2 - (WINDOW - 2), 0) / 2
        corner.append(round((low + high) / 2 - WINDOW / 2 + random.uniform(-slack, slack)))
    cells, inside = around(frozen.maps, image, *corner, WINDOW)
    mask, _ = around(truth.proto_masks[image, mine][None, None].float(), 0, *corner, WINDOW)
    return {
        "cells": cells,
        "inside": inside,
        "mask": mask[0],
        "corner": torch.tensor(corner[::-1]),
        "true_box": true_box,
    }


def point_numbers(network: Sift, near: Tensor, inside: Tensor, level: Tensor) -> Tensor:
    """Coefficients or parameters of points, from what lies around them."""
    numbers = near.new_zeros(len(near), network.config.mask_channels[0])
    for index, head in enumerate(network.heads):
        mine = (level == index).nonzero()[:, 0]
        if len(mine):
            first = head.shape_tower[0](near[mine]) * inside[mine, None]
            found = head.coefficient(head.shape_tower[1](first))[:, :, 2, 2]
            numbers = numbers.index_put((mine,), found)
    return numbers


def losses(network: Sift, batch: STATE) -> tuple[Tensor, Tensor]:
    """Cross-entropy and Dice of windows without their outermost cells, inside the true boxes, as `sift.loss` has them."""
    numbers = point_numbers(network, batch["near"].float(), batch["near_inside"], batch["level"])
    net = network.prototype_net
    maps = net.last(net.after(batch["cells"].float())[:, :, 1:-1, 1:-1])
    side = WINDOW - 2

    def within(boxes: Tensor) -> Tensor:
        grid = torch.tensor([CROP_HW[1] / 4, CROP_HW[0] / 4] * 2)
        return (boxes * grid - (batch["corner"] + 1).repeat(1, 2)) / side

    if network.config.mask_head == "dynamic":
        logits = dynamic_logits(maps, torch.arange(len(maps)), numbers, within(batch["box"]))
    else:
        logits = torch.einsum("mk,mkhw->mhw", numbers, maps)
    truth = batch["mask"].float()[:, 1:-1, 1:-1]
    inside = _inside(within(batch["true_box"]), side, side) & batch["inside"][:, 1:-1, 1:-1]
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * inside
    found, truth = logits.sigmoid() * inside, truth * inside
    shared = (found * truth).sum((1, 2))
    dice = 1 - (2 * shared + 1) / (found.sum((1, 2)) + truth.sum((1, 2)) + 1)
    return (entropy.sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)).mean(), dice.mean()


def learn(networks: dict[str, Sift], samples: STATE, steps: int, seed: int) -> None:
    """Teach all networks the same windows, step by step."""
    random, count = np.random.default_rng(seed), len(samples["level"])
    optimizers = {}
    for name, network in networks.items():
        network.eval().requires_grad_(False)  # batch norm keeps its statistics
        learns = [p for key, p in network.named_parameters() if any(part in key for part in SHARED)]
        for parameter in learns:
            parameter.requires_grad_(True)
        optimizers[name] = torch.optim.AdamW(learns, weight_decay=0.02)
    order = np.concatenate([random.permutation(count) for _ in range(steps * MASKS // count + 1)])
    seen: dict[str, list[list[float]]] = {name: [] for name in networks}
    for step in range(steps):
        chosen = torch.from_numpy(order[step * MASKS : (step + 1) * MASKS])
        batch = {name: value[chosen] for name, value in samples.items()}
        rate = 1e-3 * min(1, (step + 1) / 50) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)
        for name, network in networks.items():
            optimizers[name].param_groups[0]["lr"] = rate
            entropy, dice = losses(network, batch)
            optimizers[name].zero_grad()
            (MASK_WEIGHT * entropy + DICE_WEIGHT * dice).backward()
            nn.utils.clip_grad_norm_((p for p in network.parameters() if p.requires_grad), 10.0)
            optimizers[name].step()
            seen[name].append([float(entropy), float(dice)])
        if step % 50 == 49:
            said = {name: np.mean(each[-50:], axis=0).round(4).tolist() for name, each in seen.items()}
            print(f"step {step + 1}: cross-entropy, Dice {said}", flush=True)


def found_boxes(network: Sift, part: DataPart) -> list[dict[str, Any]]:
    """Of each image of a part: its best boxes after suppression, and what their masks are made of."""
    spec, rows = FAMILIES["sift"].input_spec(network.config), []
    for image in part.coco.images:
        planes = torch.from_numpy(prepare(read_picture(part.images_dir / image.file_name), spec))
        frozen = look(network, planes[None])
        boxes, scores = frozen.boxes[0].numpy(), frozen.scores[0].numpy()
        kept = fast_nms(boxes, scores, iou=0.5, top_k=200, keep=100, threshold=0.001)
        near = near_points(frozen, 0, kept.rows.tolist())
        rows.append({"maps": frozen.maps.half(), "boxes": boxes[kept.rows], "kept": kept, **near})
    return rows


@torch.no_grad()
def outline(network: Sift, row: dict[str, Any], size_hw: tuple[int, int]) -> Instances:
    """Objects of one image with their masks by one network; `class_ids` are rows of the boxes."""
    net = network.prototype_net
    maps = net.last(net.after(row["maps"].float()))[0].permute(1, 2, 0).numpy()
    numbers = point_numbers(network, row["near"].float(), row["near_inside"], row["level"]).numpy()
    head = head_of(network.config)
    names = ("parameters", "features") if head == "sift-dynamic" else ("coefficients", "prototypes")
    outputs = {
        "boxes": row["boxes"],
        "scores": np.diag(row["kept"].scores),  # a class for each, so that none is suppressed
        names[0]: numbers,
        names[1]: np.ascontiguousarray(maps),
    }
    return decode(
        head,
        outputs,
        size_hw=size_hw,
        spec=FAMILIES["sift"].input_spec(network.config),
        settings=YolactDecode(expected_iou=True),
        threshold=0.001,
        max_objects=100,
    )


def measure(
    network: Sift, part: DataPart, rows: list[dict[str, Any]], categories: tuple[Category, ...]
) -> tuple[dict[str, float], np.ndarray[Any, Any]]:
    """Mask and box AP, and of each true object whose box is found (IoU from .5) the IoU of box and mask. (N, 3)."""
    predictions, measured = {}, []
    for number, (image, row) in enumerate(zip(part.coco.images, rows, strict=True)):
        found = outline(network, row, image.size_hw)
        predictions[image.id] = replace(found, class_ids=row["kept"].class_ids[found.class_ids])
        truth = truth_of(part.coco, image).single
        clear = found.take(np.flatnonzero(row["kept"].scores[found.class_ids] > 0.05))
        if not len(clear) or clear.masks is None or truth.masks is None:
            continue
        for mask, overlap in zip(truth.masks, pairwise_iou(truth.boxes_xyxy, clear.boxes_xyxy), strict=True):
            best = int(np.lexsort((clear.class_ids, -overlap))[0])
            if overlap[best] >= 0.5 and mask.area:
                ours, true = clear.masks[best].bitmap(image.size_hw), mask.bitmap(image.size_hw)
                measured.append((number, overlap[best], (ours & true).sum() / (ours | true).sum()))
    figures = evaluate(part.coco, predictions, categories)
    return {"mask AP": figures.masks["AP"] or 0.0, "box AP": figures.boxes["AP"] or 0.0}, np.array(measured)


def build_network(state: STATE, categories: int, mask_head: str) -> Sift:
    """The model's network with one head or the other; what the other lacks starts at random."""
    torch.manual_seed(1)
    network = Sift(make_config("sift", "m", categories, size=(384, 480), mask_head=mask_head))  # type: ignore[arg-type]
    own = network.state_dict()
    fits = {key: value for key, value in state.items() if own[key].shape == value.shape}
    network.load_state_dict(own | fits)
    return network.eval()


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What a file holds, made first where it is not there."""
    if not path.exists():
        torch.save(make(), path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    return torch.load(path, weights_only=False)


def rows_of_table(
    measured: dict[str, tuple[dict[str, float], np.ndarray[Any, Any]]], part: DataPart, seed: int
) -> Iterator[str]:
    """Markdown; differences are to the first and to the second row, of the same objects."""
    videos = group_names([image.file_name for image in part.coco.images], r"vid_(\d+)_frame")
    weights = draw_weights(videos, 2000, seed)
    yield "| masks by | objects | box IoU | mask IoU | above .75 | mask AP | box AP | more IoU than the first | than the second |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |"
    first, second = (each[1] for each in list(measured.values())[:2])
    for name, (figures, objects) in measured.items():
        more = []
        for other in (first, second):
            assert (objects[:, :2] == other[:, :2]).all()
            gain, drawn = objects[:, 2] - other[:, 2], weights[:, objects[:, 0].astype(int)]
            low, high = interval(drawn @ gain / np.maximum(drawn.sum(1), 1)) or (math.nan, math.nan)
            more.append(f"{gain.mean():+.4f} [{low:+.4f}, {high:+.4f}]")
        yield (
            f"| {name} | {len(objects)} | {objects[:, 1].mean():.3f} | {objects[:, 2].mean():.4f} | "
            f"{(objects[:, 2] > 0.75).mean():.3f} | {figures['mask AP']:.4f} | {figures['box AP']:.4f} | {' | '.join(more)} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for what the frozen part gives")
    parser.add_argument("--model", default="default")
    parser.add_argument("--split")
    parser.add_argument("--masks")
    parser.add_argument("--crops", type=int, default=2400, help="crops of training images to learn from")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--limit", type=int, default=300, help="so many images of val, evenly spaced")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    state, categories = read_model_weights(box.find(options.model))
    if read_model_file(box.find(options.model)).info.head != "yolact":
        parser.error(f"{options.model}: has no prototypes; expected a model to go on from that has")
    model = build_network(state, len(categories), "prototypes")
    options.out.mkdir(parents=True, exist_ok=True)
    data = open_prepared(options.data)
    train, val = (data.part(masks=options.masks, split=options.split, part=each) for each in ("train", "val"))
    val = replace(val, coco=limited(val.coco, options.limit))
    samples = kept(
        options.out / "learning.pt",
        lambda: learning(model, train, options.out, options.crops, options.seed),
    )
    networks = {
        "prototypes, learnt on": build_network(state, len(categories), "prototypes"),
        "dynamic": build_network(state, len(categories), "dynamic"),
    }
    print(f"{len(samples['level'])} windows", flush=True)
    learn(networks, samples, options.steps, options.seed)
    rows = kept(options.out / "val.pt", lambda: found_boxes(model, val))
    measured = {
        name: measure(network, val, rows, categories)
        for name, network in {"prototypes, as they are": model, **networks}.items()
    }
    print(f"\n{options.model} on {val.name}, {len(val.coco.images)} images\n")
    print("\n".join(rows_of_table(measured, val, options.seed)))


if __name__ == "__main__":
    main()
