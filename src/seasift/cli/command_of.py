"""Command-line options from the fields of an options class, so that each stands in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from typing import Annotated, Any, TypeVar, get_args

import typer

from seasift.cli.choices import choice
from seasift.core.option import Option

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
