"""The weights, image and truth for which the published implementation's figures were taken."""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seasift.models.family import Targets
from seasift.models.yolact.network import Yolact, YolactConfig, load_published

GOLDEN = Path(__file__).parents[1] / "golden"
BOXES = [
    (0.10, 0.15, 0.45, 0.60),
    (0.50, 0.20, 0.90, 0.55),
    (0.30, 0.62, 0.62, 0.95),
    (0.72, 0.70, 0.80, 0.82),
]
CLASSES = [0, 11, 16, 3]


def golden() -> dict[str, Any]:
    return json.loads((GOLDEN / "yolact_resnet50.json").read_text())


def published_keys(backbone: str = "resnet50") -> list[tuple[str, list[int]]]:
    return json.loads((GOLDEN / f"yolact_{backbone}.keys.json").read_text())


def weight(name: str, shape: list[int]) -> np.ndarray:
    random = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        value = np.zeros(shape)
    elif name.endswith("running_var"):
        value = 1 + 0.1 * random.random(shape)
    elif name.endswith("running_mean"):
        value = 0.02 * random.standard_normal(shape)
    elif len(shape) == 4:
        gain = 3 if "conf_layer" in name else 1
        value = gain * random.standard_normal(shape) * np.sqrt(1 / np.prod(shape[1:]))
    elif name.endswith("weight"):
        value = 0.9 + 0.2 * random.random(shape)
    else:
        value = 0.02 * random.standard_normal(shape)
    return np.asarray(value, np.float32)


def published_state(backbone: str = "resnet50") -> dict[str, torch.Tensor]:
    return dict(_state(backbone))


@cache
def _state(backbone: str) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(weight(name, shape)) for name, shape in published_keys(backbone)}


@cache
def network() -> Yolact:
    net = Yolact(YolactConfig("resnet50", classes=22))
    load_published(net, published_state(), source="reference")
    return net.eval()


def sample_image() -> np.ndarray:
    y, x = np.mgrid[0:550, 0:550] / 550
    planes = [
        127 + 100 * np.sin(7 * x + 3 * y),
        127 + 90 * np.cos(5 * x - 11 * y),
        127 + 80 * np.sin(13 * x * y + 2 * y),
    ]
    return np.stack(planes, axis=-1).clip(0, 255).astype(np.uint8)


def shrink_masks(masks: torch.Tensor, size_hw: tuple[int, int]) -> torch.Tensor:
    """Masks (..., H, W) to a coarser grid as the published implementation does: bilinear, then > 0.5."""
    flat = masks.reshape(-1, 1, *masks.shape[-2:]).float()
    small = torch.nn.functional.interpolate(flat, size_hw, mode="bilinear", align_corners=False) > 0.5
    return small.reshape(*masks.shape[:-2], *size_hw)


def targets(copies: int = 1) -> Targets:
    y, x = np.mgrid[0:550, 0:550] / 550
    masks = []
    for x1, y1, x2, y2 in BOXES:
        from_centre = ((x - (x1 + x2) / 2) / ((x2 - x1) / 2)) ** 2 + (
            (y - (y1 + y2) / 2) / ((y2 - y1) / 2)
        ) ** 2
        masks.append(from_centre <= 1)
    full = torch.from_numpy(np.stack(masks))[None].repeat(copies, 1, 1, 1)
    present = torch.ones(copies, len(BOXES), dtype=torch.bool)
    return Targets(
        torch.tensor(BOXES, dtype=torch.float32).repeat(copies, 1, 1),
        torch.tensor(CLASSES).repeat(copies, 1),
        present,
        torch.zeros_like(present),
        shrink_masks(full, (138, 138)),
        shrink_masks(full, (69, 69)),
    )
