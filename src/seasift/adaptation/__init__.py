"""Adapt a model to one's own labelled images, and measure on held-out ones whether that helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.adaptation.api import AdaptResult as AdaptResult
    from seasift.adaptation.api import adapt as adapt

__all__ = ["AdaptResult", "adapt"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "adapt": "seasift.adaptation.api:adapt",
        "AdaptResult": "seasift.adaptation.api:AdaptResult",
    },
)
