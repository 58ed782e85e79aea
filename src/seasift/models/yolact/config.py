"""What makes one YOLACT differ from another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

ASPECT_RATIOS = (1.0, 0.5, 2.0)
LEVELS = 5


@dataclass(frozen=True)
class YolactConfig:
    """Shape of the network.

    Attributes:
        backbone: name in `seasift.models.backbones.BACKBONES`.
        classes: C, without background.
        size: side of the square input, px.
        fpn_channels: width of the feature pyramid and of the heads.
        proto_channels: width of the prototype network.
        prototypes: K.
        frozen_reduction: backbone stages up to this reduction keep their initial weights (0: none do).
        frozen_batch_norm: batch norm of the backbone keeps its initial statistics.
        whole_prior_scales: cut prior scales to whole pixels, as the published settings for 400 and 700 px do.
    """

    arch: ClassVar[str] = "yolact"

    backbone: str
    classes: int
    size: int = 550
    fpn_channels: int = 256
    proto_channels: int = 256
    prototypes: int = 32
    frozen_reduction: int = 0
    frozen_batch_norm: bool = False
    whole_prior_scales: bool = False

    @property
    def prior_scales_px(self) -> tuple[float, ...]:
        """Side of the square prior at each pyramid level, px: 24 to 384 at 550, growing with the input.

        Source: section 4 (areas 24², 48², ... on P3 to P7) and the published settings for other sizes.
        """
        scales = (24 * 2**level * self.size / 550 for level in range(LEVELS))
        return tuple(float(int(scale)) if self.whole_prior_scales else scale for scale in scales)
