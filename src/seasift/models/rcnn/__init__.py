"""Mask R-CNN and Faster R-CNN, assembled from torchvision's parts.

Read `network` (configuration, backbones, layers, losses), then `graph` (inference in fixed shapes), then
`core.decode.decode_rcnn` (masks).
"""

from __future__ import annotations

from typing import Any

from seasift.core.prepare import InputSpec
from seasift.core.types import SizeHW
from seasift.models.family import ClassRows, Family, sides_of
from seasift.models.rcnn.graph import RcnnGraph
from seasift.models.rcnn.network import (
    MEAN,
    RCNN_BACKBONES,
    STD,
    FasterRcnnConfig,
    MaskRcnnConfig,
    Rcnn,
    RcnnConfig,
    load_rcnn_backbone,
)


def _family(
    config: type[RcnnConfig], *, full_masks: bool, partial_labels: tuple[str, ...]
) -> Family[RcnnConfig, Rcnn]:
    def configure(backbone: str, classes: int, size: int | SizeHW | None, **shape: Any) -> RcnnConfig:
        return config(backbone, classes, sides_of(size, default=RcnnConfig.size_hw), **shape)

    return Family(
        name=config.arch,
        output=config.arch,
        config=config,
        backbones=tuple(name for name, entry in RCNN_BACKBONES.items() if config.arch in entry.archs),
        backbone_of=lambda config: config.backbone,
        configure=configure,
        input_spec=lambda config: InputSpec(config.size_hw, MEAN, STD, config.resize),
        build=Rcnn,
        load_backbone=load_rcnn_backbone,
        losses=lambda network, images, targets: network(images, targets),
        graph=RcnnGraph,
        candidates=lambda network: len(network.layout().anchors),
        class_layers={
            "roi_heads.box_predictor.cls_score": ClassRows(background=True),
            "roi_heads.box_predictor.bbox_pred": ClassRows(background=True, values=4),
            "roi_heads.mask_predictor.mask_fcn_logits": ClassRows(background=True),
        },
        full_masks=full_masks,
        partial_labels=partial_labels,
    )


MASK_RCNN = _family(MaskRcnnConfig, full_masks=True, partial_labels=())
FASTER_RCNN = _family(FasterRcnnConfig, full_masks=False, partial_labels=("objects without masks",))
