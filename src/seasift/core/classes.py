"""Class names as a user gives them, and the supercategory of a class by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from seasift.core.errors import InputError, hint


def parse_classes(given: Sequence[str], names: Sequence[str], *, option: str = "classes") -> list[str]:
    """Class names from values like ["rov,plant", "trash_net"]; a name with a comma must be a value of its own.

    Args:
        given: values from the user; a supercategory (trash, animals, plants, vehicles) stands for all its classes.
        names: the classes of the model.
        option: name of the option, for errors.
    Raises:
        InputError: an unknown name, with the nearest known one; or no name at all.
    """
    wanted = []
    for value in given:
        wanted += [value] if value in names else [part.strip() for part in value.split(",") if part.strip()]
    wanted = [name for word in wanted for name in _members(word, names)]
    for name in wanted:
        if name not in names:
            near = hint(name, names) or hint(name, [_PLURALS[group] for group in _groups(names)])
            raise InputError(f"{option} {name!r}{near}; the model knows {', '.join(names)}.")
    if given and not wanted:
        raise InputError(f"{option} names nothing; the model knows {', '.join(names)}.")
    return list(dict.fromkeys(wanted))


def _members(word: str, names: Sequence[str]) -> list[str]:
    """The classes of a supercategory such as `animals` or `trash`; another word stays as it is."""
    singular = word.lower().removesuffix("s")
    if word in names or singular not in ("trash", "animal", "plant", "vehicle"):
        return [word]
    return [name for name in names if group_of(name) == singular] or [word]


def _groups(names: Sequence[str]) -> set[Group]:
    return {group_of(name) for name in names} - {"other"}


Group = Literal["trash", "animal", "plant", "vehicle", "other"]
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
