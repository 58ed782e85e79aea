"""A map from class names to other names, as a user gives it: `fish=animal_fish,crab=animal_crab`, or a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seasift.core.errors import InputError

_EXAMPLE = "expected THEIRS=OURS, comma separated, or a text file with one a line"


def parse_class_map(given: str | Path | Mapping[str, str], option: str = "--map") -> dict[str, str]:
    """Pairs of names.

    Args:
        given: pairs as text, a text file with one pair a line, or a mapping. A name alone stands for itself; lines of a
            file that begin with # are left out.
        option: name of the option, for errors.
    Raises:
        InputError: a file that cannot be read, a pair without a name, a name given twice, or nothing.
    """
    if isinstance(given, Mapping):
        pairs = [(str(name), str(meaning)) for name, meaning in given.items()]
    else:
        pairs = [_pair(line, option) for line in _lines(given, option)]
    found: dict[str, str] = {}
    for name, meaning in pairs:
        if found.setdefault(name, meaning) != meaning:
            raise InputError(
                f"{option}: {name!r} means {found[name]!r} and {meaning!r}; expected one meaning."
            )
    if not found:
        raise InputError(f"{option} {given}: no pair in it; {_EXAMPLE}.")
    return found


def _lines(given: str | Path, option: str) -> list[str]:
    path = Path(given)
    try:
        if not path.is_file():
            if isinstance(given, Path) or ("=" not in given and path.suffix):
                raise InputError(f"{option} {given}: no such file; {_EXAMPLE}.")
            lines = str(given).split(",")
        else:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError, ValueError):
        raise InputError(f"{option} {str(given)[:80]}: not a text file in UTF-8; {_EXAMPLE}.") from None
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, meaning = (part.strip() for part in text.partition("="))
    if not name or (equals and not meaning):
        raise InputError(f"{option} {text!r}: a pair without a name; {_EXAMPLE}.")
    return name, meaning or name
