"""Hints for misspelt names."""

from seasift.core.errors import hint


def test_nearest_name() -> None:
    names = ["trash_bag", "trash_bottle", "Animal_Fish"]
    assert hint("trash_bottel", names) == " (did you mean 'trash_bottle'?)"
    assert hint("animal_fish", names) == " (did you mean 'Animal_Fish'?)"
    assert hint("xylophone", names) == ""
    assert hint("x", []) == ""
