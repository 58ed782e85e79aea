"""The options of `predict`: names, types, defaults and help, for Python and the command line.

An option that concerns a single image stands in `seasift.inference.image_options`.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from seasift.core.choices import EngineName, ObjectNames, Option, PrecisionName, PredictedMasks, ResultFormat
from seasift.inference.image_options import ImageOptions

if TYPE_CHECKING:
    from seasift.formats.document import FailedFile
    from seasift.inference.model import Model

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class PredictOptions(ImageOptions):
    """What `predict` takes. Fields without an `Option` are for Python only."""

    inputs: Annotated[
        PathLike | Sequence[PathLike],
        Option(
            "Images, folders, globs, videos, - for an image on standard input, rtsp://… or /dev/video0.",
            flags=("inputs",),
            repeated=True,
        ),
    ] = field(kw_only=False)
    model: Annotated[
        "PathLike | Model",
        Option(
            "A model file, the name of a bundled model, or the address of a server.", flags=("--model", "-m")
        ),
    ] = "default"
    names: Annotated[
        str | None,
        Option(
            "class; or rollup: the class if it is sure enough, else trash, animal ..., else object.  "
            "[default: rollup if the model has thresholds for it]",
            ObjectNames,
        ),
    ] = None
    formats: Annotated[
        Sequence[str] | str | None,
        Option(
            "Write these, comma separated or repeated: overlay draws images, video an MP4."
            "  [default: by the name of -o; into a folder json, csv and overlay]",
            ResultFormat,
            flags=("--format", "-f"),
            repeated=True,
        ),
    ] = None
    output: Annotated[
        PathLike | None,
        Option(
            "Write into this folder or file (.json, .csv, .jpg, .png, .mp4); - is standard output.",
            Path,
            flags=("--output", "-o"),
        ),
    ] = None
    masks: Annotated[
        str, Option("Write masks as rle (exact) or polygons (outlines, holes filled).", PredictedMasks)
    ] = "rle"
    raw_csv: Annotated[
        bool,
        Option("Leave texts in CSV that begin with = + - @ as they are: a spreadsheet computes them.", bool),
    ] = False
    like: Annotated[
        PathLike | None, Option("COCO ground truth that gives the ids for --format coco.", Path)
    ] = None
    recursive: Annotated[bool, Option("Search subfolders.", bool, flags=("--recursive", "-r"))] = False
    every: Annotated[
        str | int,
        Option("Sample every 30th frame of a video (30) or one frame every 2 seconds (2s)."),
    ] = "1s"
    keyframes: Annotated[
        bool,
        Option("Take the first keyframe of each --every, where there is one: decodes little else.", bool),
    ] = False
    start: Annotated[
        str | float | None, Option("Skip the part of each video before this time: 90, 1:30 or 00:01:30.")
    ] = None
    end: Annotated[str | float | None, Option("Skip the part of each video from this time on.")] = None
    engine: Annotated[str, Option("Engine that runs the model's graph.", EngineName)] = "openvino"
    precision: Annotated[
        str,
        Option(
            "Numbers to compute with; auto: the fastest that this processor does well and that keeps the accuracy; "
            "bf16 and f16 need openvino.",
            PrecisionName,
        ),
    ] = "auto"
    threads: Annotated[int | None, Option("CPU threads.  [default: the engine's choice]", int, low=1)] = None
    progress: Callable[[int, int], None] | None = None
    on_failure: "Callable[[FailedFile], None] | None" = None
    on_note: Callable[[str], None] | None = None
