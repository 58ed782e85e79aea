"""Decoders of other makers' layouts against what the makers' own packages made of graphs with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from seasift.core.decode import YolactDecode
from seasift.core.errors import ModelError
from seasift.core.mask_grids import mask_of_grid, mask_of_nearest
from seasift.core.outputs import OUTPUTS
from seasift.core.prepare import InputSpec, prepare
from seasift.modelfile.recognise import LAYOUTS
from tests.golden.adopted.make import image_of

GOLDEN = Path(__file__).parents[1] / "golden" / "adopted"
# The makers' names of outputs, and the label of the first class.
NAMES = {
    "rf-detr": ({"boxes": "dets", "logits": "labels"}, 0),
    "rf-detr-seg": ({"boxes": "dets", "logits": "labels", "masks": "masks"}, 0),
    "d-fine-transformers": ({"boxes": "pred_boxes", "logits": "logits"}, 0),
    "torchvision-detection": ({n: n for n in ("boxes", "labels", "scores", "masks")}, 0),
}


def spec_of(kind: str, size_hw: tuple[int, int], resize: str | None = None) -> InputSpec:
    layout = LAYOUTS[kind]
    return InputSpec(
        size_hw,
        layout.mean,
        layout.std,
        resize or layout.resize,
        layout.sampling,
        layout.fill,
        layout.channels,
    )


@pytest.mark.parametrize("kind", NAMES)
def test_objects_are_the_makers(kind: str) -> None:
    golden = np.load(GOLDEN / f"{kind}.npz")
    names, _ = NAMES[kind]
    size_hw = tuple(golden["size_hw"].tolist())
    found = OUTPUTS[kind].decode(
        {ours: golden[f"output_{theirs}"].astype(np.float32) for ours, theirs in names.items()},
        size_hw=size_hw,
        spec=spec_of(kind, (96, 96)),
        settings=YolactDecode(),
        threshold=0.0,
        max_objects=300,
    )
    assert len(found) == len(golden["scores"]) >= 6
    np.testing.assert_allclose(found.scores, golden["scores"], atol=1e-6)
    np.testing.assert_array_equal(found.class_ids, golden["labels"])
    limits = np.array(size_hw[::-1] * 2)
    np.testing.assert_allclose(found.boxes_xyxy, golden["boxes"].clip(0, limits), atol=1e-3)
    shape = tuple(golden["masks_shape"].tolist())
    if shape == (0,):
        assert found.masks is None
        return
    assert found.masks is not None
    theirs = np.unpackbits(golden["masks"], count=int(np.prod(shape))).reshape(-1, *size_hw).astype(bool)
    assert theirs.any(axis=(1, 2)).sum() >= 6
    for mask, whole in zip(found.masks, theirs, strict=True):
        ours = mask.bitmap(size_hw)
        if kind == "torchvision-detection":  # PyTorch's own masks, not the graph's; both hover at .5
            assert np.count_nonzero(ours & whole) >= 0.98 * np.count_nonzero(ours | whole)
        else:
            assert np.count_nonzero(ours != whole) <= 1e-4 * whole.size


@pytest.mark.parametrize("kind", ["rf-detr", "rf-detr-seg", "d-fine-transformers"])
def test_images_are_prepared_as_the_maker_does(kind: str) -> None:
    golden = np.load(GOLDEN / f"{kind}.npz")
    ours = prepare(image_of(tuple(golden["size_hw"].tolist())), spec_of(kind, (96, 96)))
    one_grey = 1.01 / 255 / min(LAYOUTS[kind].std) * 255
    tolerance = 1e-4 if LAYOUTS[kind].sampling == "exact" else one_grey  # Pillow's and PyTorch's rounding
    np.testing.assert_allclose(ours, golden["prepared"], atol=tolerance)


def random_grids(seed: int) -> Any:
    """Smooth random grids (5, 17, 23) of both signs."""
    coarse = torch.randn(5, 4, 5, generator=torch.Generator().manual_seed(seed))
    return functional.interpolate(coarse[None], (17, 23), mode="bilinear")[0]


SIZES = [(17, 23), (34, 46), (33, 70), (150, 200), (9, 11)]


@pytest.mark.parametrize("size_hw", SIZES)
@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_masks_of_grids_are_those_of_whole_interpolation(size_hw: tuple[int, int], threshold: float) -> None:
    grids = random_grids(1)
    whole = functional.interpolate(grids[None], size_hw, mode="bilinear", align_corners=False)[0] > threshold
    for grid, expected in zip(grids.numpy(), whole.numpy(), strict=True):
        ours = mask_of_grid(np.ascontiguousarray(grid), size_hw, threshold).bitmap(size_hw)
        assert np.count_nonzero(ours != expected) <= 1e-3 * expected.size
    empty = mask_of_grid(np.full((5, 5), -1, np.float32), size_hw, threshold)
    assert empty.area == 0


@pytest.mark.parametrize("size_hw", SIZES)
def test_nearest_masks_are_pytorchs(size_hw: tuple[int, int]) -> None:
    inside = (random_grids(2) > 0.3).float()
    whole = functional.interpolate(inside[None], size_hw)[0] > 0.5
    for grid, expected in zip(inside.numpy() > 0.5, whole.numpy(), strict=True):
        np.testing.assert_array_equal(mask_of_nearest(grid, size_hw).bitmap(size_hw), expected)
    assert mask_of_nearest(np.zeros((4, 4), bool), size_hw).area == 0


def test_a_known_object_of_rtmdet() -> None:
    """An image of 40 x 80 px in an input of 64 px: 51.2 rounds to 51 columns; the rest is fill."""
    spec = spec_of("rtmdet-ins", (64, 64))
    size_hw = (80, 60)  # 64 x 48 px of the input
    detections = np.array([[8, 16, 24, 32, 0.9], [0, 0, 64, 64, 0.2], [4, 4, 8, 8, 0.0]], np.float32)
    masks = np.zeros((3, 64, 64), np.float32)
    masks[0, 16:32, 8:24] = 0.8
    masks[1] = 0.6
    found = OUTPUTS["rtmdet-ins"].decode(
        {"detections": detections, "labels": np.array([1, 0, 0], np.float32), "masks": masks},
        size_hw=size_hw,
        spec=spec,
        settings=YolactDecode(),
        threshold=0.1,
        max_objects=10,
    )
    assert found.class_ids.tolist() == [1, 0]
    np.testing.assert_allclose(found.boxes_xyxy, [[10, 20, 30, 40], [0, 0, 60, 80]])
    assert found.masks is not None
    assert [mask.area for mask in found.masks] == [20 * 20, 80 * 60]
    assert found.masks[0].box_xyxy == (10, 20, 30, 40)


def test_rtmdet_sees_blue_first() -> None:
    spec = spec_of("rtmdet-ins", (64, 64))
    image = np.zeros((32, 64, 3), np.uint8)
    image[..., 2] = 255  # blue
    planes = prepare(image, spec)
    np.testing.assert_allclose(planes[0, :32], (255 - 103.53) / 57.375, rtol=1e-5)
    np.testing.assert_allclose(planes[2, :32], -123.675 / 58.395, rtol=1e-5)
    np.testing.assert_allclose(planes[0, 32:], (114 - 103.53) / 57.375, rtol=1e-5)


@pytest.mark.parametrize("kind", ["rf-detr", "d-fine", "torchvision-detection", "rtmdet-ins"])
def test_nan_is_an_error(kind: str) -> None:
    outputs = {
        "boxes": np.full((2, 4), 0.5, np.float32),
        "logits": np.full((2, 3), np.nan, np.float32),
        "labels": np.zeros(2, np.float32),
        "scores": np.full(2, np.nan, np.float32),
        "detections": np.full((2, 5), np.nan, np.float32),
        "masks": np.zeros((2, 1, 64, 64), np.float32),
    }
    with pytest.raises(ModelError, match="NaN"):
        OUTPUTS[kind].decode(
            {name: outputs[name] for name in (*OUTPUTS[kind].outputs,)},
            size_hw=(64, 64),
            spec=spec_of(kind, (64, 64)),
            settings=YolactDecode(),
            threshold=0.1,
            max_objects=10,
        )
