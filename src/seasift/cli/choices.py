"""Options of a few words for typer: help shows them, a wrong word is a usage error."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import typer

from seasift.core.choices import choose, choose_several
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
