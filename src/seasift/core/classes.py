"""Class names as a user gives them, and the supercategory of a class by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from seasift.core.errors import InputError, hint


def parse_classes(given: Sequence[str], names: Sequence[str], *, option: str = "classes") -> list[str]:
    """Class names from values like ["rov,plant", "trash_net"]; a name with a comma must be a value of its own.

    Args:
        given: values from the user.
        names: the classes of the model.
        option: name of the option, for errors.
    Raises:
        InputError: an unknown name, with the nearest known one; or no name at all.
    """
    wanted = []
    for value in given:
        wanted += [value] if value in names else [part.strip() for part in value.split(",") if part.strip()]
    for name in wanted:
        if name not in names:
            raise InputError(f"{option} {name!r}{hint(name, names)}; the model knows {', '.join(names)}.")
    if given and not wanted:
        raise InputError(f"{option} names nothing; the model knows {', '.join(names)}.")
    return list(dict.fromkeys(wanted))


Group = Literal["trash", "animal", "plant", "vehicle", "other"]

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
