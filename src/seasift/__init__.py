"""seasift: instance segmentation of underwater images.

The public API. Names are loaded when they are first used: `import seasift` alone loads no NumPy.

>>> import seasift
>>> model = seasift.load()
>>> found = model("frame.jpg")
>>> for obj in found:
...     print(obj.name, obj.score, obj.box_xyxy)
"""

from __future__ import annotations

import sys
from types import ModuleType

from seasift._lazy import lazy

TYPE_CHECKING = False  # type checkers take it for true; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from typing import Any

    from seasift.core.detection import Detection as Detection
    from seasift.core.errors import BadDataset as DatasetError
    from seasift.core.errors import BadInput as InputError
    from seasift.core.errors import BadModel as ModelError
    from seasift.core.errors import BadPicture as ImageError
    from seasift.core.errors import BadRecipe as RecipeError
    from seasift.core.errors import BadWeights as WeightsError
    from seasift.core.errors import MissingExtra as MissingExtraError
    from seasift.core.errors import NotThere as NotFoundError
    from seasift.core.errors import SeasiftError as SeasiftError
    from seasift.core.instances import Instances as Instances
    from seasift.core.picture import read_picture as read_image
    from seasift.formats.exchange.convert import convert as convert
    from seasift.prediction.run import PredictResult as PredictResult
    from seasift.prediction.run import predict as predict
    from seasift.runtime.frame_reader import FrameReader as FrameReader
    from seasift.runtime.frame_reader import open_video as open_video
    from seasift.runtime.model import Model as Model
    from seasift.runtime.model import load as load
    from seasift.runtime.plot import Plot as Plot

__all__ = [
    "DatasetError",
    "Detection",
    "FrameReader",
    "ImageError",
    "InputError",
    "Instances",
    "MissingExtraError",
    "Model",
    "ModelError",
    "NotFoundError",
    "Plot",
    "PredictResult",
    "RecipeError",
    "SeasiftError",
    "WeightsError",
    "__version__",
    "convert",
    "load",
    "open_video",
    "predict",
    "read_image",
]

__version__ = "0.1.0"

# Where each public name lives. A new one also needs its line in the imports and in __all__ above.
_NAMES = {
    "load": "seasift.runtime.model:load",
    "Model": "seasift.runtime.model:Model",
    "Instances": "seasift.core.instances:Instances",
    "Detection": "seasift.core.detection:Detection",
    "Plot": "seasift.runtime.plot:Plot",
    "read_image": "seasift.core.picture:read_picture",
    "open_video": "seasift.runtime.frame_reader:open_video",
    "FrameReader": "seasift.runtime.frame_reader:FrameReader",
    "predict": "seasift.prediction.run:predict",
    "PredictResult": "seasift.prediction.run:PredictResult",
    "convert": "seasift.formats.exchange.convert:convert",
    "SeasiftError": "seasift.core.errors:SeasiftError",
    "InputError": "seasift.core.errors:BadInput",
    "ImageError": "seasift.core.errors:BadPicture",
    "DatasetError": "seasift.core.errors:BadDataset",
    "ModelError": "seasift.core.errors:BadModel",
    "WeightsError": "seasift.core.errors:BadWeights",
    "RecipeError": "seasift.core.errors:BadRecipe",
    "MissingExtraError": "seasift.core.errors:MissingExtra",
    "NotFoundError": "seasift.core.errors:NotThere",
}


__getattr__, __dir__ = lazy(__name__, _NAMES)


class _Package(ModuleType):
    """Keeps the functions `survey` and `export`: loading the rooms of the same names must not replace them."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _NAMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
