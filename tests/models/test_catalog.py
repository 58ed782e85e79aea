"""The contract: every network of the catalog passes the same tests."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from seasift.core.errors import RecipeError
from seasift.core.outputs import OUTPUTS
from seasift.inference.engines import open_engine
from seasift.inference.predictor import load_predictor
from seasift.models.catalog import FAMILIES, build, catalog, describe, make_config, named_outputs
from seasift.models.checkpoint import TorchPredictor

from .untrained import (
    CATEGORIES,
    CLASSES,
    SIZES,
    distinct,
    larger,
    losses,
    model_file,
    network,
    sample_images,
    traced,
)

Array = np.ndarray[Any, Any]
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


@pytest.mark.parametrize("name", EACH)
class TestContract:
    def test_outputs_have_the_shapes_of_the_head(self, name: str) -> None:
        net: Any = network(name)
        with torch.no_grad():
            outputs = named_outputs(
                net.config.arch, FAMILIES[net.config.arch].graph(net)(sample_images(net, 3))
            )
        sizes = {"B": 3, "4": 4, "C": CLASSES}
        for output, letters in OUTPUTS[FAMILIES[net.config.arch].output].outputs.items():
            for letter, size in zip(letters.split(), outputs[output].shape, strict=True):
                assert sizes.setdefault(letter, size) == size, (output, letter)
            assert bool(torch.isfinite(outputs[output]).all())

    def test_features_have_the_strides_of_the_backbone(self, name: str) -> None:
        net: Any = network(name)
        arch, backbone = catalog()[name]
        with torch.no_grad():
            maps = (
                net.backbone(sample_images(net, 1))
                if arch in ("yolact", "sift")
                else list(net.features(sample_images(net, 1)).values())
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

    def test_a_predictor_finds_objects_in_images_of_any_size(self, name: str) -> None:
        net: Any = network(name)
        sample_image = larger(net)
        (found,) = TorchPredictor(net, CATEGORIES, name=name).predict([sample_image], threshold=0.0)
        assert len(found)
        assert (found.boxes_xyxy >= 0).all()
        assert (found.boxes_xyxy <= [*sample_image.shape[1::-1]] * 2).all()
        assert (found.masks is None) == (net.config.arch == "faster-rcnn")

    @pytest.mark.slow
    def test_a_model_file_on_openvino_finds_what_torch_finds(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / "model.onnx"
        path.write_bytes(model_file(name))
        net: Any = network(name)
        sample_image = larger(net)
        by_torch = TorchPredictor(net, CATEGORIES, name=name)
        # One more than is compared: its score tells whether the last has one right place.
        (found,), (expected,) = (
            each.predict([sample_image], threshold=0.0, max_objects=31)
            for each in (load_predictor(path), by_torch)
        )
        np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-3, atol=1e-3)
        clear = distinct(expected.scores[None])[0][:30]
        assert clear.sum() >= 5
        assert (found.class_ids[:30] == expected.class_ids[:30])[clear].all()
        np.testing.assert_allclose(
            found.boxes_xyxy[:30][clear], expected.boxes_xyxy[:30][clear], rtol=1e-3, atol=0.1
        )
        assert (found.masks is None) == (expected.masks is None) == (name.startswith("faster-rcnn"))
        if found.masks is not None and expected.masks is not None:
            for index in np.flatnonzero(clear):
                ours, theirs = (each.masks[index].bitmap(each.size_hw) for each in (found, expected))
                assert (ours != theirs).sum() <= 0.01 * max(theirs.sum(), 100)

    def test_its_facts_can_be_counted(self, name: str) -> None:
        net: Any = network(name)
        facts = describe(net.config)
        assert facts.parameters == sum(p.numel() for p in net.parameters())
        assert facts.bytes == sum(t.numel() * t.element_size() for t in (*net.parameters(), *net.buffers()))
        assert facts.gflops > 0.1
        assert facts.priors > 100


def assert_parity(name: str, data: bytes) -> None:
    """An ONNX file on OpenVINO gives what the network gives in PyTorch."""
    net: Any = network(name)
    arch = net.config.arch
    engine = open_engine(data, name, engine="openvino", precision="f32", threads=None)
    images = sample_images(net, 3)
    with torch.no_grad():
        expected = {n: o.numpy() for n, o in named_outputs(arch, FAMILIES[arch].graph(net)(images)).items()}
    got = engine.run(images.numpy())
    dense = OUTPUTS[FAMILIES[arch].output].has_prototypes
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
            ("mask-rcnn-mobilenet-v2-fpn", entry, harm)
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
@pytest.mark.parametrize("name", [name for name, (arch, _) in catalog().items() if arch.endswith("rcnn")])
def test_the_graph_of_fixed_shapes_says_what_torchvision_says(name: str) -> None:
    from torchvision.models.detection.image_list import ImageList

    net: Any = network(name)
    images, size = sample_images(net), net.config.size_hw
    with torch.no_grad():
        features = net.features(images)
        proposals, _ = net.rpn(ImageList(images, [size] * 2), features)
        theirs, _ = net.roi_heads(features, proposals, [size] * 2)
        boxes, scores, classes, *masks = FAMILIES[net.config.arch].graph(net)(images)
    clear = torch.from_numpy(distinct(scores.numpy()))
    for index, expected in enumerate(theirs):
        count, keep = len(expected["scores"]), clear[index]
        assert int((scores[index] > 0).sum()) == count
        torch.testing.assert_close(scores[index, :count], expected["scores"])
        keep = keep[:count]
        assert int(keep.sum()) > 20
        own = boxes[index, :count] * torch.tensor([size[1], size[0]] * 2)
        torch.testing.assert_close(own[keep], expected["boxes"][keep], rtol=1e-4, atol=1e-3)
        assert torch.equal(classes[index, :count][keep].long() + 1, expected["labels"][keep])
        for mask in masks:
            torch.testing.assert_close(
                mask[index, :count][keep], expected["masks"][keep][:, 0], rtol=1e-4, atol=1e-4
            )


def test_unknown_names_and_foreign_settings_are_refused() -> None:
    with pytest.raises(RecipeError, match="did you mean mask-rcnn"):
        make_config("mask-rcn", "resnet50-fpn", 3)
    with pytest.raises(RecipeError, match="resnet50-fpn"):
        make_config("mask-rcnn", "resnet50", 3)
    with pytest.raises(RecipeError, match="square"):
        make_config("yolact", "resnet50", 3, size=(100, 200))
    with pytest.raises(RecipeError, match="no such setting"):
        make_config("mask-rcnn", "resnet50-fpn", 3, fpn_channels=64)
