"""Options and arguments that several commands take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import typer

from seasift.core.choices import AcceleratorName, EngineName, Option, PrecisionName, choose, choose_several
from seasift.core.errors import InputError

Value = str | list[str] | None


def shown(words: type[StrEnum]) -> str:
    """The words for a help line: `[rle|polygons]`."""
    return f"[{'|'.join(words)}]"


def checked(words: type[StrEnum], option: str) -> Callable[[Value], Value]:
    """A callback for `typer.Option` that refuses other words; a list may hold several, comma separated."""

    def check(value: Value) -> Value:
        try:
            if isinstance(value, list):
                return list(choose_several(option, value, list(words))) if value else value
            return value if value is None else choose(option, value, list(words))
        except InputError as error:
            raise typer.BadParameter(str(error).removeprefix(f"{option} ")) from None

    return check


def choice(words: type[StrEnum], *flags: str, option: str, help: str) -> Any:
    """A typer option that takes one of some words."""
    return typer.Option(*flags, metavar=shown(words), callback=checked(words, option), help=help)


OptionsT = TypeVar("OptionsT")


def command_of(options: type[OptionsT], run: Callable[[OptionsT], None], doc: str) -> Callable[..., None]:
    """A function whose parameters typer turns into the options of a command.

    Args:
        options: a dataclass whose fields carry an `Option` each, or are for Python only.
        run: called with the dataclass.
        doc: help of the command.
    """
    parameters = [
        _parameter(each, metadata)
        for each in fields(options)  # type: ignore[arg-type]
        for metadata in get_args(each.type)
        if isinstance(metadata, Option)
    ]
    own = options.__annotations__
    parameters.sort(key=lambda each: (each.default is not inspect.Parameter.empty, each.name not in own))

    def command(**given: Any) -> None:
        run(options(**{name: value for name, value in given.items() if value is not None}))

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__doc__ = doc
    return command


def _parameter(field: Field[Any], option: Option) -> inspect.Parameter:
    one: Any = str if issubclass(option.type, StrEnum) else option.type
    kind: Any = list[one] if option.repeated else one
    default = field.default
    if default is MISSING:
        default = inspect.Parameter.empty
    elif default is None or option.repeated:
        kind, default = kind | None, None
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, _typer_info(field, option)],
    )


def _typer_info(field: Field[Any], option: Option) -> Any:
    # One name only: then typer makes no --no-… of a flag.
    flags = option.flags or ("--" + field.name.replace("_", "-"),)
    if not flags[0].startswith("-"):
        return typer.Argument(help=option.help, metavar=flags[0].upper())
    if issubclass(option.type, StrEnum):
        return choice(option.type, *flags, option=flags[0], help=option.help)
    return typer.Option(*flags, help=option.help, min=option.low, max=option.high)


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
