"""What the service asks of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seasift.core.instances import Category, Instances
from seasift.core.types import UInt8
from seasift.modelfile.info import ModelInfo


class Served(Protocol):
    """A `core.predictor.Predictor` that can say where it comes from; `OnnxPredictor` is one.

    `predict` may be called from several threads.
    """

    info: ModelInfo
    sha256: str

    @property
    def name(self) -> str:
        """What the model calls itself."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes; the index is the `class_id`."""

    @property
    def engine(self) -> str:
        """Name of the engine."""

    @property
    def precision(self) -> str:
        """What the engine computes in."""

    def predict(
        self,
        images_rgb_u8: Sequence[UInt8],
        *,
        threshold: float,
        max_objects: int,
        class_ids: Sequence[int] | None,
    ) -> list[Instances]:
        """One Instances an image, in order."""
