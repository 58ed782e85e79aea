"""The use case `predict`: many images and videos in, results and files out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.prediction.options import PredictOptions as PredictOptions
    from seasift.prediction.run import PredictResult as PredictResult
    from seasift.prediction.run import predict as predict

__all__ = ["PredictOptions", "PredictResult", "predict"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "PredictOptions": "seasift.prediction.options:PredictOptions",
        "PredictResult": "seasift.prediction.run:PredictResult",
        "predict": "seasift.prediction.run:predict",
    },
)
