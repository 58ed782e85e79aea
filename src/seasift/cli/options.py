"""Options and arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_MODEL = "A model file, or the name of a bundled model."

ModelArgument = Annotated[str, typer.Argument(help=_MODEL)]
ModelOption = Annotated[str, typer.Option("--model", "-m", help=_MODEL)]
DataArgument = Annotated[Path, typer.Argument(help="A prepared data set, or a COCO annotation file (.json).")]
OnnxOutput = Annotated[Path, typer.Option("-o", "--output", help="The .onnx file; its card goes beside it.")]

Threshold = Annotated[
    float | None, typer.Option(min=0, max=1, help="Leave out lower scores.  [default: the model's]")
]
Classes = Annotated[
    list[str] | None, typer.Option(help="Look only for these: names, comma separated or repeated.")
]
TileOverlap = Annotated[
    float | None, typer.Option(help="Share of a tile that its neighbour sees, too.  [default: 0.25]")
]
TileWhole = Annotated[
    bool,
    typer.Option("--tile-whole", help="Besides the tiles look at the whole: for objects beyond a tile."),
]

Engine = Annotated[str, typer.Option(help="openvino, onnxruntime or onnxruntime-cuda.")]
Precision = Annotated[
    str,
    typer.Option(
        help="auto, the fastest that this processor does well and that keeps the accuracy; f32; with openvino also "
        "bf16 or f16."
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads.  [default: the engine's choice]")]

Host = Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")]
Port = Annotated[int | None, typer.Option(help="0 takes a free one.  [default: 8000]")]
OpenToAll = Annotated[bool, typer.Option("--open-to-all", help="Listen beyond this machine without a token.")]

RecipeArgument = Annotated[str, typer.Argument(help="A recipe of the package by name, or a YAML file.")]
RecipeData = Annotated[
    Path | None, typer.Option("--data", help="Prepared data set or COCO file; stands in for data.path.")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="Override a key: --set training.batch_size=4")
]
Accelerator = Annotated[str, typer.Option(help="auto, cpu or gpu.")]
