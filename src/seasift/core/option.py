"""Options as fields of a class: one definition for Python's signature and the command line."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from seasift.core.errors import InputError

P = ParamSpec("P")
OptionsT = TypeVar("OptionsT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Option:
    """Metadata of a field of an options class, `Annotated[float | None, Option("Minimum score.", float)]`.

    Fields without it exist only in Python.

    Attributes:
        help: one line, imperative, with unit and default.
        type: type of the value on the command line; `bool` makes a flag, a `StrEnum` lists its words.
        flags: names on the command line; by default made from the name of the field. Names without a dash are arguments.
        low: smallest value.
        high: largest value.
        repeated: whether it may be given several times.
    """

    help: str
    type: type = str
    flags: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    repeated: bool = False


def takes_fields_of(
    options: Callable[P, OptionsT],
) -> Callable[[Callable[[OptionsT], ResultT]], Callable[P, ResultT]]:
    """Let a function that takes an options class be called with the fields of that class.

    >>> @takes_fields_of(PredictOptions)
    ... def predict(options: PredictOptions) -> PredictResult: ...
    >>> predict(["dive/"], every="2s")
    """

    def decorate(run: Callable[[OptionsT], ResultT]) -> Callable[P, ResultT]:
        @functools.wraps(run)
        def function(*args: P.args, **kwargs: P.kwargs) -> ResultT:
            return run(options(*args, **kwargs))

        returns = inspect.signature(run).return_annotation
        signature = inspect.signature(options).replace(return_annotation=returns)
        function.__signature__ = signature  # type: ignore[attr-defined]
        return function

    return decorate


def parse_size(text: str, option: str, *, least: int = 1, square: bool = False) -> tuple[int, int]:
    """Width and height in px from `1920x1080`.

    Args:
        option: its name for the message, such as "--size".
        least: smallest side.
        square: also take one number, the side of a square.
    Raises:
        InputError: anything else.
    """
    match = re.fullmatch(r"([0-9]{1,6})(?:[xX×]([0-9]{1,6}))?", text.strip())
    if not match or not (match[2] or square):
        side = "a side in px such as 480, or " if square else ""
        raise InputError(f"{option} {text!r}; expected {side}WIDTHxHEIGHT in px such as 1920x1080.")
    width, height = int(match[1]), int(match[2] or match[1])
    if min(width, height) < least:
        raise InputError(f"{option} {text}: {width}x{height} px; expected sides from {least} px.")
    return width, height
