"""The errors of seasift. A message says what was got, what was expected and what to do, on one line.

SeasiftError
├── InputError
│   ├── ImageError
│   ├── DatasetError
│   ├── ModelError
│   ├── WeightsError
│   ├── RecipeError
│   ├── MissingExtraError
│   ├── LimitError
│   ├── NotAllowedError
│   └── NotFoundError
├── EngineError
├── BusyError
└── TimeLimitError
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec


class SeasiftError(Exception):
    """Base of all errors that seasift raises on purpose.

    Attributes:
        exit_code: exit code of the command line: 1 failure, 2 bad input.
    """

    exit_code = 1


class InputError(SeasiftError):
    """Something the user gave cannot be used."""

    exit_code = 2


class ImageError(InputError):
    """A file or upload that is not a readable image."""


class DatasetError(InputError):
    """A data set, annotation file or split with an invalid format."""


class ModelError(InputError):
    """A model file that is not from seasift, has another schema, or is damaged."""


class EngineError(SeasiftError):
    """An inference engine that cannot compile or run a model on this machine."""


class WeightsError(InputError):
    """Weights that do not fit the network; the message names the entries."""


class RecipeError(InputError):
    """A recipe with an unknown key, a wrong type or an impossible combination."""


class MissingExtraError(InputError):
    """A command needs packages of an extra that is not installed."""


class LimitError(InputError):
    """More bytes, pixels, images or jobs than this server accepts."""


class NotAllowedError(InputError):
    """The token is missing or wrong."""


class NotFoundError(InputError):
    """The requested thing does not exist, or no longer exists."""


class BusyError(SeasiftError):
    """The server is busy; the same request may succeed later.

    Attributes:
        retry_after_s: when to try again.
    """

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TimeLimitError(SeasiftError):
    """A request that exceeded its time limit."""


def hint(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the nearest known word, or nothing if none is near."""
    by_fold = {name.casefold(): name for name in known}
    parts = [name for fold, name in by_fold.items() if word.casefold() in re.split(r"[_\W]+", fold)]
    if word and len(parts) == 1:
        return f" (did you mean {parts[0]!r}?)"
    near = _near(word.casefold(), by_fold)
    return f" (did you mean {by_fold[near[0]]!r}?)" if near else ""


def expected(word: str, known: Iterable[str]) -> str:
    """`did you mean x?` for the nearest known word, or `known: a, b, c` if none is near."""
    names = list(known)
    near = _near(word, names)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"


def how_to_install(extra: str) -> str:
    """The command that installs an extra; seasift is on no package index yet."""
    return f"In the folder of seasift's source run: pip install '.[{extra}]' (or: uv sync --extra {extra})"


def require(extra: str, *modules: str) -> None:
    """Make sure that the packages of an extra are installed.

    Raises:
        MissingExtraError: names the first missing package and the command that installs the extra.
    """
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtraError(
                f"this needs the package {module}, which is not installed. {how_to_install(extra)}"
            )


def _near(word: str, known: Iterable[str]) -> list[str]:
    """The most similar known word, if any."""
    from difflib import get_close_matches  # only for a message: `seasift --help` has no time for it

    return get_close_matches(word, list(known), n=1, cutoff=0.6)
