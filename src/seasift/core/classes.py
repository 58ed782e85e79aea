"""Names of classes: as a user gives them, maps to other names, and the supercategory of a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from seasift.core.errors import InputError, hint

Group = Literal["trash", "animal", "plant", "vehicle", "other"]
GROUPS: tuple[Group, ...] = get_args(Group)


def parse_classes(
    given: Sequence[str],
    names: Sequence[str],
    *,
    groups: Sequence[Group] | None = None,
    option: str = "classes",
) -> list[str]:
    """Class names from values like ["rov,plant", "trash_net"]; a name with a comma must be a value of its own.

    Args:
        given: values from the user; a supercategory (trash, animals, plants, vehicles) stands for all its classes.
        names: the classes of the model.
        groups: supercategory of each class; None: by its name, see `group_of`.
        option: name of the option, for errors.
    Raises:
        InputError: an unknown name, with the nearest known one; or no name at all.
    """
    wanted = []
    for value in given:
        wanted += [value] if value in names else [part.strip() for part in value.split(",") if part.strip()]
    of_class = [group_of(name) for name in names] if groups is None else groups
    wanted = [name for word in wanted for name in _members(word, names, of_class)]
    for name in wanted:
        if name not in names:
            near = hint(name, names) or hint(
                name, [_PLURALS[group] for group in set(of_class) & _PLURALS.keys()]
            )
            raise InputError(f"{option} {name!r}{near}; the model knows {', '.join(names)}.")
    if given and not wanted:
        raise InputError(f"{option} names nothing; the model knows {', '.join(names)}.")
    return list(dict.fromkeys(wanted))


def _members(word: str, names: Sequence[str], groups: Sequence[Group]) -> list[str]:
    """The classes of a supercategory such as `animals` or `trash`; another word stays as it is."""
    singular = word.lower().removesuffix("s")
    if word in names or singular not in ("trash", "animal", "plant", "vehicle"):
        return [word]
    return [name for name, group in zip(names, groups, strict=True) if group == singular] or [word]


_PLURALS: dict[Group, str] = {
    "trash": "trash",
    "animal": "animals",
    "plant": "plants",
    "vehicle": "vehicles",
}

_FIRST_WORDS: dict[str, Group] = {
    "trash": "trash",
    "animal": "animal",
    "plant": "plant",
    "rov": "vehicle",
    "vehicle": "vehicle",
}


def group_of(name: str) -> Group:
    """Supercategory of a class named as in TrashCan, by its first word: `animal_fish` is an animal.

    Other names belong to the supercategory `other`.
    """
    return _FIRST_WORDS.get(name.lower().replace(" ", "_").partition("_")[0], "other")


def parse_group(word: str) -> Group | None:
    """The supercategory that a user names, such as animal or animals; None for another word."""
    folded = word.strip().lower()
    return next((group for group in GROUPS if folded in (group, f"{group}s")), None)


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
