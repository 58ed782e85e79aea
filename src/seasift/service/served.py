"""What the service asks of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seasift.core.instances import Instances
from seasift.core.types import UInt8
from seasift.inference.image_prediction import DescribedModel
from seasift.modelfile.info import ModelInfo


class Served(DescribedModel, Protocol):
    """A model with a description that finds objects; `OnnxPredictor` is one.

    Several threads may call `predict`.
    """

    info: ModelInfo

    def predict(
        self,
        images_rgb_u8: Sequence[UInt8],
        *,
        threshold: float,
        max_objects: int,
        class_ids: Sequence[int] | None,
    ) -> list[Instances]:
        """Return one Instances per image, in order."""
