"""Groups of classes."""

from __future__ import annotations

import pytest

from seasift.core.classes import group_of


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("trash_unknown_instance", "trash"),
        ("Trash bag", "trash"),
        ("animal_fish", "animal"),
        ("plant", "plant"),
        ("rov", "vehicle"),
        ("robot", "other"),
        ("trashy", "other"),
        ("", "other"),
    ],
)
def test_the_first_word_tells(name: str, group: str) -> None:
    assert group_of(name) == group
