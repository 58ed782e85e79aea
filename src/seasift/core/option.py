"""Options as fields of a class: one definition for Python's signature and the command line."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
OptionsT = TypeVar("OptionsT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Option:
    """Metadata of a field of an options class, `Annotated[float | None, Option("Minimum score.", float)]`.

    Fields without it exist only in Python.

    Attributes:
        help: one line, imperative, with unit and default.
        type: type of the value on the command line; `bool` makes a flag.
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
