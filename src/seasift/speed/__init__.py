"""Measure how fast a model runs on a machine, stage by stage and end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.speed.api import bench as bench

__all__ = ["bench"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "bench": "seasift.speed.api:bench",
    },
)
