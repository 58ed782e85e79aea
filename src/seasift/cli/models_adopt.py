"""`seasift models adopt FILE.onnx`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def adopt(
    file: Annotated[Path, typer.Argument(help="ONNX file of another maker.")],
    kind: Annotated[
        str | None, typer.Option(help="Kind of output, such as yolo-segment.  [default: recognised]")
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            help="Class names in the model's order: fish,crab or a text file with one a line.  [default: in the file]"
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="Input in px, a side or WIDTHxHEIGHT, for a graph that takes any size."),
    ] = None,
    map: Annotated[
        str | None,
        typer.Option(
            help="Supercategory of classes: eel=animal,rope=trash or a text file with one a line.  [default: by names]"
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Default minimum score.  [default: the maker's]")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the weights.  [default: what the file says]")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write this model file.  [default: FILE-seasift.onnx]"),
    ] = None,
) -> None:
    """Make a model file of another maker's ONNX file, for all commands.

    The graph stays unchanged. Kinds: yolo-detect, yolo-segment, yolo-end2end, yolov5, rf-detr, rf-detr-seg, d-fine,
    d-fine-transformers, torchvision-detection, rtmdet-ins.
    """
    from seasift.export.adopt import adopt as write

    written, info = write(
        file, output, kind=kind, names=names, size=size, map=map, threshold=threshold, licence=licence
    )
    height, width = info.input.size_hw
    classes = f"{len(info.categories)} class{'' if len(info.categories) == 1 else 'es'}"
    typer.echo(f"{written}: {info.head}, {classes}, input {width}x{height} px, licence {info.licence}")
