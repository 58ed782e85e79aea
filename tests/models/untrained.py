"""Networks of the catalog that learnt nothing and yet decide clearly, with images and truth for them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from seasift.core.instances import Category
from seasift.core.prepare import prepare
from seasift.core.types import UInt8
from seasift.modelfile.info import ClassEntry, InputEntry, ModelInfo, to_metadata
from seasift.models.catalog import FAMILIES, build, catalog, make_config
from seasift.models.family import Targets

CLASSES = 3
OBJECTS = 200  # regions of an image that R-CNN takes for one, before suppression
SIZES = {"yolact": 96, "sift": (96, 128), "mask-rcnn": (192, 256), "faster-rcnn": (192, 256)}
CATEGORIES = [Category(i + 1, f"c{i}") for i in range(CLASSES)]


@cache
def network(name: str) -> Any:
    """A network whose untrained outputs differ from each other, as a trained one's do."""
    torch.manual_seed(0)
    arch, backbone = catalog()[name]
    net = build(make_config(arch, backbone, CLASSES, size=SIZES[arch])).to(memory_format=torch.channels_last)
    calibrate(net, sample_images(net, 3))
    return net


def sample_images(net: Any, count: int = 2) -> Tensor:
    spec = FAMILIES[net.config.arch].input_spec(net.config)
    return torch.from_numpy(np.stack([prepare(sample_image, spec) for sample_image in noise(net, count)]))


def noise(net: Any, count: int) -> list[UInt8]:
    """Images (H, W, 3) of the size that the network takes, the same every time."""
    size_hw = FAMILIES[net.config.arch].input_spec(net.config).size_hw
    random = np.random.default_rng(1)
    return [random.integers(0, 256, (*size_hw, 3), dtype=np.uint8) for _ in range(count)]


def larger(net: Any) -> UInt8:
    """An image (H, W, 3) that the network finds objects in, of another size than its input.

    For an R-CNN it is what batch norm was set by, so that shrunk to the input it is that again: in another some of
    them find nothing.
    """
    if net.config.arch.endswith("rcnn"):
        return noise(net, 1)[0][:150].repeat(2, 0).repeat(2, 1)
    return np.random.default_rng(2).integers(0, 256, (50, 120, 3), dtype=np.uint8)


@torch.no_grad()
def calibrate(net: Any, images: Tensor) -> None:
    """Give batch norm the statistics of these images, and every last layer outputs of a useful spread.

    R-CNN gets what training would give it, too: residual branches that add a little to what they bypass, since
    without that rounding errors grow from block to block, and a background that most regions belong to, since
    a thousand objects an image lie so close together that rounding decides which are suppressed.
    """
    net.eval()
    for module in net.modules():
        if isinstance(module, Bottleneck) or getattr(module, "use_res_connect", False):
            last_norm(module).weight.fill_(0.2)

    def settle(module: Any, inputs: tuple[Tensor]) -> None:
        module.running_mean.copy_(inputs[0].mean((0, 2, 3)))
        module.running_var.copy_(inputs[0].var((0, 2, 3)) + 1e-3)

    norms = [m for m in net.modules() if "BatchNorm" in type(m).__name__]
    hooks = [norm.register_forward_pre_hook(settle) for norm in norms]
    graph = FAMILIES[net.config.arch].graph(net)
    graph(images)
    for hook in hooks:
        hook.remove()
    if net.config.arch == "yolact":
        logits = torch.cat([each.flatten() for each in outputs_of(net.head.classify, lambda: graph(images))])
        net.head.classify.weight /= logits.std()  # more, and the best scores are all 1
        return
    if net.config.arch == "sift":
        for head in net.heads:
            head.classify.bias.zero_()
        return
    # RoI align takes what is narrower than a cell for a whole cell, so such boxes along an edge score alike, and
    # rounding would decide which of them suppress the others.
    net.rpn.min_size = float(2 ** min(net.layout().octaves.values()))
    heads = net.roi_heads
    last = {net.rpn.head.cls_logits: 2.0, net.rpn.head.bbox_pred: 0.3}
    last |= {heads.box_predictor.cls_score: 2.0, heads.box_predictor.bbox_pred: 1.0}
    if net.has_masks:
        last[heads.mask_predictor.mask_fcn_logits] = 2.0
    for layer, wanted in last.items():
        layer.weight *= (
            wanted / torch.cat([each.flatten() for each in outputs_of(layer, lambda: graph(images))]).std()
        )
    (logits,) = outputs_of(heads.box_predictor.cls_score, lambda: graph(images))
    lead = logits[:, 1:].amax(1) - logits[:, 0]
    least = lead.topk(min(OBJECTS * len(images), len(lead) // 2)).values[-1]
    heads.box_predictor.cls_score.bias[0] += least + 3  # to a score of .05, below which there is no object


def last_norm(block: nn.Module) -> Any:
    """Of the branch, not of what bypasses it."""
    named = [(name, m) for name, m in block.named_modules() if "BatchNorm" in type(m).__name__]
    return [norm for name, norm in named if "downsample" not in name][-1]


def outputs_of(layer: nn.Module, run: Callable[[], object]) -> list[Tensor]:
    outputs: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    run()
    hook.remove()
    return outputs


def truth(net: Any, count: int = 2) -> Targets:
    height, width = FAMILIES[net.config.arch].input_spec(net.config).size_hw
    boxes = torch.tensor([[0.1, 0.1, 0.6, 0.7], [0.5, 0.4, 0.95, 0.9]]).repeat(count, 1, 1)
    present = torch.ones(count, 2, dtype=torch.bool)
    present[-1, 1] = False

    def masks(reduction: int) -> Tensor:
        grid = torch.zeros(count, 2, -(-height // reduction), -(-width // reduction), dtype=torch.bool)
        for index, (x1, y1, x2, y2) in enumerate(boxes[0].tolist()):
            rows, columns = (
                slice(round(a * n), round(b * n))
                for a, b, n in ((y1, y2, grid.shape[2]), (x1, x2, grid.shape[3]))
            )
            grid[:, index, rows, columns] = True
        return grid

    class_ids = torch.tensor([[0, 2]]).repeat(count, 1)
    return Targets(boxes, class_ids, present, torch.zeros_like(present), masks(4), masks(8), masks(1))


def losses(net: Any, *, bf16: bool) -> dict[str, Tensor]:
    net.train()
    torch.manual_seed(0)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        found = FAMILIES[net.config.arch].losses(net, sample_images(net), truth(net))
    net.eval()
    return found


@cache
def traced(name: str) -> Any:
    """The network as an ONNX model."""
    from seasift.export.to_onnx import trace

    return trace(network(name))


def model_file(name: str) -> bytes:
    """The network as a file that explains itself."""
    arch = catalog()[name][0]
    spec = FAMILIES[arch].input_spec(network(name).config)
    info = ModelInfo(
        name=name,
        head=FAMILIES[arch].output,
        categories=tuple(ClassEntry(id=c.id, name=c.name) for c in CATEGORIES),
        input=InputEntry(size_hw=spec.size_hw, mean=spec.mean, std=spec.std, resize=spec.resize),
        threshold=0.3,
        max_objects=100,
        licence="none",
        attribution="nobody",
    )
    model = copy.deepcopy(traced(name))
    for key, value in to_metadata(info).items():
        model.metadata_props.add(key=key, value=value)
    data: bytes = model.SerializeToString()
    return data


def distinct(scores: np.ndarray) -> np.ndarray:
    """Places whose score lies apart from its neighbours': only these have one right order."""
    steps = np.abs(np.diff(scores, axis=1))
    apart = np.pad(steps, ((0, 0), (1, 1)), constant_values=1.0) > 1e-4
    return apart[:, :-1] & apart[:, 1:] & (scores > 0)
