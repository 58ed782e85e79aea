"""The contract: every network of the catalog passes the same tests."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from seasift.core.errors import BadRecipe
from seasift.core.heads import HEADS
from seasift.core.instances import Category
from seasift.core.prepare import prepare
from seasift.models.catalog import FAMILIES, build, catalog, make_config, named_outputs
from seasift.models.facts import describe
from seasift.models.inference import TorchPredictor
from seasift.models.targets import Targets
from seasift.runtime.engines import open_engine

Array = np.ndarray[Any, Any]
CLASSES = 3
OBJECTS = 120  # regions of a picture that R-CNN takes for one, before suppression
SIZES = {"yolact": 96, "sift": (96, 128), "mask-rcnn": (96, 128), "faster-rcnn": (96, 128)}
STRIDES = {
    "yolact": (8, 16, 32),
    "sift": (4, 8, 16, 32),
    "resnet50-fpn": (4, 8, 16, 32, 64),
    "mobilenet-v2": (32,),
}
LIGHT = ("yolact-efficientnet-lite0", "sift-s")
EACH = [
    pytest.param(name, marks=() if name in LIGHT else pytest.mark.slow) for name in catalog()
]  # the heavy ones take minutes together


@cache
def network(name: str) -> nn.Module:
    """A network whose untrained outputs differ from each other, as a trained one's do."""
    torch.manual_seed(0)
    arch, backbone = catalog()[name]
    net = build(make_config(arch, backbone, CLASSES, size=SIZES[arch])).to(memory_format=torch.channels_last)
    calibrate(net, pictures(net, 3))
    return net


def pictures(net: Any, count: int = 2) -> Tensor:
    spec = FAMILIES[net.config.arch].input_spec(net.config)
    random = np.random.default_rng(1)
    seen = [random.integers(0, 256, (*spec.size_hw, 3), dtype=np.uint8) for _ in range(count)]
    return torch.from_numpy(np.stack([prepare(picture, spec) for picture in seen]))


@torch.no_grad()
def calibrate(net: Any, images: Tensor) -> None:
    """Give batch norm the statistics of these pictures, and every last layer outputs of a useful spread.

    R-CNN gets what training would give it, too: residual branches that add a little to what they bypass, since
    without that rounding errors grow from block to block, and a background that most regions belong to, since
    a thousand objects a picture lie so close together that rounding decides which are suppressed.
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
        net.head.classify.weight *= 20
        return
    if net.config.arch == "sift":
        for head in net.heads:
            head.classify.bias.zero_()
        return
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
        for place, (x1, y1, x2, y2) in enumerate(boxes[0].tolist()):
            rows, columns = (
                slice(round(a * n), round(b * n))
                for a, b, n in ((y1, y2, grid.shape[2]), (x1, x2, grid.shape[3]))
            )
            grid[:, place, rows, columns] = True
        return grid

    class_ids = torch.tensor([[0, 2]]).repeat(count, 1)
    return Targets(boxes, class_ids, present, torch.zeros_like(present), masks(4), masks(8), masks(1))


def losses(net: Any, *, bf16: bool) -> dict[str, Tensor]:
    net.train()
    torch.manual_seed(0)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        found = FAMILIES[net.config.arch].losses(net, pictures(net), truth(net))
    net.eval()
    return found


@pytest.mark.parametrize("name", EACH)
class TestContract:
    def test_outputs_have_the_shapes_of_the_head(self, name: str) -> None:
        net: Any = network(name)
        with torch.no_grad():
            outputs = named_outputs(net.config.arch, FAMILIES[net.config.arch].graph(net)(pictures(net, 3)))
        sizes = {"B": 3, "4": 4, "C": CLASSES}
        for output, letters in HEADS[FAMILIES[net.config.arch].head].outputs.items():
            for letter, size in zip(letters.split(), outputs[output].shape, strict=True):
                assert sizes.setdefault(letter, size) == size, (output, letter)
            assert bool(torch.isfinite(outputs[output]).all())

    def test_features_have_the_strides_of_the_backbone(self, name: str) -> None:
        net: Any = network(name)
        arch, backbone = catalog()[name]
        with torch.no_grad():
            maps = (
                net.backbone(pictures(net, 1))
                if arch in ("yolact", "sift")
                else list(net.features(pictures(net, 1)).values())
            )
        expected = STRIDES.get(arch) or STRIDES.get(backbone, (32, 32, 64))
        height, width = FAMILIES[arch].input_spec(net.config).size_hw
        assert [m.shape[-2:] for m in maps] == [(-(-height // s), -(-width // s)) for s in expected]

    def test_a_gradient_reaches_every_parameter_that_learns(self, name: str) -> None:
        net: Any = network(name)
        net.zero_grad()
        torch.stack(list(losses(net, bf16=False).values())).sum().backward()
        for parameter_name, parameter in net.named_parameters():
            if parameter.requires_grad:
                assert parameter.grad is not None, parameter_name
                assert bool(torch.isfinite(parameter.grad).all()), parameter_name
            else:
                assert parameter.grad is None, parameter_name
        net.zero_grad()

    def test_a_step_in_bf16_lowers_the_loss(self, name: str) -> None:
        arch, backbone = catalog()[name]
        torch.manual_seed(0)
        net: Any = build(make_config(arch, backbone, CLASSES, size=SIZES[arch])).to(
            memory_format=torch.channels_last
        )
        net.load_state_dict(network(name).state_dict())
        optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=1e-3)
        totals = []
        for _ in range(4):
            total = torch.stack(list(losses(net, bf16=True).values())).sum()
            totals.append(total.item())
            optimizer.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        assert np.isfinite(totals).all()
        assert min(totals[1:]) < totals[0], totals

    @pytest.mark.slow
    def test_onnx_and_openvino_say_what_torch_says(self, name: str) -> None:
        assert_parity(name, traced(name).SerializeToString())

    def test_a_predictor_finds_objects_in_pictures_of_any_size(self, name: str) -> None:
        net: Any = network(name)
        categories = [Category(i + 1, f"c{i}") for i in range(CLASSES)]
        picture = np.random.default_rng(2).integers(0, 256, (50, 120, 3), dtype=np.uint8)
        (found,) = TorchPredictor(net, categories, name=name).predict([picture], threshold=0.0)
        assert len(found)
        assert (found.boxes_xyxy >= 0).all()
        assert (found.boxes_xyxy <= [120, 50, 120, 50]).all()
        assert (found.masks is None) == (net.config.arch == "faster-rcnn")

    def test_its_facts_can_be_counted(self, name: str) -> None:
        net: Any = network(name)
        facts = describe(net.config)
        assert facts.parameters == sum(p.numel() for p in net.parameters())
        assert facts.bytes == sum(t.numel() * t.element_size() for t in (*net.parameters(), *net.buffers()))
        assert facts.gflops > 0.1
        assert facts.priors > 100


@cache
def traced(name: str) -> Any:
    """The network as an ONNX model."""
    from seasift.export.to_onnx import trace

    return trace(network(name))


def assert_parity(name: str, data: bytes) -> None:
    """An ONNX file on OpenVINO gives what the network gives in PyTorch."""
    net: Any = network(name)
    arch = net.config.arch
    engine = open_engine(data, name, engine="openvino", precision="f32", threads=None)
    images = pictures(net, 3)
    with torch.no_grad():
        expected = {n: o.numpy() for n, o in named_outputs(arch, FAMILIES[arch].graph(net)(images)).items()}
    got = engine.run(images.numpy())
    dense = FAMILIES[arch].head == "yolact"
    clear = ... if dense else distinct(expected["scores"])
    assert dense or clear.sum() > 60
    for output, values in expected.items():
        assert got[output].shape == values.shape
        np.testing.assert_allclose(got[output][clear], values[clear], rtol=1e-3, atol=1e-3, err_msg=output)


def enlarge(weight: Array) -> None:
    """One filter by a fiftieth."""
    weight[0] *= 1.02


def shift(bias: Array) -> None:
    """By little."""
    bias += 0.05


def swap(weight: Array) -> None:
    """Two outputs."""
    weight[[1, 2]] = weight[[2, 1]]


def turn(weight: Array) -> None:
    """RGB to BGR."""
    weight[:] = weight[:, ::-1].copy()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "entry", "harm"),
    [
        ("yolact-efficientnet-lite0", "head.shared.weight", enlarge),
        *(
            ("mask-rcnn-mobilenet-v3-fpn", entry, harm)
            for entry, harm in (
                ("backbone.body.0.0.weight", enlarge),
                ("backbone.body.0.0.weight", turn),
                ("rpn.head.bbox_pred.bias", shift),
                ("roi_heads.box_predictor.cls_score.weight", swap),
                ("roi_heads.box_predictor.bbox_pred.bias", shift),
                ("roi_heads.mask_predictor.mask_fcn_logits.bias", shift),
                ("roi_heads.mask_head.0.0.weight", enlarge),
            )
        ),
    ],
)
def test_parity_notices_a_small_fault(name: str, entry: str, harm: Callable[[Array], None]) -> None:
    model: Any = copy.deepcopy(traced(name))
    (held,) = (each for each in model.graph.initializer if each.name == f"network.{entry}")
    values = numpy_helper.to_array(held).copy()
    harm(values)
    held.CopyFrom(numpy_helper.from_array(values, held.name))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_parity(name, model.SerializeToString())


def distinct(scores: np.ndarray) -> np.ndarray:
    """Places whose score lies apart from its neighbours': only these have one right order."""
    steps = np.abs(np.diff(scores, axis=1))
    apart = np.pad(steps, ((0, 0), (1, 1)), constant_values=1.0) > 1e-4
    return apart[:, :-1] & apart[:, 1:] & (scores > 0)


@pytest.mark.parametrize(
    ("name", "parameters", "trainable"),
    [
        ("yolact-resnet50", 30_748_967, 30_748_967),
        ("yolact-resnet101", 49_741_095, 49_741_095),
        ("yolact-darknet53", 47_367_111, 47_367_111),
        ("mask-rcnn-resnet50-fpn", 44_035_417, 43_813_017),
        ("faster-rcnn-mobilenet-v2", 82_460_606, 82_460_606),
    ],
)
def test_parameters_are_the_published_ones(name: str, parameters: int, trainable: int) -> None:
    arch, backbone = catalog()[name]
    facts = describe(make_config(arch, backbone, 22))
    assert (facts.parameters, facts.trainable) == (parameters, trainable)


@pytest.mark.parametrize("backbone", ["resnet50-fpn", "mobilenet-v2-fpn"])
def test_a_backbone_with_random_weights_learns_as_a_whole(backbone: str) -> None:
    net = build(make_config("mask-rcnn", backbone, CLASSES, size=96, frozen_batch_norm=False))
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert any(isinstance(module, nn.BatchNorm2d) for module in net.modules())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["faster-rcnn-mobilenet-v2", "mask-rcnn-resnet50-fpn"])
def test_the_graph_of_fixed_shapes_says_what_torchvision_says(name: str) -> None:
    from torchvision.models.detection.image_list import ImageList

    net: Any = network(name)
    images, size = pictures(net), net.config.size_hw
    with torch.no_grad():
        features = net.features(images)
        proposals, _ = net.rpn(ImageList(images, [size] * 2), features)
        theirs, _ = net.roi_heads(features, proposals, [size] * 2)
        boxes, scores, classes, *masks = FAMILIES[net.config.arch].graph(net)(images)
    clear = torch.from_numpy(distinct(scores.numpy()))
    for place, expected in enumerate(theirs):
        count, keep = len(expected["scores"]), clear[place]
        assert int((scores[place] > 0).sum()) == count
        torch.testing.assert_close(scores[place, :count], expected["scores"])
        keep = keep[:count]
        assert int(keep.sum()) > 20
        own = boxes[place, :count] * torch.tensor([size[1], size[0]] * 2)
        torch.testing.assert_close(own[keep], expected["boxes"][keep], rtol=1e-4, atol=1e-3)
        assert torch.equal(classes[place, :count][keep].long() + 1, expected["labels"][keep])
        for mask in masks:
            torch.testing.assert_close(
                mask[place, :count][keep], expected["masks"][keep][:, 0], rtol=1e-4, atol=1e-4
            )


def test_unknown_names_and_foreign_settings_are_refused() -> None:
    with pytest.raises(BadRecipe, match="did you mean mask-rcnn"):
        make_config("mask-rcn", "resnet50-fpn", 3)
    with pytest.raises(BadRecipe, match="resnet50-fpn"):
        make_config("mask-rcnn", "resnet50", 3)
    with pytest.raises(BadRecipe, match="square"):
        make_config("yolact", "resnet50", 3, size=(100, 200))
    with pytest.raises(BadRecipe, match="no such setting"):
        make_config("mask-rcnn", "resnet50-fpn", 3, fpn_channels=64)
