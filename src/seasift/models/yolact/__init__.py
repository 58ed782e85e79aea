"""YOLACT (Bolya et al. 2019), with the published weights' arithmetic.

Read `network` (configuration, priors, layers, exported graph), then `loss` (matching, losses), then
`core.decode.decode_yolact` (Fast NMS, masks). `load_published` reads the authors' checkpoints.
"""

from __future__ import annotations

from typing import Any

from seasift.core.errors import RecipeError
from seasift.core.prepare import InputSpec
from seasift.core.types import SizeHW
from seasift.models.backbones import BACKBONES, load_backbone_weights
from seasift.models.family import ClassRows, Family
from seasift.models.yolact.loss import yolact_loss
from seasift.models.yolact.network import Yolact, YolactConfig, YolactGraph


def _configure(backbone: str, classes: int, size: int | SizeHW | None, **shape: Any) -> YolactConfig:
    side = YolactConfig.size if size is None else size
    if not isinstance(side, int):
        raise RecipeError(
            f"model.size: got {list(side)}; expected one number for yolact, whose input is square"
        )
    return YolactConfig(backbone, classes, size=side, **shape)


def _input_spec(config: YolactConfig) -> InputSpec:
    backbone = BACKBONES[config.backbone]
    return InputSpec((config.size, config.size), backbone.mean, backbone.std)


FAMILY: Family[YolactConfig, Yolact] = Family(
    name="yolact",
    output="yolact",
    config=YolactConfig,
    backbones=tuple(BACKBONES),
    backbone_of=lambda config: config.backbone,
    configure=_configure,
    input_spec=_input_spec,
    build=Yolact,
    load_backbone=lambda network, path: load_backbone_weights(network.backbone, path),
    losses=lambda network, images, targets: yolact_loss(network(images), targets, network.priors),
    graph=YolactGraph,
    candidates=lambda network: len(network.priors),
    class_layers={"head.classify": ClassRows(background=True), "semantic": ClassRows()},
)
