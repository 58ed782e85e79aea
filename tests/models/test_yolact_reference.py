"""Our YOLACT is the published one: parameters, priors, outputs, losses, detections."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seasift.core.decode import YolactDecode, decode_yolact
from seasift.core.errors import WeightsError
from seasift.core.prepare import prepare
from seasift.models.catalog import FAMILIES
from seasift.models.yolact.loss import yolact_loss
from seasift.models.yolact.network import (
    Yolact,
    YolactConfig,
    YolactGraph,
    YolactOutput,
    load_published,
    our_name,
)

from ..oracles.backbones import published_backbone
from . import yolact_reference as reference


@pytest.fixture(scope="module")
def output() -> YolactOutput:
    net = reference.network()
    image = torch.from_numpy(prepare(reference.sample_image(), FAMILIES["yolact"].input_spec(net.config)))[
        None
    ]
    with torch.no_grad():
        # Evaluation mode leaves the semantic branch out; the reference holds it.
        semantic = net.semantic(net.fpn(net.backbone(image))[0])
        return net(image)._replace(semantic=semantic)


def test_parameters_and_priors_are_as_many() -> None:
    net = reference.network()
    assert sum(p.numel() for p in net.parameters()) == reference.golden()["params"] == 30_748_967
    assert net.priors.shape == (19_248, 4)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("loc", "offsets"),
        ("conf", "logits"),
        ("mask", "coefficients"),
        ("proto", "prototypes"),
        ("segm", "semantic"),
        ("priors", None),
    ],
)
def test_output_equals_the_published_one(theirs: str, ours: str | None, output: YolactOutput) -> None:
    got = reference.network().priors if ours is None else getattr(output, ours)
    expected = reference.golden()[theirs]
    assert list(got.shape) == expected["shape"]
    flat = got.flatten().numpy()
    np.testing.assert_allclose(flat[expected["index"]], expected["value"], rtol=1e-4, atol=1e-5)
    assert flat.mean() == pytest.approx(expected["mean"], rel=1e-4, abs=1e-6)
    assert flat.std() == pytest.approx(expected["std"], rel=1e-4)


@pytest.mark.parametrize("copies", [1, 3])
def test_losses_equal_the_published_ones(copies: int, output: YolactOutput) -> None:
    """A batch of equal images has the loss of one: every loss is a mean over positives or images."""
    batch = YolactOutput(*(part.repeat(copies, *[1] * (part.ndim - 1)) for part in output))
    losses = yolact_loss(batch, reference.targets(copies), reference.network().priors)
    expected = reference.golden()["loss"]
    for ours, theirs in (("box", "B"), ("class", "C"), ("mask", "M"), ("semantic", "S")):
        assert losses[ours].item() == pytest.approx(expected[theirs], rel=1e-4), ours


def test_detections_equal_the_published_ones() -> None:
    net = reference.network()
    with torch.no_grad():
        image = torch.from_numpy(
            prepare(reference.sample_image(), FAMILIES["yolact"].input_spec(net.config))
        )[None]
        parts = [part[0].numpy() for part in YolactGraph(net)(image)]
    found = decode_yolact(
        *parts,
        size_hw=(270, 480),
        settings=YolactDecode(nms_iou=0.5, top_k=200),
        threshold=0.05,
        max_objects=100,
    )
    expected = reference.golden()["det"]
    count = len(expected["class"])
    assert count == 30
    assert len(found) == reference.golden()["ndet"]
    assert found.masks is not None
    assert found.class_ids[:count].tolist() == expected["class"]
    np.testing.assert_allclose(found.scores[:count], expected["score"], rtol=1e-4)
    # The published implementation cuts box corners down to whole pixels.
    np.testing.assert_array_equal(
        found.boxes_xyxy[:count].astype(int), np.asarray(expected["box"]).astype(int)
    )
    areas = np.array([mask.area for mask in found.masks[:count]])
    np.testing.assert_allclose(areas, expected["mask_area"], rtol=1e-3, atol=1)


@pytest.mark.parametrize(
    ("backbone", "parameters"),
    [("resnet50", 30_748_967), ("resnet101", 49_741_095), ("darknet53", 47_367_111)],
)
def test_every_published_entry_has_a_place(backbone: str, parameters: int) -> None:
    with torch.device("meta"):  # shapes without values
        net = Yolact(YolactConfig(backbone, classes=22))
    own = net.state_dict()
    published = {our_name(name): shape for name, shape in reference.published_keys(backbone)}
    assert published.keys() == own.keys()
    assert all(list(own[name].shape) == shape for name, shape in published.items())
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert net.priors.shape == (19_248, 4)


@pytest.mark.parametrize("backbone", [pytest.param("resnet101", marks=pytest.mark.slow), "darknet53"])
def test_backbones_compute_what_the_papers_say(backbone: str) -> None:
    """Against a plain forward pass over the published entries, by their published names."""
    state = reference.published_state(backbone)
    net = Yolact(YolactConfig(backbone, classes=22, size=96))
    load_published(net, state, source="reference")
    image = torch.from_numpy(prepare(reference.sample_image(), FAMILIES["yolact"].input_spec(net.config)))[
        None
    ]
    assert torch.equal(image * 255, (image * 255).round()) == (backbone == "darknet53")  # rgb / 255
    with torch.no_grad():
        levels = net.eval().backbone(image)
        expected = published_backbone(state, image, backbone)
    for ours, theirs in zip(levels, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def empty_resnet50() -> Yolact:
    """Without the time that random weights take."""
    with torch.device("meta"):
        net = Yolact(YolactConfig("resnet50", classes=22))
    return net.to_empty(device="cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("fpn.lat_layers.1.bias"), "fpn.lateral.1.bias is missing"),
        (lambda s: s.update(extra=torch.zeros(1)), "extra is not part of this network"),
        (
            lambda s: s.update({"proto_net.10.bias": torch.zeros(31)}),
            r"prototype_net.last.bias has shape \(31,\) instead of \(32,\)",
        ),
    ],
)
def test_an_entry_that_does_not_fit_is_fatal_and_named(change, message: str) -> None:
    state = reference.published_state()
    change(state)
    with pytest.raises(WeightsError, match=message):
        load_published(empty_resnet50(), state, source="x.pth")


def test_files_without_batch_counters_load() -> None:
    state = {k: v for k, v in reference.published_state().items() if not k.endswith("num_batches_tracked")}
    net = empty_resnet50()
    load_published(net, state, source="old.pth")
    assert torch.equal(net.head.box.bias, state["prediction_layers.0.bbox_layer.bias"])


@pytest.mark.parametrize("size", [400, 550, 700])
def test_prior_scales_grow_with_the_input(size: int) -> None:
    scales = YolactConfig("resnet50", classes=22, size=size).prior_scales_px
    assert scales == pytest.approx([24 * size / 550 * 2**level for level in range(5)])
    whole = YolactConfig("resnet50", classes=22, size=size, whole_prior_scales=True).prior_scales_px
    assert (
        whole
        == {400: (17, 34, 69, 139, 279), 550: (24, 48, 96, 192, 384), 700: (30, 61, 122, 244, 488)}[size]
    )
