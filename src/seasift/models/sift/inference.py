"""The part of a sift that is exported."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seasift.models.sift.network import Sift, boxes_of


class SiftGraph(nn.Module):
    """What is exported: the network up to decoded boxes, scores, coefficients and prototypes.

    Args:
        network: in evaluation mode.
    """

    size: Tensor

    def __init__(self, network: Sift) -> None:
        super().__init__()
        self.network = network
        height, width = network.config.size_hw
        self.register_buffer("size", torch.tensor([width, height] * 2, dtype=torch.float32))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Normalised images (B, 3, H, W) float32 to what `core.heads` lists.

        Returns:
            boxes (B, A, 4) x1, y1, x2, y2 relative to the input; scores (B, A, C); coefficients (B, A, K);
            prototypes (B, H/4, W/4, K).
        """
        output = self.network(images)
        boxes = boxes_of(output.sides, self.network.points, self.network.strides) / self.size
        return boxes, output.logits.sigmoid(), output.coefficients, output.prototypes.permute(0, 2, 3, 1)
