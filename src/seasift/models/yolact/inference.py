"""The part of a YOLACT that is exported."""

from __future__ import annotations

from torch import Tensor, nn

from seasift.models.yolact.network import Yolact
from seasift.models.yolact.priors import decode


class YolactGraph(nn.Module):
    """What is exported: the network up to decoded boxes, scores, coefficients and prototypes.

    Args:
        network: in evaluation mode.
    """

    def __init__(self, network: Yolact) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Normalised images (B, 3, H, W) float32 to what `core.heads` lists.

        Returns:
            boxes (B, P, 4) relative x1, y1, x2, y2; scores (B, P, C) without background; coefficients
            (B, P, K); prototypes (B, H', W', K).
        """
        output = self.network(images)
        boxes = decode(output.offsets, self.network.priors)
        scores = output.logits.softmax(-1)[..., 1:]
        return boxes, scores, output.coefficients, output.prototypes
