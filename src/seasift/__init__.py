"""seasift: instance segmentation of underwater images.

The public API. Names are loaded when they are first used: `import seasift` alone loads no NumPy.

>>> import seasift
>>> model = seasift.load()
>>> found = model("frame.jpg")
>>> for obj in found:
...     print(obj.name, obj.score, obj.box_xyxy)
"""

from __future__ import annotations

from seasift._lazy import lazy

TYPE_CHECKING = False  # type checkers take it for true; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from seasift.adaptation.api import AdaptResult as AdaptResult
    from seasift.adaptation.api import adapt as adapt
    from seasift.core.detection import Detection as Detection
    from seasift.core.errors import DatasetError as DatasetError
    from seasift.core.errors import ImageError as ImageError
    from seasift.core.errors import InputError as InputError
    from seasift.core.errors import MissingExtraError as MissingExtraError
    from seasift.core.errors import ModelError as ModelError
    from seasift.core.errors import NotFoundError as NotFoundError
    from seasift.core.errors import RecipeError as RecipeError
    from seasift.core.errors import SeasiftError as SeasiftError
    from seasift.core.errors import WeightsError as WeightsError
    from seasift.core.image import read_image as read_image
    from seasift.core.instances import Instances as Instances
    from seasift.evaluation.api import evaluate as evaluate
    from seasift.export.api import export as export
    from seasift.formats.exchange.convert import convert as convert
    from seasift.inference.model import Model as Model
    from seasift.inference.model import load as load
    from seasift.prediction.run import PredictResult as PredictResult
    from seasift.prediction.run import predict as predict
    from seasift.speed.api import bench as bench
    from seasift.survey.api import survey as survey
    from seasift.training.api import train as train
    from seasift.video.reading import FrameReader as FrameReader
    from seasift.video.reading import open_video as open_video
    from seasift.viz.drawing import Plot as Plot

__all__ = [
    "AdaptResult",
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
    "adapt",
    "bench",
    "convert",
    "evaluate",
    "export",
    "load",
    "open_video",
    "predict",
    "read_image",
    "survey",
    "train",
]

__version__ = "0.2.0"

# Where each public name lives. A new one also needs its line in the imports and in __all__ above. The packages survey
# and export can be called, see `_lazy.make_callable`.
_NAMES = {
    "load": "seasift.inference.model:load",
    "Model": "seasift.inference.model:Model",
    "Instances": "seasift.core.instances:Instances",
    "Detection": "seasift.core.detection:Detection",
    "Plot": "seasift.viz.drawing:Plot",
    "read_image": "seasift.core.image:read_image",
    "open_video": "seasift.video.reading:open_video",
    "FrameReader": "seasift.video.reading:FrameReader",
    "predict": "seasift.prediction.run:predict",
    "PredictResult": "seasift.prediction.run:PredictResult",
    "survey": "seasift.survey",
    "evaluate": "seasift.evaluation.api:evaluate",
    "train": "seasift.training.api:train",
    "adapt": "seasift.adaptation.api:adapt",
    "AdaptResult": "seasift.adaptation.api:AdaptResult",
    "export": "seasift.export",
    "bench": "seasift.speed.api:bench",
    "convert": "seasift.formats.exchange.convert:convert",
    "SeasiftError": "seasift.core.errors:SeasiftError",
    "InputError": "seasift.core.errors:InputError",
    "ImageError": "seasift.core.errors:ImageError",
    "DatasetError": "seasift.core.errors:DatasetError",
    "ModelError": "seasift.core.errors:ModelError",
    "WeightsError": "seasift.core.errors:WeightsError",
    "RecipeError": "seasift.core.errors:RecipeError",
    "MissingExtraError": "seasift.core.errors:MissingExtraError",
    "NotFoundError": "seasift.core.errors:NotFoundError",
}


__getattr__, __dir__ = lazy(__name__, _NAMES)
