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

    def __init__(self, network: Sift) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Normalised images (B, 3, H, W) float32 to what `core.heads` lists.

        Returns:
            boxes (B, A, 4) x1, y1, x2, y2 relative to the input; scores (B, A, C); coefficients (B, A, K) and
            prototypes (B, H/4, W/4, K), or parameters (B, A, K) and features (B, H/4, W/4, 8) of dynamic masks.
        """
        output = self.network(images)
        height, width = images.shape[2:]
        corners = boxes_of(output.sides, output.points, output.strides)
        boxes = torch.stack([corners[..., i] / (width, height)[i % 2] for i in range(4)], dim=-1)
        return boxes, output.logits.sigmoid(), output.coefficients, output.prototypes.permute(0, 2, 3, 1)
