"""`seasift models list | show | import | complete`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seasift.cli.models_complete import complete
from seasift.core.files import check_onnx_name

models = typer.Typer(
    name="models", help="Bundled models, and the networks of the catalog.", no_args_is_help=True
)

_Classes = Annotated[int, typer.Option(min=1, help="Classes without background.")]


def _sizes(text: str | None) -> int | tuple[int, int] | None:
    from seasift.core.errors import InputError

    if text is None:
        return None
    parts = text.lower().split("x")
    if not all(part.isdigit() and int(part) >= 96 for part in parts) or len(parts) > 2:
        raise InputError(
            f"--size {text!r}; expected a side such as 550, or HEIGHTxWIDTH such as 800x1344, from 96 px."
        )
    numbers = [int(part) for part in parts]
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


@models.command("list")
def list_models(classes: _Classes = 22) -> None:
    """Every network: parameters, memory, work, priors, and where weights come from."""
    from seasift.core.extras import require

    require("train", "torch", "torchvision", "timm")
    from seasift.cli.models_table import print_table
    from seasift.models.catalog import catalog

    print_table(list(catalog()), classes)


@models.command()
def show(
    name: Annotated[
        str, typer.Argument(help="`default`, a model file (.onnx), or a name from `seasift models list`.")
    ],
    classes: _Classes = 22,
    size: Annotated[
        str | None, typer.Option(help="Input, px: a side, or HEIGHTxWIDTH for R-CNN.  [default: its own]")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a card as a page that needs nothing else.")] = None,
) -> None:
    """The card of a model file or of a bundled model, or a network of the catalog in full."""
    from seasift.core.errors import InputError
    from seasift.core.extras import require
    from seasift.modelfile import bundled

    if name in bundled.names() or name.endswith(".onnx"):
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
    wanted = _sizes(size)
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
    arch: Annotated[str, typer.Option(help="Its network: yolact-resnet50, -resnet101 or -darknet53.")],
    names: Annotated[
        Path, typer.Option(help="Text file with one class name a line, in the order of training.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The model file to write (.onnx).")],
    size: Annotated[int, typer.Option(min=96, help="Input side it was trained at, px.")] = 550,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Score below which objects are left out.")
    ] = 0.3,
    licence: Annotated[str, typer.Option(help="Of the weights.")] = "unknown",
    attribution: Annotated[str, typer.Option(help="Whom to credit.")] = "YOLACT (Bolya et al. 2019)",
) -> None:
    """Turn a published checkpoint into a model file; an entry that does not fit is named and fatal."""
    from seasift.core.errors import InputError
    from seasift.core.extras import require

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


models.command()(complete)
