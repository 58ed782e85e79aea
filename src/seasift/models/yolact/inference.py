"""A YOLACT in PyTorch as a Predictor, and the part of it that is exported."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from seasift.core.decode import YolactDecode, decode_yolact
from seasift.core.instances import Category, Instances
from seasift.core.prepare import InputSpec, prepare
from seasift.core.types import UInt8
from seasift.models.backbones import BACKBONES
from seasift.models.yolact.config import YolactConfig
from seasift.models.yolact.network import Yolact
from seasift.models.yolact.priors import decode

OUTPUTS = ("boxes", "scores", "coefficients", "prototypes")


def input_spec(config: YolactConfig) -> InputSpec:
    """What a YOLACT of this shape wants to see."""
    backbone = BACKBONES[config.backbone]
    return InputSpec((config.size, config.size), backbone.mean, backbone.std)


class YolactGraph(nn.Module):
    """What is exported: the network up to decoded boxes, scores, coefficients and prototypes.

    Args:
        network: in evaluation mode.
    """

    def __init__(self, network: Yolact) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Normalised images (B, 3, H, W) float32 to OUTPUTS.

        Returns:
            boxes (B, P, 4) relative x1, y1, x2, y2; scores (B, P, C) without background; coefficients
            (B, P, K); prototypes (B, H', W', K).
        """
        output = self.network(images)
        boxes = decode(output.offsets, self.network.priors)
        scores = output.logits.softmax(-1)[..., 1:]
        return boxes, scores, output.coefficients, output.prototypes


class TorchPredictor:
    """A trained network that answers as every Predictor does.

    Args:
        network: is put into evaluation mode for each call and back afterwards.
        categories: index is the class_id.
        name: for tables.
        settings: of the decoding.
        batch_size: pictures at once.
    """

    def __init__(
        self,
        network: Yolact,
        categories: Sequence[Category],
        *,
        name: str,
        settings: YolactDecode | None = None,
        batch_size: int = 8,
    ) -> None:
        self.network, self.name, self.categories = network, name, tuple(categories)
        self.settings = settings or YolactDecode()
        self._batch_size = batch_size
        self._spec = input_spec(network.config)

    @torch.no_grad()
    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        """See `seasift.core.predictor.Predictor`."""
        was_training = self.network.training
        self.network.eval()
        graph, device = YolactGraph(self.network), self.network.priors.device
        found: list[Instances] = []
        for start in range(0, len(images_rgb_u8), self._batch_size):
            pictures = images_rgb_u8[start : start + self._batch_size]
            batch = torch.from_numpy(np.stack([prepare(picture, self._spec) for picture in pictures]))
            batch = batch.to(device).contiguous(memory_format=torch.channels_last)
            outputs = [output.float().cpu().numpy() for output in graph(batch)]
            for picture, *parts in zip(pictures, *outputs, strict=True):
                found.append(
                    decode_yolact(
                        *parts,
                        size_hw=(picture.shape[0], picture.shape[1]),
                        settings=self.settings,
                        threshold=threshold,
                        max_objects=max_objects,
                    )
                )
        self.network.train(was_training)
        return found
