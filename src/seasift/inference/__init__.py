"""Where a model meets images: engines, predictors, streams of images, tiles. No PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.inference.image_prediction import Choices as Choices
    from seasift.inference.image_prediction import predict_image as predict_image
    from seasift.inference.image_prediction import predict_images as predict_images
    from seasift.inference.model import Model as Model
    from seasift.inference.model import load as load
    from seasift.inference.predictor import OnnxPredictor as OnnxPredictor
    from seasift.inference.predictor import load_predictor as load_predictor
    from seasift.inference.stream import in_order as in_order
    from seasift.inference.tiling import TiledPredictor as TiledPredictor

__all__ = [
    "Choices",
    "Model",
    "OnnxPredictor",
    "TiledPredictor",
    "in_order",
    "load",
    "load_predictor",
    "predict_image",
    "predict_images",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Choices": "seasift.inference.image_prediction:Choices",
        "Model": "seasift.inference.model:Model",
        "OnnxPredictor": "seasift.inference.predictor:OnnxPredictor",
        "TiledPredictor": "seasift.inference.tiling:TiledPredictor",
        "in_order": "seasift.inference.stream:in_order",
        "load": "seasift.inference.model:load",
        "load_predictor": "seasift.inference.predictor:load_predictor",
        "predict_image": "seasift.inference.image_prediction:predict_image",
        "predict_images": "seasift.inference.image_prediction:predict_images",
    },
)
