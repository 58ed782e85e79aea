"""The protocol of all models: torch, ONNX, remote service, other people's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seasift.core.instances import Category, Instances
from seasift.core.types import UInt8


class Predictor(Protocol):
    """Images in, Instances out."""

    @property
    def name(self) -> str:
        """Name of the model in tables."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes; the index is the `class_id` of the Instances."""

    def predict(
        self, images_rgb_u8: Sequence[UInt8], *, threshold: float = 0.05, max_objects: int = 100
    ) -> list[Instances]:
        """Find objects in images of any sizes.

        Args:
            images_rgb_u8: each (H, W, 3) uint8, RGB.
            threshold: objects with a lower score are left out.
            max_objects: at most this many per image, the best.
        Returns:
            One Instances per image, in order, best object first.
        """
