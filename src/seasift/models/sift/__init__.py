"""Sift: YOLACT's prototypes and coefficients with an anchor-free head, made for a laptop's processor.

Read `network` (configuration, layers, exported graph), then `loss` (assignment, losses), then
`core.decode.decode_yolact` (Fast NMS, masks).
"""

from __future__ import annotations

from typing import Any

from seasift.core.errors import RecipeError
from seasift.core.prepare import InputSpec
from seasift.core.types import SizeHW
from seasift.models.backbones import BACKBONES, load_backbone_weights
from seasift.models.family import ClassRows, Family, sides_of
from seasift.models.sift.loss import sift_loss
from seasift.models.sift.network import STRIDES, VARIANTS, Sift, SiftConfig, SiftGraph


def _configure(variant: str, classes: int, size: int | SizeHW | None, **shape: Any) -> SiftConfig:
    size_hw = sides_of(size, default=SiftConfig.size_hw)
    if any(side % STRIDES[-1] for side in size_hw):
        raise RecipeError(f"model.size: got {list(size_hw)}; expected multiples of {STRIDES[-1]} for sift")
    return SiftConfig(variant, classes, size_hw, **shape)


def _input_spec(config: SiftConfig) -> InputSpec:
    backbone = BACKBONES[config.variant.backbone]
    return InputSpec(config.size_hw, backbone.mean, backbone.std, config.resize)


FAMILY: Family[SiftConfig, Sift] = Family(
    name="sift",
    output="yolact",
    config=SiftConfig,
    backbones=tuple(VARIANTS),
    backbone_of=lambda config: config.variant.backbone,
    configure=_configure,
    input_spec=_input_spec,
    build=Sift,
    load_backbone=lambda network, path: load_backbone_weights(network.backbone, path),
    losses=lambda network, images, targets: sift_loss(
        network(images), targets, (images.shape[2], images.shape[3]), network.config.assignment
    ),
    graph=SiftGraph,
    candidates=lambda network: network.config.points,
    class_layers={"classify": ClassRows()},
    partial_labels=("coarse classes", "objects without masks", "loose boxes", "unlabelled background"),
)
