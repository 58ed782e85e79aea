"""Backbones of R-CNN with their anchors, as torchvision and the report have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn
from torchvision.models import mobilenet_v2, mobilenet_v3_large, resnet50
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import _mobilenet_extractor, _resnet_fpn_extractor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.misc import FrozenBatchNorm2d

_RATIOS = (0.5, 1.0, 2.0)
_SIZES = (32, 64, 128, 256, 512)


@dataclass(frozen=True)
class RcnnBackbone:
    """Feature extractor, and what differs with it in the rest of the detector.

    Attributes:
        archs: the detectors that it is made for.
        build: makes it, with random weights, from `RcnnConfig.frozen_batch_norm`; it has `out_channels`.
        parts: what to hand to torchvision's detector beside it.
        features: the part that ImageNet weights fill.
    """

    archs: tuple[str, ...]
    build: Callable[[bool], nn.Module]
    parts: Callable[[], dict[str, Any]]
    features: Callable[[nn.Module], nn.Module]


def _resnet50_fpn(frozen: bool) -> nn.Module:
    body = resnet50(norm_layer=_norm(frozen))
    backbone: nn.Module = _resnet_fpn_extractor(body, trainable_layers=3 if frozen else 5)
    return backbone


def _mobilenet_fpn(make: Callable[..., nn.Module]) -> Callable[[bool], nn.Module]:
    return lambda frozen: _mobilenet_extractor(make(norm_layer=_norm(frozen)), fpn=True, trainable_layers=6)


def _norm(frozen: bool) -> type[nn.Module]:
    return FrozenBatchNorm2d if frozen else nn.BatchNorm2d


def _mobilenet_v2_single(_frozen: bool) -> nn.Module:
    """The last 1,280 channels alone, as in torchvision's tutorial and the report; everything learns."""
    features: Any = mobilenet_v2().features
    features.out_channels = 1280
    return features  # type: ignore[no-any-return]


def _three_levels() -> dict[str, Any]:
    return {"rpn_anchor_generator": AnchorGenerator((_SIZES,) * 3, (_RATIOS,) * 3)}


def _one_level() -> dict[str, Any]:
    return {
        "rpn_anchor_generator": AnchorGenerator((_SIZES,), (_RATIOS,)),
        "box_roi_pool": MultiScaleRoIAlign(["0"], output_size=7, sampling_ratio=2),
    }


def _body(backbone: nn.Module) -> nn.Module:
    body: nn.Module = backbone.body  # type: ignore[assignment]
    return body


RCNN_BACKBONES: dict[str, RcnnBackbone] = {
    "resnet50-fpn": RcnnBackbone(("mask-rcnn",), _resnet50_fpn, dict, _body),
    "mobilenet-v2-fpn": RcnnBackbone(("mask-rcnn",), _mobilenet_fpn(mobilenet_v2), _three_levels, _body),
    "mobilenet-v3-fpn": RcnnBackbone(
        ("mask-rcnn",), _mobilenet_fpn(mobilenet_v3_large), _three_levels, _body
    ),
    "mobilenet-v2": RcnnBackbone(("faster-rcnn",), _mobilenet_v2_single, _one_level, lambda b: b),
}
