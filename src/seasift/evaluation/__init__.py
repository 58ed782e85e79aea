"""Evaluate predictions: COCO metrics, curves, confusion, intervals, comparison, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.evaluation.api import evaluate as evaluate

__all__ = ["evaluate"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "evaluate": "seasift.evaluation.api:evaluate",
    },
)
