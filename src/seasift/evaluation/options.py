"""The options of `evaluate`: names, types, defaults and help, for Python and the command line."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from seasift.core.choices import EngineName, Option, PrecisionName

if TYPE_CHECKING:
    from seasift.core.instances import Predictor

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What `evaluate` takes. Fields without an `Option` are for Python only."""

    model: Annotated[
        "PathLike | Predictor",
        Option("A model file, the name of a bundled model, or a checkpoint (.ckpt, .pt).", flags=("model",)),
    ] = field(kw_only=False)
    data: Annotated[
        PathLike,
        Option("A prepared data set, or a COCO annotation file (.json).", Path, flags=("data",)),
    ] = field(kw_only=False)
    output: Annotated[
        PathLike | None,
        Option("Folder for report.html, report.json and predictions.json.", Path, flags=("--output", "-o")),
    ] = None
    labels: Annotated[str | None, Option("Label set of a prepared data set: instance or material.")] = None
    masks: Annotated[str | None, Option("Its masks: exact or polygons.")] = None
    scheme: Annotated[
        str | None, Option("Splitting scheme: dive-free, official, ...  [default: the data set's]")
    ] = None
    split: Annotated[str | None, Option("Split of the scheme: train, val or test.  [default: val]")] = None
    images: Annotated[PathLike | None, Option("Folder of the images of a COCO file.", Path)] = None
    map: Annotated[
        str | Path | Mapping[str, str] | None,
        Option(
            "The model's classes as classes or supercategories of the data: fish=animal_fish,net=trash or a text file "
            "with one a line; only these are evaluated.  [default: the same names]"
        ),
    ] = None
    threshold: Annotated[
        float,
        Option("Leave out lower scores; low, since AP needs the whole curve.", float, low=0, high=1),
    ] = 0.05
    max_objects: Annotated[int, Option("Maximum number of objects per image.", int, low=1)] = 100
    confidence: Annotated[
        float | None,
        Option(
            "Score from which an object counts as found, for precision and recall, the confusion matrix and the worst "
            "images.  [default: what predict uses with this model, else 0.3]",
            float,
            low=0,
            high=1,
        ),
    ] = None
    limit: Annotated[int | None, Option("Evaluate only this many images, evenly spaced.", int, low=1)] = None
    resamples: Annotated[
        int, Option("Draws of whole videos for the 95% intervals of AP; 0 leaves them out.", int, low=0)
    ] = 1000
    tile: Annotated[
        str | None, Option("Search the images in tiles: a side, WIDTHxHEIGHT in px, or auto; see predict.")
    ] = None
    tile_overlap: Annotated[
        float | None, Option("Share of a tile that overlaps its neighbour.  [default: 0.25]", float)
    ] = None
    tile_whole: Annotated[
        bool, Option("Search the whole image besides its tiles, for objects larger than a tile.", bool)
    ] = False
    engine: Annotated[
        str | None, Option("Engine that runs a model file.  [default: openvino]", EngineName)
    ] = None
    precision: Annotated[
        str | None,
        Option("Numbers to compute with; bf16 and f16 need openvino.  [default: f32]", PrecisionName),
    ] = None
    threads: Annotated[int | None, Option("CPU threads.  [default: the engine's choice]", int, low=1)] = None
    progress: Callable[[int, int], None] | None = None
