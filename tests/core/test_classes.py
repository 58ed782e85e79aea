"""Maps of class names as users give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from seasift.core.classes import group_of, parse_class_map
from seasift.core.errors import InputError


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


def test_text_files_and_mappings_say_the_same(tmp_path: Path) -> None:
    expected = {"fish": "animal_fish", "crab": "crab", "fishing net": "trash"}
    path = tmp_path / "map.txt"
    path.write_text("# theirs = ours\nfish = animal_fish\n\ncrab\nfishing net=trash\n")
    assert parse_class_map("fish=animal_fish, crab ,fishing net= trash") == expected
    assert parse_class_map(path) == parse_class_map(str(path)) == expected
    assert parse_class_map(expected) == expected


@pytest.mark.parametrize("given", ["", ",", "=a", "a=", "nowhere.txt", "a=b,a=c", {}])
def test_what_is_no_map(given: str) -> None:
    with pytest.raises(InputError, match="--map"):
        parse_class_map(given)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "map.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        parse_class_map(tmp_path / "map.bin")
