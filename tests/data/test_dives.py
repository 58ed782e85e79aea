"""Facts of videos, and that the shipped splits by dive keep to them. Oracles read the CSV on their own."""

from __future__ import annotations

import csv
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest

import seasift.data
from seasift.core.errors import DatasetError
from seasift.data.dives import (
    VideoFacts,
    days,
    dives_of,
    facts_table,
    find_leaks,
    may_be_one_day,
    read_facts,
    same_minutes,
    shipped_facts,
)
from seasift.data.schemes import shipped_schemes
from seasift.data.trashcan import VIDEO

FOLDER = Path(seasift.data.__file__).parent / "trashcan_splits"
SHIPPED = shipped_schemes("trashcan")


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


ROWS = {row["video"]: row for row in _rows("dives.csv")}


def _videos(names: list[str]) -> set[str]:
    return {name[:10] for name in names}


def test_the_facts_fit_the_images() -> None:
    frames: dict[str, int] = defaultdict(int)
    for names in SHIPPED["official-instance"].values():
        for name in names:
            frames[name[:10]] += 1
    assert frames == {video: int(row["frames"]) for video, row in ROWS.items()}


def test_the_facts_do_not_contradict_each_other() -> None:
    dates, numbers = defaultdict(set), {}
    for row in ROWS.values():
        assert row["clock_from"] <= row["clock_to"], row
        assert bool(row["date"]) == bool(row["dive"]) == (row["certainty"] != "none"), row
        dates[row["dive"]].add(row["date"])
        if row["dive_number"]:
            numbers[int(row["dive_number"])] = row["date"]
    assert all(len(found) == 1 for dive, found in dates.items() if dive)
    assert [numbers[number] for number in sorted(numbers)] == sorted(numbers.values())


@pytest.mark.parametrize("scheme", sorted(name for name in SHIPPED if name.startswith("dive-free")))
def test_splits_by_dive_share_no_dive_no_date_and_no_minute(scheme: str) -> None:
    for first, second in combinations(SHIPPED[scheme].values(), 2):
        for column in ("dive", "date"):
            one, other = ({ROWS[video][column] for video in _videos(names)} for names in (first, second))
            assert not one & other
        # An uncertain digit of a date that no dive number confirms may not hide a shared day.
        for a in (ROWS[video] for video in _videos(first)):
            for b in (ROWS[video] for video in _videos(second)):
                uncertain = [row for row in (a, b) if row["certainty"] == "date" and not row["dive_number"]]
                differing = sum(x != y for x, y in zip(a["date"], b["date"], strict=True))
                assert differing > len(uncertain) or (a["dive_number"] and b["dive_number"]), (a, b)


def test_folds_hold_each_image_out_once() -> None:
    held_out = [name for fold in range(5) for name in SHIPPED[f"dive-free-fold-{fold}"]["val"]]
    assert sorted(held_out) == sorted(name for names in SHIPPED["dive-free"].values() for name in names)


def test_what_was_wrong_with_leak_free() -> None:
    """The figures of docs/reference/trashcan.md."""
    splits = SHIPPED["leak-free"]
    group_of = {name: name[4:10] for names in splits.values() for name in names}
    facts = shipped_facts("trashcan", VIDEO)
    known = {ROWS[video]["dive"] for video in _videos(splits["train"])} - {""}
    held_out = _videos(splits["val"]) | _videos(splits["test"])
    assert (sum(ROWS[video]["dive"] in known for video in held_out), len(held_out)) == (77, 128)
    leaks = {leak.splits: leak for leak in find_leaks("leak-free", splits, group_of, {}, facts)}
    assert leaks["train", "val"].images_in_dives[1] == 687
    assert leaks["train", "test"].images_in_dives[1] == 707
    shared = {pair[1] for split in ("val", "test") for pair in leaks["train", split].clocks}
    assert len(shared) == 14


def test_sequences_of_icra19_beside_dive_free_train() -> None:
    """The oracle goes by whole dates where they are sure: every other sequence must be more careful."""
    held_out = [ROWS[v] for split in ("val", "test") for v in _videos(SHIPPED["dive-free"][split])]
    dates = {row["date"] for row in held_out}
    rows = _rows("icra19.csv")
    assert len(rows) == 182
    facts = read_facts((FOLDER / "icra19.csv").read_text(encoding="utf-8"), "icra19.csv")
    known = shipped_facts("trashcan", VIDEO)
    for row in rows:
        allowed = row["dive_free_train"] == "yes"
        assert row["dive_free_train"] in ("yes", "no")
        if not row["date"] or row["date"] in dates:
            assert not allowed, row
        near = any(may_be_one_day(facts[row["video"]], known[other["video"][4:]]) for other in held_out)
        assert allowed == (bool(row["date"]) and not near), row


def _facts(video: str, date: str, clock: str = "", number: str = "", certainty: str = "sure") -> VideoFacts:
    start, _, end = clock.partition(" ")
    return VideoFacts(video, date, start, end, number, f"d{number or date}", certainty)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (_facts("a", "2015-05-07"), _facts("b", "2015-05-07"), True),
        (_facts("a", "2015-05-07"), _facts("b", "2015-05-08"), False),
        (_facts("a", "2015-05-07", certainty="date"), _facts("b", "2015-05-08"), True),
        (_facts("a", "2015-05-07", certainty="date"), _facts("b", "2015-06-08"), False),
        (_facts("a", "2015-05-07", certainty="date"), _facts("b", "2015-06-08", certainty="date"), True),
        (_facts("a", "2015-05-07", number="7", certainty="date"), _facts("b", "2015-05-08"), False),
        (_facts("a", "2015-05-07", number="7"), _facts("b", "2015-05-07", number="8"), True),
        (_facts("a", "199?-09-17", certainty="date"), _facts("b", "1995-09-17"), True),
        (_facts("a", "199?-09-17", certainty="date"), _facts("b", "1995-09-18"), False),
        (_facts("a", ""), _facts("b", ""), False),
    ],
)
def test_which_videos_may_be_of_one_day(one: VideoFacts, other: VideoFacts, expected: bool) -> None:
    assert may_be_one_day(one, other) is expected
    assert may_be_one_day(other, one) is expected


def test_days_follow_chains_and_leave_out_what_is_not_dated() -> None:
    facts = {
        "a": _facts("a", "2015-05-07"),
        "b": _facts("b", "2015-05-08", certainty="date"),
        "c": _facts("c", "2015-05-09"),
        "d": _facts("d", "2015-06-19"),
        "e": VideoFacts("e"),
    }
    assert days(facts) == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_overlapping_minutes() -> None:
    facts = {
        "a": _facts("a", "2015-05-07", "10:00:00 10:01:00"),
        "b": _facts("b", "2015-05-07", "10:01:00 10:02:00"),
        "c": _facts("c", "2015-05-07", "10:01:01 10:02:00"),
        "d": _facts("d", "2015-05-08", "10:00:00 10:01:00"),
        "e": _facts("e", ""),
    }
    assert same_minutes(["a"], ["a", "b", "c", "d", "e", "f"], facts) == [("a", "b")]
    assert dives_of({"1.jpg": "a", "2.jpg": "f"}, facts) == {"1.jpg": "d2015-05-07"}


def test_a_leak_by_dive_or_clock_alone_is_found() -> None:
    facts = {
        "a": _facts("a", "2015-05-07", "10:00:00 10:01:00", number="1"),
        "b": _facts("b", "2015-05-07", "11:00:00 11:01:00", number="1"),
        "c": _facts("c", "2015-05-07", "10:00:30 10:01:30", number="2"),
    }
    group_of = {"a1": "a", "b1": "b", "b2": "b", "c1": "c"}
    splits = {"train": ["a1"], "val": ["b1", "b2"], "test": ["c1"]}
    leaks = {leak.splits: leak for leak in find_leaks("s", splits, group_of, {}, facts)}
    assert leaks.keys() == {("train", "val"), ("train", "test")}
    assert leaks["train", "val"].dives == ("d1",)
    assert leaks["train", "val"].images_in_dives == (1, 2)
    assert not leaks["train", "val"].clocks
    assert leaks["train", "test"].clocks == (("a", "c"),)
    assert find_leaks("s", splits, group_of, {}) == []


def test_tables_are_read_as_written_and_bad_ones_refused() -> None:
    facts = {"a": _facts("a", "2015-05-07", "10:00:00 10:01:00", number="1"), "b": VideoFacts("b")}
    assert read_facts(facts_table(facts.values()), "videos.csv") == facts
    assert read_facts("video,ship\na,Natsushima\n", "videos.csv") == {"a": VideoFacts("a")}
    for text in ("", "name\na\n", "video\na\na\n", "video,certainty\na,perhaps\n"):
        with pytest.raises(DatasetError, match=r"videos\.csv"):
            read_facts(text, "videos.csv")
