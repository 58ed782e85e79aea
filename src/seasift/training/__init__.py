"""Training: batches, augmentation on the device, Lightning module, callbacks, runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.training.api import train as train

__all__ = ["train"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "train": "seasift.training.api:train",
    },
)
