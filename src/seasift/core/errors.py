"""One tree of errors. A message says what was got, what was expected and what to do, on one line.

Also here: Telling the user what they may have meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches


class SeasiftError(Exception):
    """Base of all errors that seasift raises on purpose.

    Attributes:
        exit_code: what the command line ends with: 1 failure, 2 bad input.
    """

    exit_code = 1


class InputError(SeasiftError):
    """Something the user gave cannot be used."""

    exit_code = 2


class ImageError(InputError):
    """A file or upload that is not an image we can read."""


class DatasetError(InputError):
    """A data set, annotation file or split that breaks its format."""


class ModelError(InputError):
    """A model file that is not ours, of another schema, or damaged."""


class WeightsError(InputError):
    """Weights that do not fit the network; the message names the entries."""


class RecipeError(InputError):
    """A recipe with an unknown key, a wrong type or an impossible combination."""


class MissingExtraError(InputError):
    """A command needs packages of an extra that is not installed."""


class LimitError(InputError):
    """More bytes, pixels, images or jobs than this server takes."""


class NotAllowedError(InputError):
    """The token is missing or wrong."""


class NotFoundError(InputError):
    """What was asked for does not exist, or no longer."""


class BusyError(SeasiftError):
    """No room at the moment; the same request may do later.

    Attributes:
        retry_after_s: when to try again.
    """

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TimeLimitError(SeasiftError):
    """A request that was not finished in the time it had."""


def hint(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the nearest known word, or nothing if none is near."""
    by_fold = {name.casefold(): name for name in known}
    parts = [name for fold, name in by_fold.items() if word.casefold() in re.split(r"[_\W]+", fold)]
    if word and len(parts) == 1:
        return f" (did you mean {parts[0]!r}?)"
    near = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return f" (did you mean {by_fold[near[0]]!r}?)" if near else ""


def expected(word: str, known: Iterable[str]) -> str:
    """`did you mean x?` for the nearest known word, or `known: a, b, c` if none is near."""
    names = list(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
