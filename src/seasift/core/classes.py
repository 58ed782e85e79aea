"""Class names as a user gives them.

Also here: The group a class belongs to, by its name: what a reader of a dive asks for first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from seasift.core.errors import InputError, hint


def parse_classes(given: Sequence[str], names: Sequence[str], *, option: str = "classes") -> list[str]:
    """Class names from values like ["rov,plant", "trash_net"]; a name with a comma may stand alone.

    Args:
        given: what the user wrote; a supercategory (trash, animals, plants, vehicles) stands for all its classes.
        names: the classes of the model.
        option: how the user knows it, for errors.
    Raises:
        InputError: a name the model does not know, with the nearest it does; or no name at all.
    """
    wanted = []
    for value in given:
        wanted += [value] if value in names else [part.strip() for part in value.split(",") if part.strip()]
    wanted = [name for word in wanted for name in _members(word, names)]
    for name in wanted:
        if name not in names:
            raise InputError(f"{option} {name!r}{hint(name, names)}; the model knows {', '.join(names)}.")
    if given and not wanted:
        raise InputError(f"{option} names nothing; the model knows {', '.join(names)}.")
    return list(dict.fromkeys(wanted))


def _members(word: str, names: Sequence[str]) -> list[str]:
    """The classes of a supercategory such as `animals` or `trash`; another word stays as it is."""
    singular = word.lower().removesuffix("s")
    if word in names or singular not in ("trash", "animal", "plant", "vehicle"):
        return [word]
    return [name for name in names if group_of(name) == singular] or [word]


Group = Literal["trash", "animal", "plant", "vehicle", "other"]

_FIRST_WORDS: dict[str, Group] = {
    "trash": "trash",
    "animal": "animal",
    "plant": "plant",
    "rov": "vehicle",
    "vehicle": "vehicle",
}


def group_of(name: str) -> Group:
    """Group of a class named as in TrashCan, where the first word tells it: `animal_fish` is an animal.

    A name that starts otherwise is of the group `other`.
    """
    return _FIRST_WORDS.get(name.lower().replace(" ", "_").partition("_")[0], "other")
