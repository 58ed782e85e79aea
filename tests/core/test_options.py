"""Values that several commands take: sizes, words of a list."""

from __future__ import annotations

import pytest

from seasift.core.choices import (
    EngineName,
    ExchangeFormat,
    PrecisionName,
    SurveyEngine,
    choose,
    choose_several,
    parse_size,
)
from seasift.core.classes import parse_classes
from seasift.core.errors import InputError
from seasift.formats.exchange import registry
from seasift.inference.engines import ENGINES


@pytest.mark.parametrize("text", ["1920x1080", " 1920X1080", "1920×1080"])
def test_a_size_is_width_and_height(text: str) -> None:
    assert parse_size(text, "--size") == (1920, 1080)


def test_one_number_is_a_square_where_squares_are_taken() -> None:
    assert parse_size("480", "--tile", square=True) == (480, 480)
    with pytest.raises(InputError, match="--size '480'"):
        parse_size("480", "--size")


@pytest.mark.parametrize("text", ["", "x", "10x", "0x5", "-1x5", "1e3x5", "10x20x30", "٣x٤"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--size"):
        parse_size(text, "--size")


def test_a_wrong_word_lists_all_and_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"bf16.*auto, f32, bf16, f16"):
        choose("--precision", "bf17", list(PrecisionName))
    with pytest.raises(InputError, match="--format"):
        choose_several("--format", " , ", ["json"])
    assert choose_several("--format", ["json,csv", "json"], ["csv", "json"]) == ("json", "csv")


def test_words_are_those_that_the_rooms_know() -> None:
    assert set(ExchangeFormat) == {each.name for each in registry.FORMATS}
    assert set(EngineName) == set(ENGINES)
    engines = {word.removeprefix("ray:") for word in SurveyEngine} - {"local", "ray"}
    assert engines == set(ENGINES)


NAMES = ["rov", "animal_fish", "animal_starfish", "trash_bag", "trash_net", "plant"]


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        ("animals", ["animal_fish", "animal_starfish"]),
        ("trash,plant", ["trash_bag", "trash_net", "plant"]),
        ("plants", ["plant"]),
        ("vehicles", ["rov"]),
        ("animal_fish,animals", ["animal_fish", "animal_starfish"]),
    ],
)
def test_supercategories_stand_for_their_classes(given: str, classes: list[str]) -> None:
    assert parse_classes([given], NAMES) == classes


@pytest.mark.parametrize(
    ("given", "nearest"), [("fish", "animal_fish"), ("net", "trash_net"), ("rovs", "rov"), ("trahs", "trash")]
)
def test_a_part_of_a_name_suggests_the_name(given: str, nearest: str) -> None:
    with pytest.raises(InputError, match=rf"did you mean '{nearest}'"):
        parse_classes([given], NAMES)


def test_a_supercategory_without_classes_is_refused() -> None:
    with pytest.raises(InputError, match="animals"):
        parse_classes(["animals"], ["trash_bag"])
