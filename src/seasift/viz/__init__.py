"""Draw objects on images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.viz.drawing import Plot as Plot
    from seasift.viz.drawing import draw as draw

__all__ = ["Plot", "draw"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Plot": "seasift.viz.drawing:Plot",
        "draw": "seasift.viz.drawing:draw",
    },
)
