"""What makes one R-CNN differ from another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from seasift.core.types import SizeHW

# ImageNet's, as torchvision's backbones were trained, in pixel units.
MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
# torchvision's shortest side 800 and longest side 1333, rounded up to whole strides.
SIZE_HW = (800, 1344)


@dataclass(frozen=True)
class RcnnConfig:
    """Shape of the network.

    Attributes:
        arch: "mask-rcnn" or "faster-rcnn" (no masks).
        backbone: key of `seasift.models.rcnn.backbones.RCNN_BACKBONES`.
        classes: C, without background.
        size_hw: input, px; pictures are fitted into it with their aspect ratio kept.
        frozen_batch_norm: batch norm, and with it a ResNet's stem and first stage, keep their initial weights:
            torchvision's set-up for a pretrained backbone. A random one cannot learn like that.
        rois: regions of a picture on which the heads learn.
    """

    arch: str
    backbone: str
    classes: int
    size_hw: SizeHW = SIZE_HW
    frozen_batch_norm: bool = True
    rois: int = 512

    resize: ClassVar[str] = "fit"
