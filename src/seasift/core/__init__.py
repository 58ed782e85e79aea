"""Objects, masks, boxes, images and errors, which every other room uses. Imports no other room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.core.detection import Category as Category
    from seasift.core.detection import Detection as Detection
    from seasift.core.errors import SeasiftError as SeasiftError
    from seasift.core.image_like import as_image as as_image
    from seasift.core.instances import Instances as Instances
    from seasift.core.instances import Predictor as Predictor
    from seasift.core.masks import MaskCrop as MaskCrop

__all__ = ["Category", "Detection", "Instances", "MaskCrop", "Predictor", "SeasiftError", "as_image"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Category": "seasift.core.detection:Category",
        "Detection": "seasift.core.detection:Detection",
        "Instances": "seasift.core.instances:Instances",
        "MaskCrop": "seasift.core.masks:MaskCrop",
        "Predictor": "seasift.core.instances:Predictor",
        "SeasiftError": "seasift.core.errors:SeasiftError",
        "as_image": "seasift.core.image_like:as_image",
    },
)
