"""`seasift quantize MODEL DATA`."""

from __future__ import annotations

from typing import Annotated

import typer

from seasift.cli.options import DataArgument, ModelArgument, OnnxOutput
from seasift.core.files import check_onnx_name


def quantize(
    model: ModelArgument,
    data: DataArgument,
    output: OnnxOutput,
    scheme: Annotated[str | None, typer.Option(help="Splitting scheme of a prepared data set.")] = None,
    split: Annotated[
        str, typer.Option(help="Split of the scheme; one that the model learned from.")
    ] = "train",
    images: Annotated[int, typer.Option(min=1, help="Number of calibration images, evenly spaced.")] = 300,
) -> None:
    """Quantize a model to 8 bits: smaller, and faster on some processors."""
    from seasift.cli.terminal import progress_bar
    from seasift.core.errors import require
    from seasift.data.prepared import resolve_split
    from seasift.modelfile import bundled

    check_onnx_name(output)
    given = bundled.find(model)
    chosen = resolve_split(data, scheme=scheme, split=split if data.is_dir() else None)
    require("quantize", "nncf", "onnx", "onnxruntime", "onnxscript")
    from seasift.export.card import write_card
    from seasift.export.quantize import quantize as run

    with progress_bar("measuring ranges") as progress:
        info = run(given, output, chosen, images=images, progress=progress)
    size = output.stat().st_size
    write_card(output, info)
    typer.echo(
        f"{output}: {size / 1e6:.1f} MB, {info.quantized}. Evaluate it: seasift evaluate {output} {data}"
    )
