"""One tree of errors. A message says what was got, what was expected and what to do, on one line."""

from __future__ import annotations


class SeasiftError(Exception):
    """Base of all errors that seasift raises on purpose.

    Attributes:
        exit_code: what the command line ends with: 1 failure, 2 bad input.
    """

    exit_code = 1


class BadInput(SeasiftError):
    """Something the user gave cannot be used."""

    exit_code = 2


class BadPicture(BadInput):
    """A file or upload that is not a picture we can read."""


class BadDataset(BadInput):
    """A data set, annotation file or split that breaks its format."""


class BadModel(BadInput):
    """A model file that is not ours, of another schema, or damaged."""


class EngineError(SeasiftError):
    """An inference engine that cannot compile or run a model on this machine."""


class BadWeights(BadInput):
    """Weights that do not fit the network; the message names the entries."""


class BadRecipe(BadInput):
    """A recipe with an unknown key, a wrong type or an impossible combination."""


class MissingExtra(BadInput):
    """A command needs packages of an extra that is not installed."""


class OverLimit(BadInput):
    """More bytes, pixels, pictures or jobs than this server takes."""


class NotAllowed(BadInput):
    """The token is missing or wrong."""


class NotThere(BadInput):
    """What was asked for does not exist, or no longer."""


class Busy(SeasiftError):
    """No room at the moment; the same request may do later.

    Attributes:
        retry_after_s: when to try again.
    """

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TookTooLong(SeasiftError):
    """A request that was not finished in the time it had."""
