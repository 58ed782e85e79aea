"""`seasift models list | show | import | adopt | complete`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.models_adopt import adopt
from seasift.cli.models_complete import complete

models = typer.Typer(
    name="models", help="List, show, import, adopt and complete models.", no_args_is_help=True
)

_Classes = Annotated[int, typer.Option(min=1, help="Number of classes without background.")]


@models.command("list")
def list_models(classes: _Classes = 22) -> None:
    """List the bundled models, yours and, with the extra train, the networks that can be trained."""
    from importlib.util import find_spec

    from seasift.cli.models_table import print_bundled, print_own, print_table
    from seasift.core.errors import how_to_install

    print_bundled()
    print_own()
    if not all(map(find_spec, ("torch", "torchvision", "timm"))):
        typer.echo(
            f"\nNetworks to train are listed with the extra train. {how_to_install('train')}", err=True
        )
        return
    from seasift.models.catalog import catalog

    typer.echo()
    print_table(list(catalog()), classes)


@models.command()
def show(
    name: Annotated[
        str, typer.Argument(help="`default`, a model file (.onnx), or a name from `seasift models list`.")
    ],
    classes: _Classes = 22,
    size: Annotated[
        str | None, typer.Option(help="Input in px: a side, or WIDTHxHEIGHT for R-CNN.  [default: its own]")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the card as a self-contained HTML page.")] = None,
) -> None:
    """Show the card of a model file or bundled model, or the details of a network."""
    from seasift.core.choices import parse_size
    from seasift.core.errors import InputError, require
    from seasift.modelfile import bundled

    if name in bundled.known() or name.endswith(".onnx"):
        card = _card(bundled.find(name))
        if html is None:
            typer.echo(card)
            return
        from seasift.core.files import write_text
        from seasift.export.card_page import render_page

        write_text(html, render_page(card))
        typer.echo(f"{html}: the card of {name}")
        return
    if html is not None:
        raise InputError(
            f"--html {html}: {name} is a network, without a card; expected a model file or a bundled model."
        )
    width, height = parse_size(size, "--size", least=96, square=True) if size else (0, 0)
    wanted = None if not size else width if width == height else (height, width)
    require("train", "torch", "torchvision", "timm")
    from seasift.cli.models_table import print_one

    print_one(name, classes, wanted)


def _card(path: Path) -> str:
    """The card beside a model file, with all that evaluations said; else what the file itself says."""
    from seasift.export.card import render_card
    from seasift.modelfile.info import read_model_file

    file, beside = read_model_file(path), path.with_suffix(".md")
    written = beside.read_text(encoding="utf-8") if beside.is_file() else ""
    if written.startswith(f"# Model card: {file.info.name}\n"):
        return written.rstrip()
    return render_card(file.info, len(file.data)).rstrip()


@models.command("import")
def import_weights(
    weights: Annotated[Path, typer.Argument(help="A .pth of the published YOLACT implementation.")],
    arch: Annotated[
        str, typer.Option(help="Network of the checkpoint: yolact-resnet50, -resnet101 or -darknet53.")
    ],
    names: Annotated[
        Path, typer.Option(help="Text file with one class name a line, in the order of training.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The model file to write (.onnx).")],
    size: Annotated[int, typer.Option(min=96, help="Input side of its training in px.")] = 550,
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Default minimum score of the model.")] = 0.3,
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "unknown",
    attribution: Annotated[str, typer.Option(help="Credits.")] = "YOLACT (Bolya et al. 2019)",
) -> None:
    """Turn a published YOLACT checkpoint into a model file."""
    from seasift.core.errors import InputError, require
    from seasift.core.files import check_onnx_name

    check_onnx_name(output)
    for path in (weights, names):
        if not path.is_file():
            raise InputError(f"{path}: no such file. Check the name and the folder you are in.")
    require("train", "torch", "torchvision", "timm", "onnx")
    from seasift.export.to_onnx import import_published

    info = import_published(
        weights,
        output,
        arch=arch,
        names=names,
        size=size,
        threshold=threshold,
        licence=licence,
        attribution=attribution,
    )
    typer.echo(f"{output}: {info.name}, {len(info.categories)} classes, input {size} px")


models.command()(adopt)
models.command()(complete)
