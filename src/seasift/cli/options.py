"""Options and arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.choices import choice
from seasift.core.choices import AcceleratorName, EngineName, PrecisionName

_MODEL = "A model file, or the name of a bundled model."

ModelArgument = Annotated[str, typer.Argument(help=_MODEL)]
ModelOption = Annotated[str, typer.Option("--model", "-m", help=_MODEL)]
DataArgument = Annotated[Path, typer.Argument(help="A prepared data set, or a COCO annotation file (.json).")]
OnnxOutput = Annotated[
    Path, typer.Option("-o", "--output", help="Write this .onnx file, and its card beside it.")
]

Threshold = Annotated[float | None, typer.Option(min=0, max=1, help="Minimum score.  [default: the model's]")]
Classes = Annotated[
    list[str] | None,
    typer.Option(
        help="Find only these classes, comma separated or repeated; animals, trash, plants and vehicles stand for all of theirs."
    ),
]
TileOverlap = Annotated[
    float | None, typer.Option(help="Share of a tile that overlaps its neighbour.  [default: 0.25]")
]
TileWhole = Annotated[
    bool,
    typer.Option(
        "--tile-whole", help="Search the whole image besides its tiles, for objects larger than a tile."
    ),
]

Engine = Annotated[
    str, choice(EngineName, "--engine", option="--engine", help="Engine that runs the model's graph.")
]
Precision = Annotated[
    str,
    choice(
        PrecisionName,
        "--precision",
        option="--precision",
        help="Numbers to compute with; auto: the fastest that this processor does well and that keeps the accuracy; "
        "bf16 and f16 need openvino.",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads.  [default: the engine's choice]")]

Host = Annotated[str | None, typer.Option(help="Listen on this address.  [default: 127.0.0.1]")]
Port = Annotated[int | None, typer.Option(help="Listen on this port; 0 takes a free one.  [default: 8000]")]
OpenToAll = Annotated[
    bool, typer.Option("--open-to-all", help="Allow access from other machines without a token.")
]

RecipeArgument = Annotated[str, typer.Argument(help="Name of a shipped recipe, or a YAML file.")]
RecipeData = Annotated[
    Path | None, typer.Option("--data", help="Prepared data set or COCO file, instead of data.path.")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="Override a key of the recipe: --set training.batch_size=4.")
]
Accelerator = Annotated[
    str, choice(AcceleratorName, "--accelerator", option="--accelerator", help="Train on this.")
]
