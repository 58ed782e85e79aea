"""Where models meet images: model files, engines, footage, tracking and drawing, without PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.runtime.dive import open_dive as open_dive
    from seasift.runtime.frame_reader import FrameReader as FrameReader
    from seasift.runtime.frame_reader import open_video as open_video
    from seasift.runtime.image_prediction import Choices as Choices
    from seasift.runtime.image_prediction import predict_image as predict_image
    from seasift.runtime.image_prediction import predict_images as predict_images
    from seasift.runtime.model import Model as Model
    from seasift.runtime.model import load as load
    from seasift.runtime.plot import Plot as Plot
    from seasift.runtime.predictor import OnnxPredictor as OnnxPredictor
    from seasift.runtime.predictor import load_predictor as load_predictor
    from seasift.runtime.stream import in_order as in_order

__all__ = [
    "Choices",
    "FrameReader",
    "Model",
    "OnnxPredictor",
    "Plot",
    "in_order",
    "load",
    "load_predictor",
    "open_dive",
    "open_video",
    "predict_image",
    "predict_images",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Choices": "seasift.runtime.image_prediction:Choices",
        "FrameReader": "seasift.runtime.frame_reader:FrameReader",
        "Model": "seasift.runtime.model:Model",
        "OnnxPredictor": "seasift.runtime.predictor:OnnxPredictor",
        "Plot": "seasift.runtime.plot:Plot",
        "in_order": "seasift.runtime.stream:in_order",
        "load": "seasift.runtime.model:load",
        "load_predictor": "seasift.runtime.predictor:load_predictor",
        "open_dive": "seasift.runtime.dive:open_dive",
        "open_video": "seasift.runtime.frame_reader:open_video",
        "predict_image": "seasift.runtime.image_prediction:predict_image",
        "predict_images": "seasift.runtime.image_prediction:predict_images",
    },
)
