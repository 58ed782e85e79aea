"""Options and arguments that several commands take, and the checks of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.core.errors import InputError

_MODEL = "A model file, or the name of a model in the box."

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


def with_data(overrides: list[str] | None, data: Path | None) -> list[str]:
    """What `--set` and `--data` change of a recipe."""
    return [*(overrides or []), *([f"data.path={data.as_posix()!r}"] if data else [])]


def check_onnx_name(output: Path) -> None:
    """Make sure that a model file can be written there.

    Raises:
        InputError: another ending, or a folder.
    """
    if output.suffix != ".onnx":
        raise InputError(f"-o {output}: expected a name that ends in .onnx.")
    check_file("-o", output)


def check_file(option: str, path: Path) -> None:
    """Make sure that a file can be written there.

    Raises:
        InputError: a folder, or within a file.
    """
    if path.is_dir():
        raise InputError(f"{option} {path}: a folder; expected the name of a file.")
    _check_above(option, path)


def check_folder(output: Path) -> None:
    """Make sure that files can be written into a folder, which need not be there.

    Raises:
        InputError: a file has that name, or that of a folder above.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"-o {output}: a file; expected a folder, or a name that is free.")
    _check_above("-o", output)


def _check_above(option: str, path: Path) -> None:
    above = next((folder for folder in path.parents if folder.exists()), None)
    if above is not None and not above.is_dir():
        raise InputError(f"{option} {path}: {above} is a file; expected a folder there, or nothing.")
