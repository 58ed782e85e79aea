"""The group a class belongs to, by its name: what a reader of a dive asks for first."""

from __future__ import annotations

from typing import Literal

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
