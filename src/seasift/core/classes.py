"""Class names as a user gives them, and the supercategory of a class by its name."""

from __future__ import annotations

from collections.abc import Sequence
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
