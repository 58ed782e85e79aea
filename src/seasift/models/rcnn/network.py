"""The networks: torchvision's detectors without their own resizing, which `core.prepare` does.

First their configurations and backbones with anchors, then the network with its targets and losses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2, mobilenet_v3_large, resnet50
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import _mobilenet_extractor, _resnet_fpn_extractor
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.misc import FrozenBatchNorm2d

from seasift.core.types import SizeHW
from seasift.models.family import Targets
from seasift.models.weights import load_exactly, read_state_dict

# ImageNet's, as torchvision's backbones were trained, in pixel units.
MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
# torchvision's shortest side 800 and longest side 1333, rounded up to whole strides.
SIZE_HW = (800, 1344)


@dataclass(frozen=True)
class RcnnConfig:
    """Shape of the network.

    Attributes:
        arch: name of the family.
        detector: torchvision's class.
        backbone: key of `seasift.models.rcnn.network.RCNN_BACKBONES`.
        classes: C, without background.
        size_hw: input, px; images are fitted into it with their aspect ratio kept.
        frozen_batch_norm: batch norm, and with it a ResNet's stem and first stage, keep their initial weights:
            torchvision's set-up for a pretrained backbone. A random one cannot learn like that.
        rois: regions of an image on which the heads learn.
    """

    arch: ClassVar[str]
    detector: ClassVar[Callable[..., Any]]
    resize: ClassVar[str] = "fit"

    backbone: str
    classes: int
    size_hw: SizeHW = SIZE_HW
    frozen_batch_norm: bool = True
    rois: int = 512


@dataclass(frozen=True)
class MaskRcnnConfig(RcnnConfig):
    """Boxes and masks (He et al. 2017)."""

    arch: ClassVar[str] = "mask-rcnn"
    detector: ClassVar[Callable[..., Any]] = MaskRCNN


@dataclass(frozen=True)
class FasterRcnnConfig(RcnnConfig):
    """Boxes alone (Ren et al. 2015)."""

    arch: ClassVar[str] = "faster-rcnn"
    detector: ClassVar[Callable[..., Any]] = FasterRCNN


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


_LOSSES = {
    "loss_objectness": "objectness",
    "loss_rpn_box_reg": "proposal",
    "loss_classifier": "class",
    "loss_box_reg": "box",
    "loss_mask": "mask",
}


@dataclass(frozen=True)
class Layout:
    """Where things lie in an input of the configured size; weights have no say in it.

    Attributes:
        anchors: (A, 4), px, level after level.
        counts: anchors of each level.
        octaves: feature map to the binary logarithm of its stride, rounded as torchvision does.
    """

    anchors: Tensor
    counts: list[int]
    octaves: dict[str, int]


class Rcnn(nn.Module):
    """Backbone, region proposals and heads. Source: Ren et al. 2015, He et al. 2017, Lin et al. 2017.

    Args:
        config: shape of the network.
    """

    def __init__(self, config: RcnnConfig) -> None:
        super().__init__()
        self.config = config
        entry = RCNN_BACKBONES[config.backbone]
        detector = config.detector(
            entry.build(config.frozen_batch_norm),
            config.classes + 1,
            box_batch_size_per_image=config.rois,
            **entry.parts(),
        )
        self.backbone: nn.Module = detector.backbone
        self.rpn: Any = detector.rpn
        self.roi_heads: Any = detector.roi_heads

        self._layout: Layout | None = None

    @property
    def has_masks(self) -> bool:
        """Whether objects get masks."""
        return bool(self.roi_heads.has_mask())

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Normalised images (B, 3, H, W) to feature maps by level, float32 whatever they were computed in.

        Anchors take over the type of the maps, and bf16 cannot hold their corners.
        """
        maps = self.backbone(images)
        named = {"0": maps} if isinstance(maps, Tensor) else maps
        return {name: feature.float() for name, feature in named.items()}

    @torch.no_grad()
    def layout(self) -> Layout:
        """Anchors and strides; found once, by looking at the shapes of the feature maps."""
        if self._layout is None:
            height, width = self.config.size_hw
            image = torch.zeros(1, 3, height, width, device=next(self.parameters()).device)
            was_training = self.training
            features = self.eval().features(image)
            self.train(was_training)
            maps = list(features.values())
            (anchors,) = self.rpn.anchor_generator(ImageList(image, [(height, width)]), maps)
            ratios = self.rpn.anchor_generator.num_anchors_per_location()
            counts = [m.shape[-2] * m.shape[-1] * n for m, n in zip(maps, ratios, strict=True)]
            octaves = {name: round(log2(height / m.shape[-2])) for name, m in features.items()}
            self._layout = Layout(anchors, counts, octaves)
        return self._layout

    def forward(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        """Losses of a batch in training mode, by name; scalars.

        Args:
            images: (B, 3, H, W) normalised.
            targets: of the same images, with `full_masks` if the network has masks.
        """
        features = self.features(images)
        sizes = [(images.shape[2], images.shape[3])] * len(images)
        truth = self._truth(targets, sizes[0])
        proposals, first = self.rpn(ImageList(images, sizes), features, truth)
        _, second = self.roi_heads(features, proposals, sizes, truth)
        return {_LOSSES[name]: value for name, value in {**first, **second}.items()}

    def _truth(self, targets: Targets, size_hw: tuple[int, int]) -> list[dict[str, Tensor]]:
        scale = torch.tensor([size_hw[1], size_hw[0]] * 2, device=targets.boxes_xyxy.device)
        truth = []
        for index, keep in enumerate(targets.present):  # torchvision takes images one by one
            entry = {
                "boxes": targets.boxes_xyxy[index, keep] * scale,
                "labels": targets.class_ids[index, keep] + 1,
            }
            if self.has_masks:
                assert targets.full_masks is not None
                entry["masks"] = targets.full_masks[index, keep].to(torch.uint8)
            truth.append(entry)
        return truth


def load_rcnn_backbone(network: Rcnn, path: Path) -> None:
    """Fill a backbone from a torchvision ImageNet classifier (.pth), by name; its own head is left over.

    Raises:
        WeightsError: entries differ; they are named.
    """
    body = RCNN_BACKBONES[network.config.backbone].features(network.backbone)
    state = read_state_dict(path)
    own = body.state_dict()
    named = {name.removeprefix("features."): value for name, value in state.items()}
    kept = {
        name: value
        for name, value in named.items()
        # Frozen batch norm counts no batches.
        if not name.startswith(("fc.", "classifier."))
        and (name in own or not name.endswith("num_batches_tracked"))
    }
    load_exactly(body, kept, source=str(path))
