"""Draw objects on images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.viz.drawing import draw as draw
    from seasift.viz.plot import Plot as Plot

__all__ = ["Plot", "draw"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Plot": "seasift.viz.plot:Plot",
        "draw": "seasift.viz.drawing:draw",
    },
)
